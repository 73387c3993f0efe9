"""Images of any size through a model that was built for one: whole, with resized positions, or window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_tutorial.enlarge import enlarge
from vit_tutorial.heads.segmentation import Segmenter
from vit_tutorial.patches import pair
from vit_tutorial.vit import VisionTransformer


@contextmanager
def input_size(encoder: VisionTransformer, size: int | tuple[int, int]) -> Iterator[None]:
    """Within the block the encoder takes images of this size; afterwards it is as before, its positions the very same parameter.

    For looking, not for training: the resized positions are a copy. To train at another size, call ``encoder.set_input_size`` once.

    Raises:
        ValueError: a side is not divisible by the patch size.
    """
    before, positions = encoder.config.img_size, encoder.pos_embed
    if pair(size) == pair(before):
        yield
        return
    encoder.set_input_size(size)
    try:
        yield
    finally:
        encoder.set_input_size(before)
        encoder.pos_embed = positions


@torch.no_grad()
def predict_whole(model: Segmenter, images: Tensor) -> Tensor:
    """Logits of images of any size, each seen as a whole.

    The images are filled up with zeros (the mean colour, of normalised images) at the right and at the bottom to whole patches, the
    encoder's positions are resized to that grid, and what was filled up is cut off the logits again.

    Args:
        model: as it is; call ``model.eval()`` before.
        images: [B, C, H, W].

    Returns:
        [B, K, H, W].
    """
    H, W = images.shape[-2:]
    P = model.encoder.config.patch_size
    padded = F.pad(images, (0, -W % P, 0, -H % P))
    size = (padded.shape[-2], padded.shape[-1])
    with input_size(model.encoder, size):
        return enlarge(model.patch_logits(padded), size)[..., :H, :W]


@torch.no_grad()
def predict_windows(
    model: Segmenter,
    images: Tensor,
    size: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] | None = None,
    batch_size: int = 8,
    average: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Logits of images that are larger than those a model was trained on: the mean of the windows that cover a pixel.

    Windows start every ``stride`` pixels; the last one of a row or column ends at the image's border, so every pixel is covered. An image
    smaller than a window is filled up with zeros.

    Args:
        model: as it is; call ``model.eval()`` before.
        images: [B, C, H, W].
        size: (height, width) of a window, or its side; multiples of the patch size. None for the size the encoder was built for.
        stride: pixels from one window to the next, down and across, at least 1 and at most the size; None for half of the size.
        batch_size: windows at a time.
        average: what is averaged, made of a window's logits [n, K, h, w]; None for the logits themselves, and
            ``lambda logits: logits.softmax(1)`` for probabilities.

    Returns:
        [B, K, H, W], float32: mean logits, or the mean of what ``average`` makes.

    Raises:
        ValueError: a stride or batch size out of its range, or a window that the patches do not divide.
    """
    h, w = pair(model.encoder.config.img_size if size is None else size)
    down, across = pair(((h + 1) // 2, (w + 1) // 2) if stride is None else stride)
    if not (1 <= down <= h and 1 <= across <= w) or batch_size < 1:
        raise ValueError(
            f"stride is {down}x{across} and batch_size {batch_size}, of windows of {h}x{w} pixels (height x width); a stride must be at "
            "least 1 and at most the window's side, or pixels stay uncovered, and the batch size at least 1"
        )
    B, _, H, W = images.shape
    images = F.pad(images, (0, max(w - W, 0), 0, max(h - H, 0)))
    places = [
        (b, row, column)
        for b in range(B)
        for row in starts(images.shape[-2], h, down)
        for column in starts(images.shape[-1], w, across)
    ]
    total = count = None
    with input_size(model.encoder, (h, w)):
        for first in range(0, len(places), batch_size):
            some = places[first : first + batch_size]
            windows = torch.stack([images[b, :, row : row + h, column : column + w] for b, row, column in some])
            scores = enlarge(model.patch_logits(windows), (h, w))
            scores = scores if average is None else average(scores)
            if total is None or count is None:
                total = scores.new_zeros(B, scores.shape[1], *images.shape[-2:])
                count = scores.new_zeros(B, 1, *images.shape[-2:])
            for (b, row, column), score in zip(some, scores):
                total[b, :, row : row + h, column : column + w] += score
                count[b, :, row : row + h, column : column + w] += 1
    assert total is not None
    assert count is not None
    return (total / count)[..., :H, :W]


def starts(length: int, window: int, stride: int) -> list[int]:
    """Where windows start on a line so that they cover it: 0, stride, 2 stride, ..., and last length - window."""
    return [*range(0, length - window, stride), length - window]
