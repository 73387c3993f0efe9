"""Scenes that a reader lays out: real digits of the test split, placed and turned. The page's own code, scene.js, says the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vit_tutorial.data.digit_scenes import INK
from vit_tutorial.data.digits import digits

Placed = dict[str, int]  # digit (of the palette), row, column (of its 8x8 pixels), angle (degrees, clockwise)
SIDE, BOX, LETTERS = 8, 12, "0123456789abcdefg"  # pixels of a digit, of a turned one; seventeen levels of ink
EACH = 2  # digits of each kind
START: tuple[Placed, ...] = (
    {"digit": 13, "row": 2, "column": 2, "angle": 0},
    {"digit": 10, "row": 4, "column": 13, "angle": 0},
    {"digit": 15, "row": 14, "column": 5, "angle": 0},
    {"digit": 16, "row": 13, "column": 21, "angle": 0},
)


@cache
def palette() -> list[dict[str, Any]]:
    """The digits that can be laid down: digit i shows a ``kind`` of i modulo 10, and its ``ink`` as 64 letters, row by row.

    They are the first ones of each kind in the test split of :func:`~vit_tutorial.data.digits`; no model of a recipe was trained on them.
    """
    test = digits().test
    chosen = [torch.nonzero(test.labels == kind)[number].item() for number in range(EACH) for kind in range(10)]
    levels = (test.images[chosen, 0].flatten(1).double() * 16 / 255).round().long().tolist()
    kinds = test.labels[chosen].tolist()
    return [{"kind": kind, "ink": "".join(LETTERS[level] for level in ink)} for kind, ink in zip(kinds, levels)]


def read_ink(text: str) -> NDArray[np.uint8]:
    """64 letters -> uint8 [8, 8]."""
    return np.array([round(LETTERS.index(letter) * 255 / 16) for letter in text], np.uint8).reshape(SIDE, SIDE)


def turned(ink: NDArray[np.uint8], angle: float) -> NDArray[np.uint8]:
    """The ink [8, 8] turned clockwise by an angle in degrees around its middle, bilinearly: [12, 12], two pixels more on each side."""
    middle, offset, radians = (BOX - 1) / 2, (BOX - SIDE) // 2, np.deg2rad(angle)
    dy, dx = np.indices((BOX, BOX)) - middle
    x = np.cos(radians) * dx + np.sin(radians) * dy + middle - offset
    y = np.cos(radians) * dy - np.sin(radians) * dx + middle - offset
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    u, v, room = x - left, y - top, 8  # black around the ink, so that no place lies outside
    wide = np.pad(ink.astype(np.float64), room)
    at = [wide[np.clip(top + i, -room, SIDE + room - 1) + room, np.clip(left + j, -room, SIDE + room - 1) + room] for i in (0, 1) for j in (0, 1)]  # fmt: skip
    above, below = (1 - u) * at[0] + u * at[1], (1 - u) * at[2] + u * at[3]
    return np.floor((1 - v) * above + v * below + 0.5).astype(np.uint8)


def compose(placed: Sequence[Placed], size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(image, class of each pixel) [H, W] of digits that are laid down one after the other, as `digit_scenes` does it.

    A digit's box may lie partly outside. A pixel belongs to the last digit whose ink there is at least 64, and shows that ink; one that
    belongs to none shows the strongest ink.
    """
    height, width = size
    image, truth = (
        np.zeros((height + 2 * BOX, width + 2 * BOX), np.uint8),
        np.zeros((height + 2 * BOX, width + 2 * BOX), np.uint8),
    )
    for one in placed:
        entry = palette()[one["digit"]]
        ink = turned(read_ink(entry["ink"]), one.get("angle", 0))
        row, column = (one[key] - (BOX - SIDE) // 2 + BOX for key in ("row", "column"))
        window, claimed = np.s_[row : row + BOX, column : column + BOX], ink >= INK
        image[window] = np.where(claimed, ink, np.maximum(image[window], ink))
        truth[window][claimed] = entry["kind"] + 1
    inside = np.s_[BOX : BOX + height, BOX : BOX + width]
    return image[inside], truth[inside]
