"""Tiny data in the form that the GPU command reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vit_tutorial.data.jpeg_pack import PACKED, pack_images


def jpeg_folder(root: Path) -> Path:
    """ROOT/train/CLASS/*.jpg and ROOT/test/CLASS/*.jpg: ten classes, 32x32 pixels, each class of a colour of its own."""
    random = np.random.default_rng(0)
    for split, n in (("train", 6), ("test", 2)):
        for number in range(10):
            folder = root / split / f"class-{number}"
            folder.mkdir(parents=True)
            for i in range(n):
                pixels = random.integers(0, 40, (32, 32, 3)) + np.array([20 * number, 200 - 20 * number, 90])
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:05d}.jpg", quality=75)
    return root


def street_folder(root: Path) -> Path:
    """ROOT/images/SPLIT/*.jpg and ROOT/annotations/SPLIT/*.png: scenes of 40x20 pixels with classes 0 to 11."""
    random = np.random.default_rng(0)
    for split, n in (("train", 4), ("val", 2), ("test", 2)):
        for kind in ("images", "annotations"):
            (root / kind / split).mkdir(parents=True)
        for i in range(n):
            mask = np.repeat(np.repeat(random.integers(0, 12, (2, 4)), 10, 0), 10, 1).astype(np.uint8)
            Image.fromarray(np.stack([20 * mask] * 3, -1)).save(root / "images" / split / f"{i}.jpg")
            Image.fromarray(mask).save(root / "annotations" / split / f"{i}.png")
    return root


def travelling_data(root: Path) -> Path:
    """A folder with both."""
    pack_images(jpeg_folder(root / "jpeg"), root / PACKED, "ten colours as JPEG")
    street_folder(root / "camvid")
    return root
