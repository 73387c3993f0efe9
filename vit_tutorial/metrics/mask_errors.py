"""Where a segmenter is wrong: region by region, by the size of what is there, and by class and distance to a border.

A region is all pixels of one class of the true mask that hang together, across, down or diagonally. In a mask of classes that is the nearest
thing to an object: two leaves that touch are one region, and a leaf behind a stalk is two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .segmentation import VOID, counted, distance_to_border

SIZES = (0.001, 0.01, 0.1)  # shares of an image, between which regions are counted together


@dataclass(frozen=True)
class Region:
    """One region of a true mask, and what became of it.

    Fields:
        image: its place in the batch. label: its class.
        pixels: how many it has. share: of the image's pixels.
        right: how many of them were called so. called: what most of them were called.
        box: (top, left, bottom, right); the last two are the first row and column beyond it.
    """

    image: int
    label: int
    pixels: int
    share: float
    right: int
    called: int
    box: tuple[int, int, int, int]

    @property
    def found(self) -> bool:
        """Whether more than half of its pixels are right."""
        return 2 * self.right > self.pixels


@dataclass(frozen=True)
class SizeScore:
    """The regions whose share of their image is above `low` and at most `high`: how many, how many were found, and their pixels."""

    low: float
    high: float
    regions: int
    found: int
    pixels: int
    right: int

    @property
    def recall(self) -> float | None:
        """Share of the regions that were found."""
        return self.found / self.regions if self.regions else None

    @property
    def wrong(self) -> float | None:
        """Share of their pixels that are wrong."""
        return 1 - self.right / self.pixels if self.pixels else None


def regions(predictions: Tensor, targets: Tensor, num_classes: int, void: int = VOID) -> list[Region]:
    """The regions of true masks, image by image and class by class; void is none, and splits what it lies across.

    With the two masks exchanged the answer is about regions that were *called* so: one with ``right == 0`` was invented.

    Args:
        predictions, targets: class numbers [B, H, W], as in :func:`~vit_tutorial.metrics.segmentation.pixel_confusion`. Where predictions
            are void, as they are after the exchange, a pixel is not right.

    Raises:
        ValueError: shapes differ, they are not [B, H, W], or a number is neither a class nor void.
    """
    from skimage.measure import label, regionprops  # here, because training need not pay for the import

    if targets.ndim != 3:
        raise ValueError(f"masks are [B, H, W], got {list(targets.shape)}; give one mask as mask[None]")
    counted(torch.where(predictions == void, 0, predictions), targets, num_classes, void)
    found = []
    for image, (called, true) in enumerate(zip(predictions.cpu().numpy(), targets.cpu().numpy())):
        numbers = np.where(true == void, -1, true.astype(np.int64))
        for region in regionprops(label(numbers, background=-1, connectivity=2)):
            rows, columns = region.coords.T
            answers, kind = called[rows, columns].astype(np.int64), int(numbers[rows[0], columns[0]])
            most, size = np.bincount(answers).argmax(), len(rows)
            right = int((answers == kind).sum())
            top, left, bottom, right_end = (int(side) for side in region.bbox)
            found.append(Region(image, kind, size, size / true.size, right, int(most), (top, left, bottom, right_end)))
    return sorted(found, key=lambda one: (one.image, one.label))


def by_size(found: Sequence[Region], sizes: Sequence[float] = SIZES) -> list[SizeScore]:
    """Regions counted together from small to large, in len(sizes) + 1 groups that meet at these shares of an image.

    Raises:
        ValueError: shares that do not grow, or are not between 0 and 1.
    """
    ends = [0.0, *sizes, 1.0]
    if any(low >= high for low, high in pairwise(ends)):
        raise ValueError(f"sizes are shares of an image that grow from 0 to 1, got {list(sizes)}; (0.001, 0.01, 0.1)")
    scores = []
    for low, high in pairwise(ends):
        group = [one for one in found if low < one.share <= high]
        counts = (len(group), sum(one.found for one in group))
        scores.append(SizeScore(low, high, *counts, sum(one.pixels for one in group), sum(one.right for one in group)))
    return scores


def class_errors_by_distance(
    predictions: Tensor, targets: Tensor, num_classes: int, limit: int = 16, void: int = VOID
) -> Tensor:
    """Counted pixels of each true class at each distance to a border, and how many are wrong. Add up over batches.

    The distance is a king's on a chessboard, see :func:`~vit_tutorial.metrics.segmentation.distance_to_border`. Summed over
    the classes this is :func:`~vit_tutorial.metrics.segmentation.errors_by_distance`.

    Returns:
        [2, K, limit] of int64: wrong pixels and all pixels of class k at distance 1, 2, ..., limit and beyond.
    """
    labels, called = counted(predictions, targets, num_classes, void)
    place = labels * limit + distance_to_border(targets, limit)[targets != void] - 1
    cells = num_classes * limit
    counts = [torch.bincount(place[called != labels], minlength=cells), torch.bincount(place, minlength=cells)]
    return torch.stack(counts).reshape(2, num_classes, limit)
