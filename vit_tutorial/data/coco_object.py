"""The objects of COCO's annotations: their outlines, and what can be wrong with those."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .coco_rle import RLE, checked_rle

Fault = tuple[str, str]  # (which annotation, what is wrong with it)


@dataclass(eq=False, slots=True)
class CocoObject:
    """One object, or one crowd region: its class number from 1, and its outline as polygons [2 n] (x, y, x, y, ...) or run lengths."""

    id: int
    label: int
    crowd: bool
    polygons: list[NDArray[np.float64]] = field(default_factory=list)
    rle: RLE | None = None


def outline(one: CocoObject, drawn: Any, size: tuple[int, int]) -> None:
    """Read the outline into the object. Raises ValueError for what is none."""
    if isinstance(drawn, dict):
        one.rle = checked_rle(drawn, size)
        return
    if not isinstance(drawn, list) or not drawn:
        raise ValueError("has no outline: segmentation is neither polygons nor run lengths")
    for part in drawn:
        try:
            points = np.asarray(part if isinstance(part, list) else [""])
        except ValueError:  # lists within the list
            points = np.asarray([""])
        if points.ndim != 1 or (points.dtype.kind not in "if" and len(points)):
            raise ValueError("has a polygon that is no list of numbers x, y, x, y, ...")
        if len(points) < 6 or len(points) % 2:
            raise ValueError(
                f"has a polygon of {len(points)} numbers; three points, so six, are the fewest, and x and y come in pairs"
            )
        one.polygons.append(points.astype(np.float64))


def take_out(found: list[tuple[CocoObject, tuple[int, int]]]) -> list[Fault]:
    """Look at the coordinates of all polygons at once, which is quick, and take the polygons from objects with faulty ones.

    Args:
        found: objects with the (height, width) of their images.

    Returns:
        What was wrong with which.
    """
    outlined = [(one, size) for one, size in found if one.polygons]
    if not outlined:
        return []
    parts = [part for one, _ in outlined for part in one.polygons]
    lengths = np.array([len(part) // 2 for part in parts])
    starts = np.cumsum(lengths) - lengths  # of each polygon, in points
    x, y = np.concatenate(parts).reshape(-1, 2).T
    following = np.arange(1, len(x) + 1)
    following[starts + lengths - 1] = starts  # after the last point comes the first
    owner = np.repeat(np.arange(len(outlined)), [len(one.polygons) for one, _ in outlined])
    height, width = np.array([size for _, size in outlined])[owner].T
    with np.errstate(invalid="ignore", over="ignore"):
        area = np.abs(np.add.reduceat(x * y[following] - x[following] * y, starts)) / 2
    left, right, top, bottom = (end.reduceat(values, starts) for values in (x, y) for end in (np.minimum, np.maximum))
    near = (left >= -width) & (right <= 2 * width) & (top >= -height) & (bottom <= 2 * height)  # False for nan
    touching = (right > 0) & (left < width) & (bottom > 0) & (top < height)
    # Each array below has one entry an object.
    far = np.bincount(owner, ~near) > 0
    outside = ~far & (np.bincount(owner, touching) == 0)
    flat = ~far & ~outside & (np.bincount(owner, area) < 1e-9)
    faults = []
    for bad, reason in (
        (far, "has a point further out than the image is large: coordinates are pixels from the upper left corner"),
        (outside, "lies outside its image"),
        (flat, "has no area"),
    ):
        for index in np.flatnonzero(bad).tolist():
            one = outlined[index][0]
            faults.append((f"annotation {one.id}", reason))
            one.polygons = []
    return faults
