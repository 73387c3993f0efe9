"""Contrastive learning: of all images of a batch, find the one of which this is another view.

Chen, Xie and He 2021, "An Empirical Study of Training Self-Supervised Vision Transformers" (MoCo v3). Queries come from the encoder that is
trained, keys from its moving average; the negatives of an image are the other images of the batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.pretraining.momentum import cosine_momentum, follow, follower
from vit_tutorial.vit import VisionTransformer


class Contrastive(nn.Module):
    """Two views of each image in, a query and a key of each out.

    q = predictor(projector(encoder(x))), k = the same of the moving average, without a predictor; both of length 1. The loss is
    2 tau (InfoNCE(q_1, k_2) + InfoNCE(q_2, k_1)): the query of one view and the key of the *other*.

    Args:
        encoder: the ViT that is trained and kept, with ``num_classes=0``.
        hidden_dim, out_dim: of projector and predictor; 4,096 and 256 in the paper.
        temperature: tau; 0.2 in the paper.
        momentum: of the moving average at the first step; it grows to 1 along a cosine.
        frozen_patches: leave the patch projection as it was drawn, which made large runs stable (paper, section 4.2).

    Shape:
        {"large": [B, 2, C, H, W]} -> (queries [B, 2, d], keys [B, 2, d]).

    Raises:
        ValueError: the encoder has a head; the temperature is not above 0; in training, a batch of one image.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        hidden_dim: int = 4096,
        out_dim: int = 256,
        temperature: float = 0.2,
        momentum: float = 0.99,
        frozen_patches: bool = False,
    ) -> None:
        super().__init__()
        if encoder.config.num_classes:
            raise ValueError(
                f"the encoder has a head of {encoder.config.num_classes} classes; build it with num_classes=0"
            )
        if temperature <= 0:
            raise ValueError(f"the temperature is {temperature}; it must be above 0 (0.2 in the paper)")
        self.temperature, self.momentum = temperature, momentum
        self.encoder = encoder
        self.projector = mlp(encoder.config.embed_dim, hidden_dim, out_dim, layers=3)
        self.predictor = mlp(out_dim, hidden_dim, out_dim, layers=2)
        if frozen_patches:
            encoder.patch_embed.requires_grad_(False)
        self.slow_encoder, self.slow_projector = follower(encoder), follower(self.projector)

    def forward(self, views: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        large = views["large"]
        if large.ndim != 5 or large.shape[1] != 2:
            raise ValueError(f"the views must be [B, 2, C, H, W], two an image, got {list(large.shape)}")
        if self.training and len(large) < 2:
            raise ValueError("the batch has one image, and another one has to be told from it; give at least two")
        queries, keys = [], []
        for view in large.unbind(1):  # one after the other: the normalisation of one does not see the other
            queries.append(self.predictor(self.projector(self.encoder(view))))
            with torch.no_grad():
                keys.append(self.slow_projector(self.slow_encoder(view)))
        q, k = torch.stack(queries, dim=1), torch.stack(keys, dim=1)  # [B, 2, d]
        return F.normalize(q.float(), dim=-1), F.normalize(k.float(), dim=-1)

    def loss(self, views: Mapping[str, Tensor]) -> Tensor:
        """The symmetric InfoNCE, a scalar."""
        queries, keys = self(views)
        return symmetric_info_nce(queries, keys, self.temperature)

    def after_step(self, step: int, total_steps: int) -> None:
        """Move the slow networks. The training loop calls it when the encoder's weights have changed."""
        momentum = cosine_momentum(self.momentum, step, total_steps)
        follow(self.slow_encoder, self.encoder, momentum)
        follow(self.slow_projector, self.projector, momentum)

    def train(self, mode: bool = True) -> Contrastive:
        """As ever, but in the slow encoder nothing is dropped by chance. Its projector normalises by the batch, as the other one does."""
        super().train(mode)
        self.slow_encoder.eval()
        return self


def mlp(dim: int, hidden_dim: int, out_dim: int, layers: int) -> nn.Sequential:
    """Linear maps without bias, each followed by batch normalisation, with ReLU between; the last one has no gain and shift (paper, section 4)."""
    parts: list[nn.Module] = []
    for layer in range(layers):
        last = layer == layers - 1
        width = out_dim if last else hidden_dim
        parts += [nn.Linear(dim, width, bias=False), nn.BatchNorm1d(width, affine=not last)]
        parts += [] if last else [nn.ReLU()]
        dim = width
    return nn.Sequential(*parts)


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """l = -(1/B) sum_i log( exp(q_i k_i / tau) / sum_j exp(q_i k_j / tau) ) (van den Oord et al. 2018, equation 4).

    It is the cross-entropy of B classes, one an image, with cosines as logits.

    Args:
        queries, keys: [B, d], of length 1; key i belongs to query i.
        temperature: tau.

    Returns:
        A scalar, in nats; log B where the queries know nothing.

    Raises:
        ValueError: one image alone, of which there is nothing to tell it from.
    """
    if len(queries) < 2:
        raise ValueError("the batch has one image, and another one has to be told from it; give at least two")
    logits = queries @ keys.T / temperature  # [B, B]
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def symmetric_info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """2 tau (InfoNCE(q_1, k_2) + InfoNCE(q_2, k_1)) of queries and keys [B, 2, d] (MoCo v3, algorithm 1).

    The gradient of InfoNCE grows as 1 / tau; the factor takes that back, so that a learning rate fits more than one temperature.
    """
    (q1, q2), (k1, k2) = queries.unbind(1), keys.unbind(1)
    return 2 * temperature * (info_nce(q1, k2, temperature) + info_nce(q2, k1, temperature))
