"""Image and mask changed together: resized, fitted, cropped and padded by one geometry, item by item.

A pixel of the new image shows the place :math:`(i + 1/2)\\, h / H - 1/2` of the old one, counted in pixel centres. The image is interpolated
there, with antialiasing where it shrinks; the mask takes the one pixel that lies there, so no class is invented between two. (v2.Resize reads a
mask at :math:`i\\, h / H`, up to half an output pixel to the upper left.) New pixels are black in the image and void in the mask.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

from .targets import VOID

Size = tuple[int, int]  # (H, W)


def move_target(target: Any, move: Callable[[Tensor, int], Tensor]) -> Any:
    """The target after a change of geometry: ``move(mask, fill)`` for each mask in it, where `fill` is for new pixels.

    Args:
        target: a mask [H, W], whose new pixels are void (255); or a dict of `masks` [m, H, W] of objects, 0 in new pixels, `void` [H, W], 1
            there, `labels` [m] and others [m]. Objects that are no longer seen are left out of all of these.

    Raises:
        ValueError: the target is neither.
    """
    if isinstance(target, Tensor) and target.ndim >= 2:
        return move(target, VOID)
    if not isinstance(target, dict) or not {"masks", "void", "labels"} <= target.keys():
        found = sorted(target) if isinstance(target, dict) else type(target).__name__
        raise ValueError(
            f"a target that moves with its image is a mask [H, W] or a dict of masks, void and labels, got {found}"
        )
    masks = move(target["masks"], 0)
    seen = masks.flatten(1).any(1) if len(masks) else torch.zeros(0, dtype=torch.bool)
    others = {key: value[seen] for key, value in target.items() if key not in ("masks", "void")}
    return {**others, "masks": masks[seen], "void": move(target["void"], 1)}


def resize_image(image: Tensor, size: Size) -> Tensor:
    """uint8 [C, h, w] -> [C, H, W], bilinear, antialiased. One pixel is the mean of all."""
    if size == (1, 1):  # torch's kernel for bytes fails on three channels of one pixel
        return image.float().mean((1, 2), keepdim=True).round().to(torch.uint8)
    bilinear = v2.InterpolationMode.BILINEAR
    return torch.as_tensor(v2.functional.resize(image, list(size), interpolation=bilinear, antialias=True))


def resize_mask(mask: Tensor, size: Size) -> Tensor:
    """[..., h, w] -> [..., H, W]: each pixel is the old one at its centre. No value is new, whatever the type."""
    rows, columns = (_nearest(new, old, mask.device) for new, old in zip(size, mask.shape[-2:]))
    return mask[..., rows[:, None], columns]


def _nearest(new: int, old: int, device: torch.device) -> Tensor:
    """floor((i + 1/2) old / new) in whole numbers, int64 [new]."""
    return (2 * torch.arange(new, device=device) + 1) * old // (2 * new)


def window(pixels: Tensor, top: int, left: int, size: Size, fill: int) -> Tensor:
    """The part [..., H, W] of [..., h, w] from (top, left) on, which may lie outside; what is outside is `fill`."""
    height, width = pixels.shape[-2:]
    rows, columns = (max(top, 0), min(top + size[0], height)), (max(left, 0), min(left + size[1], width))
    if rows == (top, top + size[0]) and columns == (left, left + size[1]):
        return pixels[..., rows[0] : rows[1], columns[0] : columns[1]]
    result = pixels.new_full((*pixels.shape[:-2], *size), fill)
    if rows[0] < rows[1] and columns[0] < columns[1]:
        part = pixels[..., rows[0] : rows[1], columns[0] : columns[1]]
        result[..., rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left] = part
    return result


def fit_pair(image: Tensor, target: Any, size: Size) -> tuple[Tensor, Any]:
    """The whole image, as large as it can be within `size`, in the middle; what is left is black and void. For evaluation.

    Args:
        image: uint8 [C, h, w]. target: see `move_target`.

    Returns:
        uint8 [C, H, W] and the target.
    """
    inner = fitted(image, size)
    top, left = ((outside - inside) // 2 for outside, inside in zip(size, inner))
    resized = window(resize_image(image, inner), -top, -left, size, 0)
    return resized, move_target(target, lambda m, fill: window(resize_mask(m, inner), -top, -left, size, fill))


def fitted(image: Tensor, size: Size, scale: float = 1.0) -> Size:
    """(height, width) of the image scaled so that it just fits into `size`, times `scale`; at least one pixel each."""
    height, width = image.shape[-2:]
    factor = scale * min(size[0] / height, size[1] / width)
    return max(1, round(height * factor)), max(1, round(width * factor))


def random_resized_crop_pair(image: Tensor, target: Any, size: Size, scale: tuple[float, float]) -> tuple[Tensor, Any]:
    """A random part with a share of the area within `scale` and aspect ratio 3/4 to 4/3, resized to `size`; pads nothing.

    Drawn as v2.RandomResizedCrop does (Szegedy et al., 2015, section 6), from the global generator. Arguments as `fit_pair`.
    """
    cut = v2.RandomResizedCrop(size, scale=scale, antialias=True).make_params([image])
    place = cut["top"], cut["left"], (cut["height"], cut["width"])
    resized = resize_image(window(image, *place, 0).contiguous(), size)
    return resized, move_target(target, lambda m, fill: resize_mask(window(m, *place, fill), size))


@dataclass(frozen=True)
class RandomWindow:
    """Scale jitter and a window: the training transform of items of different sizes, for ``batches(..., transform=RandomWindow((240, 320)))``.

    The image is scaled so that it just fits into `size`, times a factor drawn log-uniformly from `scale`, mirrored with probability
    `hflip`, and laid at random: of a larger one a window is cut out, around a smaller one there is black, and void (large-scale jittering:
    Ghiasi et al., 2021, section 3). Random numbers come from the global generator, which `batches` seeds for each item.

    Args:
        size: (H, W) of every result.
        scale: (smallest, largest) factor, above 0.
        hflip: probability. Not for digits, nor where left and right differ.
    """

    size: Size
    scale: tuple[float, float] = (0.5, 2.0)
    hflip: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1] or not math.isfinite(self.scale[1]):
            raise ValueError(f"scale is (smallest, largest) factor above 0, got {self.scale}; (0.5, 2.0) is usual")
        if isinstance(self.hflip, bool) or not 0 <= self.hflip <= 1:
            raise ValueError(f"hflip is a probability from 0 to 1, got {self.hflip}; 0 is off, 0.5 is usual")

    def __call__(self, image: Tensor, target: Any) -> tuple[Tensor, Any]:
        """uint8 [C, h, w] and its target (see `move_target`) -> uint8 [C, H, W] and the target."""
        draws = torch.rand(4).tolist()
        low, high = (math.log(limit) for limit in self.scale)
        inner = fitted(image, self.size, math.exp(low + (high - low) * draws[0]))
        flip = draws[1] < self.hflip
        top, left = (_place(free, draw) for free, draw in zip((i - o for i, o in zip(inner, self.size)), draws[2:]))

        def move(pixels: Tensor, fill: int, resize: Callable[[Tensor, Size], Tensor] = resize_mask) -> Tensor:
            placed = window(resize(pixels, inner), top, left, self.size, fill)
            return placed.flip(-1) if flip else placed.contiguous()

        return move(image, 0, resize_image), move_target(target, move)


def _place(free: int, draw: float) -> int:
    """Where a window begins in an image that is `free` pixels larger, from 0 to free; for a smaller one from free to 0."""
    return math.floor(draw * (free + 1)) if free >= 0 else -math.floor(draw * (1 - free))
