"""Masks on disk: a file in, the class number of every pixel out; and masks written so that void stays void."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from .files import FORMATS, listed
from .metadata import upright
from .targets import VOID

KEEPING = ("PNG", "TIFF", "BMP", "GIF")  # those that keep every value; JPEG does not, and WebP does not always
BITS_PER_SAMPLE = 258  # a tag of TIFF
Colour = tuple[int, int, int]
Table = Mapping[int, int] | Mapping[Colour, int]  # what is in the file -> class number


class WholeTable(dict[int, int]):
    """A table that names every number which masks may hold, 255 for void aside."""


def read_mask(file: str | Path | bytes, table: Table | None = None) -> Tensor:
    """The class number of each pixel of a mask file: uint8 [H, W]; 255 is void.

    - A palette's numbers are the classes, whatever its colours.
    - Grey is read as it is stored, also with 1, 2 or 4 bits, which Pillow and others stretch to 0..255.
    - Grey of 16 bits is read if no value is above 255.
    - Colours need a table, unless they are greys (red, green and blue equal): then their value is the class.
    - An orientation beside the pixels is followed, as in photographs.

    Args:
        file: its path, or what is in it.
        table: class numbers of what the file holds. {11: 255}: of numbers; others stay as they are, and in a `WholeTable` there may be
            no others. {(128, 0, 0): 1, ...}: of colours, RGB; every colour of the file has to be in it, and of a palette its colours are
            looked up.

    Raises:
        ValueError: no mask of a format that keeps values, damage, colours without a table, values above 255.
        FileNotFoundError and other kinds of OSError: the file is not there or cannot be read.
    """
    name = "the mask" if isinstance(file, bytes) else str(file)
    content = file if isinstance(file, bytes) else Path(file).read_bytes()
    image, bits = _open(content, name)
    if table and isinstance(next(iter(table)), tuple):
        return torch.from_numpy(_of_colours(_opaque_rgb(image, name), table, name))
    return torch.from_numpy(_renumbered(_numbers(image, bits, name), table, name))


def write_mask(mask: Tensor, file: str | Path, palette: list[Colour] | None = None) -> None:
    """Write class numbers [H, W] as a palette PNG that keeps each of them, 255 included.

    The palette always has 256 colours: with fewer, Pillow stores fewer bits and cuts larger numbers down, without a word.

    Args:
        mask: whole numbers or bools, 0 to 255.
        palette: colours of the first numbers, RGB; default: `voc_palette()`, which colours void cream white.

    Raises:
        ValueError: not [H, W], numbers outside 0 to 255, or another suffix than .png.
    """
    if mask.ndim != 2 or mask.is_floating_point():
        raise ValueError(f"a mask to be written is whole numbers [H, W], got {mask.dtype} {list(mask.shape)}")
    if mask.numel() and not 0 <= int(mask.min()) <= int(mask.max()) <= 255:
        raise ValueError(
            f"a mask file holds 0 to 255, got {int(mask.min())} to {int(mask.max())}; write void as 255, and more than 255 classes not at all"
        )
    if Path(file).suffix.lower() != ".png":
        raise ValueError(f"masks are written as PNG, got {file}; give the name the suffix .png")
    image = Image.fromarray(mask.cpu().numpy().astype(np.uint8))
    colours = [*(palette or []), *voc_palette()[len(palette or []) :]][:256]
    image.putpalette([value for colour in colours for value in colour])  # makes it a palette image, mode P
    image.save(file, "PNG", bits=8)


def save_image(image: Tensor, file: str | Path) -> None:
    """Write uint8 [1, H, W] (grey) or [3, H, W] (RGB) in the format of the file's suffix."""
    pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
    Image.fromarray(pixels.cpu().numpy()).save(file)


def voc_palette() -> list[Colour]:
    """The 256 colours of PASCAL VOC's masks: bits 0, 1, 2 of a number are the top bits of red, green and blue, bits 3, 4, 5 the next, ..."""
    return [
        tuple(sum((n >> (3 * k + c) & 1) << (7 - k) for k in range(3)) for c in range(3))  # type: ignore[misc]
        for n in range(256)
    ]


