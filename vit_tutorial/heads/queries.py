"""Class queries without a decoder: they join the patches in the encoder's own last blocks.

Kerssies et al. 2025, "Your ViT is Secretly an Image Segmentation Model" (EoMT), section 3, for semantic segmentation with one query a
class. Theirs has more queries than classes, each with a class of its own to predict, so that it also tells objects apart; the price is a
matching of queries to objects in the loss, and masked attention while training. Neither is needed here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_tutorial.heads.segmentation import Segmenter, check_classes
from vit_tutorial.vit import VisionTransformer


class ClassQueries(nn.Module):
    """K learned queries, and what makes scores of them: s_n(k) = <z_n, MLP(q_k)> / sqrt(D).

    Args:
        dim: width D.
        num_classes: K.

    Shape:
        patches [B, N, D], queries [B, K, D], both as the encoder gives them -> [B, N, K], logits.
    """

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(1, num_classes, dim))
        self.mask_head = nn.Sequential(
            nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim)
        )

    def forward(self, patches: Tensor, queries: Tensor) -> Tensor:
        return patches @ self.mask_head(queries).transpose(1, 2) * patches.shape[-1] ** -0.5


class QuerySegmenter(Segmenter):
    """A segmenter whose head is a query a class, which the encoder's last blocks work on together with the patches.

    It adds no block, so it costs hardly more than the encoder; but those blocks have to learn a second task, so the encoder is trained.

    Args:
        encoder, pixels: as in :class:`Segmenter`.
        num_classes: K, background included, at least 1.
        depth: how many of the encoder's last blocks the queries go through, at least 1.

    Raises:
        ValueError: fewer than one class, or a depth that the encoder has not.
    """

    head: ClassQueries

    def __init__(self, encoder: VisionTransformer, num_classes: int, depth: int = 2, pixels: bool = True) -> None:
        check_classes(num_classes)
        if not 1 <= depth <= len(encoder.blocks):
            raise ValueError(
                f"depth is {depth}; queries can join the last 1 to {len(encoder.blocks)} blocks of this encoder"
            )
        super().__init__(encoder, ClassQueries(encoder.config.embed_dim, num_classes), pixels)
        self.depth = depth

    def patch_logits(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] -> scores of each patch [B, K, rows, columns]."""
        encoder, K = self.encoder, self.head.queries.shape[1]
        z = encoder.embed(images)  # [B, prefix + N, D]
        for block in encoder.blocks[: -self.depth]:
            z = block(z)
        z = torch.cat([self.head.queries.expand(z.shape[0], -1, -1), z], dim=1)  # [B, K + prefix + N, D]
        for block in encoder.blocks[-self.depth :]:
            z = block(z)
        z = encoder.fc_norm(encoder.norm(z))
        logits = self.head(z[:, K + encoder.num_prefix_tokens :], z[:, :K])  # [B, N, K]
        return logits.transpose(1, 2).unflatten(2, encoder.grid_size)
