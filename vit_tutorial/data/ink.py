"""A drawing becomes what a model of MNIST knows: the ink fills 20x20 pixels, and its centre of mass is the centre of 28x28."""

from __future__ import annotations

import math

import torch
from torch import Tensor

FIELD, BOX = 28, 20  # side of the picture, and of the square that the ink just fills
ENLARGED = 4  # at most, against the whole drawing shrunk to the field: a dot stays a dot


def prepare_ink(ink: Tensor) -> Tensor:
    """MNIST's preparation (LeCun et al. 1998, section III-A): size-normalised keeping the aspect ratio, then centred by mass.

    The longer side of the ink's bounding box becomes 20 pixels, each the mean over its square of the drawing, which gives the grey
    edges. Then the picture is moved by whole pixels, as in MNIST: row and column 14, from 0, hold the centre of mass. Nothing is
    moved out of the field, and nothing enlarged more than `ENLARGED` times. Without ink the field stays empty.

    ``attention_explorer/ink.js`` does the same in the page.

    Args:
        ink: [H, W], 0 (none) to 255, finer than the field. Any value above 0 counts as ink for the box.

    Returns:
        uint8 [28, 28].

    Raises:
        ValueError: not one drawing, or values beyond 0 to 255.
    """
    if ink.ndim != 2 or not ink.numel():
        raise ValueError(f"expected one drawing [H, W], got {list(ink.shape)}; take one channel of one image")
    ink = ink.double()
    if not ((ink >= 0) & (ink <= 255)).all():
        raise ValueError(f"ink runs from 0 to 255, got {ink.min():.3g} to {ink.max():.3g}; scale it")
    field = torch.zeros(FIELD, FIELD, dtype=torch.uint8)
    rows, columns = (torch.nonzero((ink > 0).any(dim=side))[:, 0] for side in (1, 0))
    if not len(rows):
        return field
    top, left = int(rows[0]), int(columns[0])
    high, wide = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    step = max(max(high, wide) / BOX, max(ink.shape) / (FIELD * ENLARGED))  # pixels of the drawing a pixel of the field
    down, across = (means(at, step, math.ceil(length / step), n) for at, length, n in
                    ((top, high, ink.shape[0]), (left, wide, ink.shape[1])))  # fmt: skip
    small = down @ ink @ across.T
    y, x = (shift(small.sum(dim=side)) for side in (1, 0))
    field[y : y + small.shape[0], x : x + small.shape[1]] = (small + 0.5).floor().to(torch.uint8)
    return field


def means(start: float, step: float, count: int, n: int) -> Tensor:
    """[count, n]: row i takes the mean over [start + i step, start + (i + 1) step] of n pixels of width 1."""
    edges = start + step * torch.arange(count + 1, dtype=torch.float64)
    pixel = torch.arange(n, dtype=torch.float64)
    covered = torch.minimum(edges[1:, None], pixel + 1) - torch.maximum(edges[:-1, None], pixel)
    return covered.clamp(min=0) / step


def shift(mass: Tensor) -> int:
    """Whole pixels to the place where ``mass`` [n] has its centre nearest to the field's pixel 14, all n within the field."""
    centre = float((mass * torch.arange(len(mass))).sum() / mass.sum())
    return min(max(math.floor(FIELD / 2 - centre + 0.5), 0), FIELD - len(mass))
