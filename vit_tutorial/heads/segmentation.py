"""A linear segmenter: one linear map that reads every patch token, enlarged to the pixels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.vit import VisionTransformer


class LinearSegmenter(nn.Module):
    """Class scores for every pixel: u_n = z_n W^T + b for each patch token z_n, laid out as the patches lie, then enlarged bilinearly.

    The head knows nothing of its neighbours or of the image: what a patch token says about its patch, the encoder has put there. The class
    token and registers have no place in the image and are not read.

    Args:
        encoder: any ViT; its own head is not used.
        num_classes: K, background included, at least 1.

    Shape:
        [B, C, H, W] -> [B, K, H, W], logits; their cross-entropy is taken with class numbers [B, H, W].

    Raises:
        ValueError: fewer than one class.

    Strudel et al. 2021, "Segmenter: Transformer for Semantic Segmentation", section 3.2, "Linear".
    """

    def __init__(self, encoder: VisionTransformer, num_classes: int) -> None:
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"a segmenter needs at least one class, got num_classes={num_classes}")
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.embed_dim, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.patch_logits(images)
        return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)

    def patch_logits(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] -> scores of each patch [B, K, rows, columns], before they are enlarged."""
        encoder = self.encoder
        tokens = encoder.fc_norm(encoder.forward_features(images))[:, encoder.num_prefix_tokens :]  # [B, N, D]
        logits = self.head(tokens)  # [B, N, K]
        return logits.transpose(1, 2).unflatten(2, encoder.grid_size)  # patch n lies in row n // columns
