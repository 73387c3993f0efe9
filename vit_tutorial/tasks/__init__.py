"""Tasks: each file joins data, model, loss and metrics for `vit_tutorial.training.fit`."""

from vit_tutorial.tasks.classification import Classification

__all__ = ["Classification"]
