"""The explorer's pictures, made by ``python -m vit_tutorial.widgets.models.gallery --pictures FOLDER`` and committed: all of them may be published.

    gallery/digits28.json    digits drawn by this file as smooth strokes: no picture of a data set
    gallery/photos32.json    cut from photographs, each with its author or address and its licence (photographs.py, which says what FOLDER holds)
    gallery/mae-garments.json    test images of Fashion-MNIST, which is under the MIT licence (gallery/LICENSE-fashion-mnist), and a digit of our own

A gallery is a list of entries: ``name``, ``label`` (what it shows, in words), ``image`` (PNG of the model's size, as a data address),
and for photographs ``large`` (JPEG to look at), ``credit``, and ``class``, the model's class that it shows, or ``none`` where it shows none.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from vit_tutorial.data import fashion_mnist
from vit_tutorial.widgets.models.page_model import GALLERY, data_address, gallery
from vit_tutorial.widgets.models.photographs import photos

Points = list[tuple[float, float]]

# Each digit: strokes as points (x, y) in a unit box, y downwards; a smooth curve goes through the points of a stroke.
STROKES: dict[str, list[Points]] = {
    "zero": [[(0.55, 0.02), (0.2, 0.2), (0.1, 0.55), (0.25, 0.92), (0.55, 0.98), (0.82, 0.75), (0.88, 0.4), (0.75, 0.1), (0.5, 0.02)]],
    "one": [[(0.3, 0.25), (0.55, 0.02)], [(0.55, 0.02), (0.5, 0.5), (0.46, 0.98)]],
    "two": [[(0.15, 0.25), (0.3, 0.06), (0.6, 0.03), (0.8, 0.22), (0.7, 0.48), (0.4, 0.75), (0.12, 0.95)], [(0.12, 0.95), (0.5, 0.93), (0.9, 0.96)]],
    "three": [[(0.18, 0.12), (0.45, 0.02), (0.75, 0.12), (0.74, 0.36), (0.42, 0.47)], [(0.42, 0.47), (0.75, 0.55), (0.85, 0.78), (0.6, 0.97), (0.3, 0.96), (0.13, 0.85)]],
    "four": [[(0.35, 0.03), (0.22, 0.35), (0.12, 0.58)], [(0.12, 0.58), (0.5, 0.58), (0.92, 0.55)], [(0.72, 0.05), (0.68, 0.5), (0.64, 0.98)]],
    "five": [[(0.82, 0.04), (0.5, 0.05), (0.28, 0.06)], [(0.28, 0.06), (0.24, 0.26), (0.2, 0.46)], [(0.2, 0.46), (0.5, 0.38), (0.78, 0.5), (0.82, 0.75), (0.58, 0.96), (0.28, 0.96), (0.12, 0.86)]],
    "six": [[(0.72, 0.04), (0.42, 0.22), (0.2, 0.52), (0.18, 0.8), (0.38, 0.98), (0.66, 0.93), (0.78, 0.72), (0.62, 0.53), (0.38, 0.56), (0.2, 0.74)]],
    "seven": [[(0.12, 0.08), (0.5, 0.07), (0.88, 0.05)], [(0.88, 0.05), (0.62, 0.45), (0.42, 0.98)]],
    "eight": [[(0.52, 0.48), (0.24, 0.32), (0.28, 0.08), (0.55, 0.02), (0.78, 0.14), (0.72, 0.36), (0.5, 0.48), (0.24, 0.66), (0.22, 0.9), (0.5, 0.99), (0.78, 0.86), (0.76, 0.64), (0.52, 0.48)]],
    "nine": [[(0.8, 0.2), (0.58, 0.03), (0.28, 0.1), (0.18, 0.34), (0.36, 0.52), (0.62, 0.45), (0.8, 0.2)], [(0.8, 0.2), (0.76, 0.55), (0.62, 0.98)]],
    "seven crossed": [[(0.12, 0.08), (0.5, 0.05), (0.88, 0.07)], [(0.88, 0.07), (0.6, 0.5), (0.4, 0.98)], [(0.3, 0.52), (0.55, 0.5), (0.8, 0.48)]],
    "one or seven": [[(0.22, 0.22), (0.45, 0.14), (0.68, 0.05)], [(0.68, 0.05), (0.58, 0.5), (0.46, 0.98)]],
    "four or nine": [[(0.3, 0.1), (0.2, 0.35), (0.3, 0.52), (0.55, 0.52), (0.78, 0.42)], [(0.78, 0.06), (0.74, 0.5), (0.66, 0.98)]],
}  # fmt: skip

SIDE, BOX, PEN = (
    28,
    20,
    2.3,
)  # pixels: of the picture, of the square that a digit fills (as in MNIST), of a stroke's width
FINE = 16  # drawn this much larger, then averaged

# Garments: name -> (class of Fashion-MNIST, which one of its test images)
FASHION_MNIST = "Fashion-MNIST test image, Zalando SE, MIT licence"
GARMENTS = {
    "ankle boot": (9, 9), "striped T-shirt": (0, 2), "trousers": (1, 0), "pullover with letters": (2, 0), "dress": (3, 1), "coat": (4, 0),
    "sandal": (5, 6), "checked shirt": (6, 1), "sneaker": (7, 0), "handbag": (8, 3), "dress with a pattern": (3, 14),
}  # fmt: skip


def smooth(points: Points, steps: int = 24) -> Points:
    """A Catmull-Rom curve through all points (centripetal spacing is not needed for strokes this even)."""
    p = np.array([points[0], *points, points[-1]])
    t = np.linspace(0, 1, steps)[:, None]
    pieces = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:]):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return [(float(x), float(y)) for x, y in np.concatenate(pieces)]


def draw_digit(strokes: list[Points], slant: float = 0.08, pen: float = PEN) -> Image.Image:
    """White strokes on black, 28x28, the digit filling 20x20 around its centre of mass as in MNIST."""
    side = SIDE * FINE
    picture = Image.new("L", (side, side))
    brush = ImageDraw.Draw(picture)
    width = pen * FINE
    for stroke in strokes:
        line = []
        for x, y in smooth(stroke):
            across = 0.72 * (x - 0.5) + slant * (0.5 - y)  # digits are narrower than high
            line.append((side / 2 + across * (BOX - pen) * FINE, side / 2 + (y - 0.5) * (BOX - pen) * FINE))
        for x, y in line:
            brush.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
        brush.line(line, fill=255, width=round(width))
    pixels = np.asarray(picture, dtype=np.float64)
    rows, columns = np.indices(pixels.shape)
    down = round((side / 2 - (rows * pixels).sum() / pixels.sum()) / FINE) * FINE
    right = round((side / 2 - (columns * pixels).sum() / pixels.sum()) / FINE) * FINE
    pixels = np.roll(pixels, (down, right), axis=(0, 1))
    small = pixels.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3))
    return Image.fromarray(np.rint(small).astype(np.uint8))


def digits() -> list[dict[str, str]]:
    entries = []
    for i, (name, strokes) in enumerate(STROKES.items()):
        picture = draw_digit(strokes, slant=(0.1, 0.02, 0.16)[i % 3], pen=(2.3, 2.7, 2.1)[i % 3])
        entries.append({"name": name, "label": name, "image": data_address(picture, "PNG", optimize=True)})
    return entries


def garments() -> list[dict[str, str]]:
    """Test images of Fashion-MNIST, which a model of the page was not trained on, and one picture that shows no garment."""
    test = fashion_mnist().test
    entries = []
    for label, (kind, number) in GARMENTS.items():
        image = test.images[torch.nonzero(test.labels == kind)[number, 0], 0]
        address = data_address(Image.fromarray(image.numpy()), "PNG", optimize=True)
        entries.append({"name": label, "label": label, "credit": FASHION_MNIST, "image": address})
    five = draw_digit(STROKES["five"], pen=2.7)
    return [
        *entries,
        {"name": "five", "label": "a five, no garment", "image": data_address(five, "PNG", optimize=True)},
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the explorer's pictures anew.")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="photographs that no library carries")
    folder = parser.parse_args().pictures
    GALLERY.mkdir(exist_ok=True)
    made: dict[str, list[Any]] = {
        "digits28": digits(),
        "photos32": photos(folder, gallery("photos32")),
        "mae-garments": garments(),
    }
    for name, entries in made.items():
        path = GALLERY / f"{name}.json"
        path.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
        print(f"{path.name}: {len(entries)} pictures, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
