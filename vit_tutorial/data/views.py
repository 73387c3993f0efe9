"""Random views of whole batches: cut, resized, mirrored and recoloured, each image with random numbers of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import roi_align
from torchvision.transforms import v2

from .joint_batch import jitter as recolour
from .transforms import random_hflip


def random_views(
    images: Tensor,
    mean: Sequence[float],
    std: Sequence[float],
    views: int,
    size: int | tuple[int, int],
    scale: tuple[float, float],
    *,
    hflip: float = 0.0,
    jitter: float = 0.0,
) -> Tensor:
    """Several views of each image, normalised. All random numbers come from the global CPU generator.

    Args:
        images: uint8 [B, C, H, W].
        mean, std: C numbers each, of pixel values scaled to 0..1.
        views: V, an image.
        size: (height, width) of a view, or its side, in pixels; at most the images'.
        scale: smallest and largest share of an image's area that a view shows, see :func:`random_boxes`.
        hflip: probability of a left-right flip.
        jitter: largest relative change of brightness, contrast and (of RGB) saturation.

    Returns:
        float32 [B, V, C, h, w].

    Raises:
        ValueError: views that are larger than the images.
    """
    B, _, H, W = images.shape
    height, width = (size, size) if isinstance(size, int) else size
    if height > H or width > W:
        raise ValueError(
            f"views of {height}x{width} pixels are larger than the images, {H}x{W} (height x width); choose at most {min(H, W)}"
        )
    pixels = v2.functional.to_dtype(images, torch.float32, scale=True)
    boxes = random_boxes(B * views, H, W, scale).to(pixels)
    x = crop_and_resize(pixels, boxes.unflatten(0, (B, views)), (height, width)).flatten(0, 1)
    if hflip:
        x = random_hflip(x, hflip)
    if jitter:
        x = recolour(x, jitter, jitter, jitter)
    return v2.functional.normalize(x, list(mean), list(std)).unflatten(0, (B, views))


def random_boxes(
    n: int, height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float] = (3 / 4, 4 / 3)
) -> Tensor:
    """Boxes [n, 4] (left, top, right, bottom) in an image, in pixels that need not be whole.

    The area's share is uniform in ``scale``, the shape (width over height, as shares of the image's) log-uniform in ``ratio``, the place uniform, as in Inception's training
    (Szegedy et al. 2015, section 6); a side that would leave the image is cut to it.
    """
    area = torch.empty(n).uniform_(*scale)
    shape = torch.empty(n).uniform_(math.log(ratio[0]), math.log(ratio[1])).exp()
    w, h = (area * shape).sqrt().clamp(max=1.0) * width, (area / shape).sqrt().clamp(max=1.0) * height
    left, top = torch.rand(2, n)
    left, top = left * (width - w), top * (height - h)
    return torch.stack([left, top, left + w, top + h], dim=1)


def crop_and_resize(images: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut boxes out of each image and resize them, all in one call.

    An output pixel is the mean of bilinear samples, one for each pixel of the image that it covers in either direction, so that
    shrinking does not leave any out. The whole image at its own size is the image, bit for bit.

    Args:
        images: float [B, C, H, W].
        boxes: [B, V, 4] (left, top, right, bottom) in pixels: of the image's first pixel the left edge is 0 and the middle 0.5.
        size: (height, width) of the result.

    Returns:
        [B, V, C, height, width].
    """
    # aligned=True: positions are of pixels' edges, as in F.interpolate(align_corners=False); False is off by half a pixel.
    cut = roi_align(images, list(boxes.unbind(0)), size, sampling_ratio=-1, aligned=True)
    return cut.unflatten(0, boxes.shape[:2])
