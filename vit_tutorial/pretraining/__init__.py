"""Training an encoder without labels: each objective takes a VisionTransformer and trains it; nothing of it is copied."""

from vit_tutorial.pretraining.config import PretrainingConfig, kept_encoder
from vit_tutorial.pretraining.contrastive import Contrastive, info_nce, symmetric_info_nce
from vit_tutorial.pretraining.dino import DINO, DINOHead, view_cross_entropy
from vit_tutorial.pretraining.mae import MaskedAutoencoder, masked_mse, patch_targets, random_mask

__all__ = [
    "DINO",
    "Contrastive",
    "DINOHead",
    "MaskedAutoencoder",
    "PretrainingConfig",
    "info_nce",
    "kept_encoder",
    "masked_mse",
    "patch_targets",
    "random_mask",
    "symmetric_info_nce",
    "view_cross_entropy",
]
