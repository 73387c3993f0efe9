"""Segmenters: an encoder, a head that scores every patch token, and an enlargement to the pixels. First the smallest head, a linear map."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.enlarge import enlarge
from vit_tutorial.vit import VisionTransformer


class Segmenter(nn.Module):
    """Class scores for every pixel: the patch tokens z_n, scored by a head, laid out as the patches lie, then enlarged bilinearly.

    The class token and registers have no place in the image and are not read.

    Args:
        encoder: any ViT; its own head is not used.
        head: patch tokens [B, N, D] -> scores [B, N, K].
        pixels: whether a call gives the scores of pixels or of patches. Training needs the patches' only: ``vit_tutorial.losses``
            enlarges them itself, piece by piece, for less time and memory.

    Shape:
        [B, C, H, W] -> [B, K, H, W], logits; with ``pixels=False`` [B, K, rows, columns] as :meth:`patch_logits`. Targets are class numbers [B, H, W].

    Strudel et al. 2021, "Segmenter: Transformer for Semantic Segmentation", section 3.
    """

    def __init__(self, encoder: VisionTransformer, head: nn.Module, pixels: bool = True) -> None:
        super().__init__()
        self.encoder, self.head, self.pixels = encoder, head, pixels

    def forward(self, images: Tensor) -> Tensor:
        scores = self.patch_logits(images)
        return enlarge(scores, (images.shape[-2], images.shape[-1])) if self.pixels else scores

    def patch_logits(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] -> scores of each patch [B, K, rows, columns], before they are enlarged."""
        encoder = self.encoder
        tokens = encoder.fc_norm(encoder.forward_features(images))[:, encoder.num_prefix_tokens :]  # [B, N, D]
        logits = self.head(tokens)  # [B, N, K]
        return logits.transpose(1, 2).unflatten(2, encoder.grid_size)  # patch n lies in row n // columns


class LinearSegmenter(Segmenter):
    """A segmenter whose head is one linear map, u_n = z_n W^T + b.

    The head knows nothing of its neighbours or of the image: what a patch token says about its patch, the encoder has put there.

    Args:
        encoder, pixels: as in :class:`Segmenter`.
        num_classes: K, background included, at least 1.
        cells: s; the map gives s*s scores a class, one for each cell of the patch cut s times across and down. A token knows more of its
            patch than one answer says.

    Raises:
        ValueError: fewer than one class or cell.

    Strudel et al. 2021, section 3.2, "Linear" (s = 1).
    """

    head: nn.Linear

    def __init__(self, encoder: VisionTransformer, num_classes: int, cells: int = 1, pixels: bool = True) -> None:
        check_classes(num_classes)
        if cells < 1:
            raise ValueError(f"cells is {cells}; a patch is scored in at least one cell")
        super().__init__(encoder, nn.Linear(encoder.config.embed_dim, num_classes * cells**2), pixels)
        self.cells = cells
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def patch_logits(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] -> scores of each cell [B, K, s*rows, s*columns]."""
        return F.pixel_shuffle(super().patch_logits(images), self.cells)


def check_classes(num_classes: int) -> None:
    """Raises ValueError for fewer than one class."""
    if num_classes < 1:
        raise ValueError(f"a segmenter needs at least one class, got num_classes={num_classes}")
