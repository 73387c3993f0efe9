"""Training an encoder without labels: each objective takes a VisionTransformer and trains it; nothing of it is copied."""

from vit_tutorial.pretraining.mae import MaskedAutoencoder, masked_mse, random_mask

__all__ = ["MaskedAutoencoder", "masked_mse", "random_mask"]
