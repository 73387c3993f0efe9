"""A linear classifier on somebody else's encoder: the probe that asks what the features already know."""

from __future__ import annotations

from torch import Tensor, nn

from vit_tutorial.vit import VisionTransformer


class LinearClassifier(nn.Module):
    """logits = W pool(encoder(x)) + b, with the encoder trained along or frozen (a linear probe).

    A ViT that is trained for classification carries the same linear map as its own ``head``; this module puts one on an encoder that
    was trained for something else, without changing the encoder.

    Args:
        encoder: any ViT; its own head is not used.
        num_classes: K, at least 1.
        frozen: keep the encoder as it is, in evaluation mode and without gradients.

    Shape:
        [B, C, H, W] -> [B, K], logits.

    Raises:
        ValueError: fewer than one class.
    """

    def __init__(self, encoder: VisionTransformer, num_classes: int, frozen: bool = False) -> None:
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"a classifier needs at least one class, got num_classes={num_classes}")
        self.encoder = encoder
        self.frozen = frozen
        self.head = nn.Linear(encoder.config.embed_dim, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        if frozen:
            encoder.requires_grad_(False)
            encoder.eval()

    def train(self, mode: bool = True) -> LinearClassifier:
        super().train(mode)
        if self.frozen:
            self.encoder.eval()  # no drop path, no dropout: the features are the same in every epoch
        return self

    def forward(self, images: Tensor) -> Tensor:
        features = self.encoder.fc_norm(self.encoder.pool(self.encoder.forward_features(images)))  # [B, D]
        return self.head(features)
