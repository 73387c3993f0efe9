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
        pixels: whether a call gives the scores of pixels or of patches. Training needs the patches' only: ``vit_tutorial.losses.segmentation``
            enlarges them itself, piece by piece, for less time and memory.
        cells: s; the head scores s*s cells of each patch, cut s times across and down, [B, N, K*s*s], those of one class side by side. A
            token knows more of its patch than one answer says.

    Shape:
        [B, C, H, W] -> [B, K, H, W], logits; with ``pixels=False`` [B, K, s*rows, s*columns] as :meth:`patch_logits`. Targets are class
        numbers [B, H, W].

    Raises:
        ValueError: fewer than one cell, or an encoder that drops patches in training.

    Strudel et al. 2021, "Segmenter: Transformer for Semantic Segmentation", section 3.
    """

    def __init__(self, encoder: VisionTransformer, head: nn.Module, pixels: bool = True, cells: int = 1) -> None:
        super().__init__()
        check_classes(cells=cells)
        if encoder.patch_drop_rate:
            raise ValueError(
                f"the encoder's patch_drop_rate is {encoder.patch_drop_rate}, but masks need every patch; set it to 0"
            )
        self.encoder, self.head, self.pixels, self.cells = encoder, head, pixels, cells

    def forward(self, images: Tensor) -> Tensor:
        scores = self.patch_logits(images)
        return enlarge(scores, (images.shape[-2], images.shape[-1])) if self.pixels else scores

    def patch_logits(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] -> scores of each cell [B, K, s*rows, s*columns], before they are enlarged."""
        encoder = self.encoder
        tokens = encoder.fc_norm(encoder.forward_features(images))[:, encoder.num_prefix_tokens :]  # [B, N, D]
        logits = self.head(tokens).transpose(1, 2).unflatten(2, encoder.grid_size)  # patch n lies in row n // columns
        return F.pixel_shuffle(logits, self.cells)  # [B, K, s*rows, s*columns]


class LinearSegmenter(Segmenter):
    """A segmenter whose head is one linear map, u_n = z_n W^T + b.

    The head knows nothing of its neighbours or of the image: what a patch token says about its patch, the encoder has put there.

    Args:
        encoder, pixels, cells: as in :class:`Segmenter`.
        num_classes: K, background included, at least 1.

    Raises:
        ValueError: fewer than one class or cell.

    Strudel et al. 2021, section 3.2, "Linear" (s = 1).
    """

    head: nn.Linear

    def __init__(self, encoder: VisionTransformer, num_classes: int, cells: int = 1, pixels: bool = True) -> None:
        check_classes(num_classes, cells)
        super().__init__(encoder, nn.Linear(encoder.config.embed_dim, num_classes * cells**2), pixels, cells)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)


def check_classes(num_classes: int = 1, cells: int = 1) -> None:
    """Raises ValueError for fewer than one class or cell."""
    if num_classes < 1:
        raise ValueError(f"a segmenter needs at least one class, got num_classes={num_classes}")
    if cells < 1:
        raise ValueError(f"cells is {cells}; a patch is scored in at least one cell")