def _open(content: bytes, name: str) -> tuple[Image.Image, int]:
    """The image, upright, and the bits of a pixel in the file."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Exception as error:  # Pillow's plug-ins raise many kinds
        raise ValueError(f"{name} cannot be read ({error}); a mask is a file of {listed([*KEEPING])}") from error
    if image.format not in KEEPING:
        raise ValueError(
            f"{name} is a {image.format} file, which does not keep class numbers as they were; "
            "write masks as PNG, from what they were made of"
        )
    try:
        image.load()
    except Exception as error:
        raise ValueError(f"{name} is damaged ({error}); get it again") from error
    return upright(image), _grey_bits(image, content)


def _numbers(image: Image.Image, bits: int, name: str) -> NDArray[np.uint8]:
    """The numbers that a palette or grey file holds."""
    if image.mode == "F" or image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        raise ValueError(
            f"{name} holds {image.mode} values, not class numbers; write masks as 8-bit grey or palette PNG"
        )
    if image.mode in ("P", "L", "1"):
        values = np.asarray(image).astype(np.uint8)
        return values // (255 // (2**bits - 1)) if image.mode == "L" and bits < 8 else values
    if image.mode.startswith("I"):  # 16 or 32 bits
        wide = np.asarray(image).astype(np.int64)
        if wide.min() < 0 or wide.max() > 255:
            raise ValueError(
                f"{name} holds numbers from {wide.min()} to {wide.max()}, but a mask holds classes from 0 to 254, and 255 for void; "
                "if these are objects or class * 1000 + object, make class numbers of them first"
            )
        return wide.astype(np.uint8)
    rgb = _opaque_rgb(image, name)
    if (rgb != rgb[..., :1]).any():
        seen = np.unique(rgb.reshape(-1, 3), axis=0)
        raise ValueError(
            f"{name} holds {len(seen):,} colours, such as {_triple(seen[-1])}, and nothing says which classes they are; "
            "give a table {(red, green, blue): class, ...}, in a folder's classes.txt as leaf = 128 0 0"
        )
    return np.ascontiguousarray(rgb[..., 0])


def _opaque_rgb(image: Image.Image, name: str) -> NDArray[np.uint8]:
    if image.mode in ("LA", "PA", "RGBA") and np.asarray(image.getchannel("A")).min() < 255:
        raise ValueError(
            f"{name} has transparent pixels, whose class nobody knows; write the mask without an alpha channel"
        )
    return np.asarray(image.convert("RGB"))


def _of_colours(rgb: NDArray[np.uint8], table: Mapping, name: str) -> NDArray[np.uint8]:
    keys = rgb.astype(np.int64) @ np.array([65536, 256, 1])
    known = {(r << 16) + (g << 8) + b: number for (r, g, b), number in table.items()}
    colours, where = np.unique(keys, return_inverse=True)
    unknown = [_triple((key >> 16, key >> 8 & 255, key & 255)) for key in colours.tolist() if key not in known]
    if unknown:
        raise ValueError(
            f"{name} holds {len(unknown):,} colours that the table has not: {listed(unknown, 5)}; add them to it"
        )
    numbers = np.array([known[key] for key in colours.tolist()])
    return _in_range(numbers, name)[where.reshape(keys.shape)]


def _renumbered(values: NDArray[np.uint8], table: Mapping | None, name: str) -> NDArray[np.uint8]:
    if not table:
        return values
    if isinstance(table, WholeTable):
        there = zip(*np.unique(values, return_counts=True))
        unknown = {int(number): int(n) for number, n in there if number not in table and number != VOID}
        if unknown:
            said = listed([f"{number} in {n:,} pixels" for number, n in unknown.items()], 5)
            raise ValueError(
                f"{name} holds {said}, which stands for no class; give it one, or make it void, in classes.txt as void = {min(unknown)}"
            )
    numbers = np.arange(256)
    for found, number in table.items():
        if not 0 <= found <= 255:
            raise ValueError(
                f"the table for {name} names the number {found}, which no mask file holds; they hold 0 to 255"
            )
        numbers[found] = number
    return _in_range(numbers, name)[values]


def _in_range(numbers: NDArray[np.int64], name: str) -> NDArray[np.uint8]:
    if numbers.min() < 0 or numbers.max() > VOID:
        raise ValueError(
            f"the table for {name} gives numbers from {numbers.min()} to {numbers.max()}; give classes from 0 to 254, and 255 for void"
        )
    return numbers.astype(np.uint8)


def _grey_bits(image: Image.Image, content: bytes) -> int:
    """Bits of a pixel as the file stores it; Pillow's mode L no longer says."""
    if image.format == "PNG":
        return int(struct.unpack_from("B", content, 24)[0])  # in IHDR, behind signature, length, type, width and height
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, 8)
        return int(bits[0] if isinstance(bits, tuple) else bits)
    return 8


def _triple(colour: object) -> str:
    return str(tuple(int(value) for value in colour))  # type: ignore[attr-defined]
