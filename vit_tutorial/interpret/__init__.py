"""Looking inside a trained model."""

from vit_tutorial.interpret.recorder import record_attention

__all__ = ["record_attention"]
