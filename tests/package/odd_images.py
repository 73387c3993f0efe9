"""Image files of all the kinds that people have, good and bad, for tests of the whole path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def noise(index: int, size: tuple[int, int] = (24, 20), low: int = 0) -> Image.Image:
    """An RGB picture of (width, height) that no other index has."""
    pixels = np.random.default_rng(index).integers(low, low + 100, size=(size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def turned(path: Path) -> None:
    """A photo as a phone stores it that was held upright: lying, with the orientation beside it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    noise(1).save(path, exif=exif)


def palette(path: Path) -> None:
    noise(2).quantize(16).save(path, transparency=3)


def sixteen_bit(path: Path) -> None:
    Image.fromarray(np.random.default_rng(3).integers(65536, size=(20, 24), dtype=np.uint16)).save(path)


def animated(path: Path) -> None:
    noise(4).save(path, save_all=True, append_images=[noise(5), noise(6)])


GOOD: dict[str, Callable[[Path], None]] = {  # file name: how it is written
    "grey.png": lambda path: noise(7).convert("L").save(path),
    "grey with transparency.png": lambda path: noise(8).convert("LA").save(path),
    "rgba.png": lambda path: noise(9).convert("RGBA").save(path),
    "palette.png": palette,
    "cmyk.jpg": lambda path: noise(10).convert("CMYK").save(path),
    "black and white.png": lambda path: noise(11).convert("1").save(path),
    "16 bit.png": sixteen_bit,
    "animated.gif": animated,
    "turned.jpg": turned,
    "one pixel.png": lambda path: noise(12, (1, 1)).save(path),
    "flat.png": lambda path: noise(13, (3000, 1)).save(path),
    "tall.png": lambda path: noise(14, (1, 3000)).save(path),
    "UPPER.JPG": lambda path: noise(15).save(path, "JPEG"),
    "käfer 写真 🐞.png": lambda path: noise(16).save(path),
}


def whole(path: Path) -> bytes:
    noise(20).save(path, "PNG")
    return path.read_bytes()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {  # file name: how it is written, and what is said of it
    "empty.jpg": (lambda path: path.write_bytes(b""), "it is empty"),
    "cut.png": (lambda path: path.write_bytes(whole(path)[:400]), "truncated"),
    "page.jpg": (lambda path: path.write_text("<html>404</html>"), "no image of a format that Pillow knows"),
    "bomb.png": (lambda path: Image.new("1", (20_000, 10_000)).save(path), "too many pixels to be decoded safely"),
}
