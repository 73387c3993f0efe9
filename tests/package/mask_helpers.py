"""Masks and annotation files for the tests of segmentation data."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def grey_png(values: np.ndarray, bits: int) -> bytes:
    """A grey PNG [H, W] of 1, 2, 4, 8 or 16 bits, put together by hand, as Pillow writes only some of them."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b""
    for row in values.tolist():
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows += b"\0" + int(text, 2).to_bytes(len(text) // 8, "big")
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], bits, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def photo(path: Path, size: tuple[int, int] = (20, 24), seed: int = 0, turn: int = 1) -> np.ndarray:
    """Write a photograph of (height, width) as it is stored, with its EXIF orientation; returns its stored pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    exif = Image.Exif()
    if turn != 1:
        exif[0x0112] = turn
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, exif=exif)
    return pixels


SQUARE = [2, 2, 6, 2, 6, 6, 2, 6]


def coco_content(**changes: Any) -> dict[str, Any]:
    """What is in a small annotation file: an image of 12 rows and 16 columns, one object, category ids with a gap."""
    annotation = {"id": 1, "image_id": 7, "category_id": 5, "iscrowd": 0, "segmentation": [SQUARE], **changes}
    return {
        "images": [{"id": 7, "file_name": "a.png", "height": 12, "width": 16}],
        "annotations": [annotation],
        "categories": [{"id": 2, "name": "cat"}, {"id": 5, "name": "dog"}],
    }
