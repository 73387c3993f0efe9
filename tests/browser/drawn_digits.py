"""Digits as readers draw them: handwritten shapes (``drawn_digits.json``) in another size, place and lean each time.

The shapes of "first" were there while the figure was made; those "kept aside" were scored once, at the end. Neither was chosen by a score.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SHAPES: dict[str, dict[str, list[list[list[float]]]]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
PENS = ["thin", "medium", "thick"]
SIZES = (0.4, 0.6, 0.8)  # height of the digit, as a share of the pad's
PLACES = ((0, 0), (-1, -1), (1, -1), (-1, 1), (1, 1))  # the middle, and as far as possible into each corner
MARGIN = 0.07  # that a hand leaves to the pad's edge


@dataclass(frozen=True)
class Drawing:
    """``strokes``: each [points, 2], x and y in 0..1 of the pad. ``digit``: what it is, or None for no digit."""

    name: str
    digit: int | None
    pen: str
    size: float
    place: tuple[int, int]
    strokes: list[np.ndarray]


def smooth(points: list[list[float]], steps: int = 6) -> np.ndarray:
    """A curve through all points (Catmull-Rom); one that stands there twice is a corner."""
    p = np.array([points[0], *points, points[-1]], dtype=float)
    t = np.linspace(0, 1, steps)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:])
        if (b != c).any()
    ]
    return np.concatenate(pieces)


def drawing(
    name: str, half: str, pen: str, size: float, place: tuple[int, int], random: np.random.Generator
) -> Drawing:
    """One shape as a hand would repeat it: its points a little elsewhere, leaning, turned, wider or narrower."""
    lean, turn = random.uniform(-0.15, 0.3), np.radians(random.uniform(-8, 8))
    width = random.uniform(0.6, 0.85)
    strokes = []
    for points in SHAPES[half][name]:
        corners, which = np.unique(points, axis=0, return_inverse=True)  # a point that stands there twice stays one
        line = smooth((corners + random.normal(0, 0.012, corners.shape))[which.ravel()].tolist()) - 0.5
        line[:, 0] = width * line[:, 0] - lean * line[:, 1]
        strokes.append(line @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]))
    ends = np.concatenate(strokes)
    low, high = ends.min(0), ends.max(0)
    scale = size / max(high - low)
    room = np.maximum(0, 1 - 2 * MARGIN - scale * (high - low)) / 2
    centre = 0.5 + room * np.array(place)
    strokes = [(line - (low + high) / 2) * scale + centre for line in strokes]
    digit = NAMES.index(name.split(",")[0]) if half != "no digit" else None
    return Drawing(name, digit, pen, size, place, strokes)


def digits(half: str, each: int = 10, seed: int = 0) -> list[Drawing]:
    """``each`` drawings of every digit, in turn with each pen, in each place and size."""
    random = np.random.default_rng([seed, len(half)])
    drawn = []
    for digit, word in enumerate(NAMES):
        shapes = [name for name in SHAPES[half] if name.split(",")[0] == word]
        for i in range(each):
            size = SIZES[random.integers(len(SIZES))]
            drawn.append(
                drawing(shapes[i % len(shapes)], half, PENS[(i + digit) % 3], size, PLACES[(i + digit) % 5], random)
            )
    return drawn


def no_digits(seed: int = 0, each: int = 3) -> list[Drawing]:
    """Every letter, sign and scribble, with each pen."""
    random = np.random.default_rng([seed, 99])
    return [
        drawing(name, "no digit", PENS[i % 3], SIZES[random.integers(len(SIZES))], PLACES[i % 5], random)
        for name in SHAPES["no digit"]
        for i in range(each)
    ]
