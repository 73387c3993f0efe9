"""Augmenting a batch of images with their masks, on any device, each image with random numbers of its own.

What moves pixels moves both by one grid: the image is interpolated, the mask takes the nearest pixel. Colours change in the image alone. As in
`transforms`, random numbers come from the global CPU generator, which the training loop seeds by (seed, step).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2

from .joint import move_target
from .targets import VOID, collate, count, select
from .transforms import affine_grid, normalize

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601), as Pillow and torchvision weigh them


def augment_pairs(
    images: Tensor,
    targets: Any,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    hflip: float = 0.0,
    shift: float = 0.0,
    rotate: float = 0.0,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
) -> tuple[Tensor, Any]:
    """Augment a training batch with its masks and normalise the images; everything is off by default, which leaves `normalize`.

    In this order: horizontal flip; brightness, contrast and saturation; rotation about the centre and shift, together. Whatever comes
    into the image from outside is black there and void in the mask.

    Args:
        images: [B, C, H, W] uint8.
        targets: masks [B, H, W], or the dict of lists that a batch of objects is (see `joint.move_target`).
        mean, std: C numbers each, of pixel values scaled to 0..1.
        hflip: probability of a left-right flip.
        shift: largest shift in pixels, each way and in both directions.
        rotate: largest rotation in degrees, both ways.
        brightness, contrast, saturation: largest change; a factor is drawn from 1 - v to 1 + v. Saturation changes RGB only.

    Returns:
        float32 [B, C, H, W], and the targets in their own form and type.

    Raises:
        ValueError: a value out of its range, or targets of another size than the images.
    """
    if images.ndim != 4 or images.dtype != torch.uint8:
        raise ValueError(f"images must be uint8 [B, C, H, W], got {images.dtype} {list(images.shape)}")
    for name, value in (
        ("hflip", hflip),
        ("brightness", brightness),
        ("contrast", contrast),
        ("saturation", saturation),
    ):
        if isinstance(value, bool) or not 0 <= value <= 1:
            raise ValueError(f"{name} is a number from 0 to 1, got {value}; 0 is off")
    if isinstance(targets, Tensor) and targets.shape != (len(images), *images.shape[-2:]):
        raise ValueError(
            f"masks of images {list(images.shape)} must be [{len(images)}, {images.shape[2]}, {images.shape[3]}], got {list(targets.shape)}"
        )
    if hflip:
        images, targets = flip_pairs(images, targets, hflip)
    if not (brightness or contrast or saturation or shift or rotate):
        return normalize(images, mean, std), targets
    x = images.float() / 255
    if brightness or contrast or saturation:
        x = jitter(x, brightness, contrast, saturation)
    if shift or rotate:
        x, targets = turn_pairs(x, targets, shift, rotate)
    return v2.functional.normalize(x, list(mean), list(std)), targets


def flip_pairs(images: Tensor, targets: Any, p: float) -> tuple[Tensor, Any]:
    """Mirror each image and its masks left to right with probability p."""
    flip = (torch.rand(len(images)) < p).to(images.device)
    mirrored = torch.where(flip[:, None, None, None], images.flip(-1), images)
    if isinstance(targets, Tensor):
        return mirrored, torch.where(flip[:, None, None], targets.flip(-1), targets)
    return mirrored, _each(targets, lambda masks, fill, i: masks.flip(-1) if flip[i] else masks)


def turn_pairs(images: Tensor, targets: Any, shift: float, rotate: float) -> tuple[Tensor, Any]:
    """Rotate and shift each image and its masks, see `transforms.random_affine`; what is new is 0 and void. Images are float."""
    B = len(images)
    angle = torch.deg2rad(torch.empty(B).uniform_(-rotate, rotate))
    tx, ty = torch.empty(2, B).uniform_(-shift, shift)
    grid = affine_grid(images, angle, tx, ty)  # [B, H, W, 2]
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    moved = moved * read_at(torch.ones_like(images[:, :1]), grid, 0)  # black where the mask is void, and nowhere else
    if isinstance(targets, Tensor):
        return moved, read_at(targets[:, None], grid, VOID)[:, 0]
    return moved, _each(
        targets, lambda m, fill, i: read_at(m.reshape(1, -1, *m.shape[-2:]), grid[i : i + 1], fill).reshape(m.shape)
    )


def read_at(masks: Tensor, grid: Tensor, fill: int) -> Tensor:
    """The nearest pixels of masks [B, m, H, W] at a grid [B, H, W, 2], `fill` outside; values up to 2^24, in their own type."""
    planes = masks.float() - fill  # what grid_sample puts outside is 0
    read = F.grid_sample(planes, grid, mode="nearest", padding_mode="zeros", align_corners=False) + fill
    return read.to(masks.dtype)


def jitter(images: Tensor, brightness: float, contrast: float, saturation: float) -> Tensor:
    """Each image [B, C, H, W], 0..1, times a factor; then with its distance from the mean grey, then from its own greys, times a factor."""
    B = len(images)
    b, c, s = (
        torch.empty(B).uniform_(1 - v, 1 + v).to(images)[:, None, None, None]
        for v in (brightness, contrast, saturation)
    )
    images = (images * b).clamp(0, 1)
    images = torch.lerp(_grey(images).mean((1, 2, 3), keepdim=True), images, c).clamp(0, 1)
    return torch.lerp(_grey(images), images, s).clamp(0, 1) if images.shape[1] == 3 else images


def _grey(images: Tensor) -> Tensor:
    """Luminance [B, 1, H, W] of RGB; of others the mean of the channels."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    return torch.einsum("bchw,c->bhw", images, images.new_tensor(LUMINANCE)).unsqueeze(1)


def _each(targets: Any, move: Callable[..., Tensor]) -> Any:
    """The targets of a batch of objects with ``move(masks, fill, i)`` done to the masks of image i."""
    moved = []
    for i in range(count(targets)):
        moved.append(move_target(select(targets, i), partial(move, i=i)))
    return collate(moved)
