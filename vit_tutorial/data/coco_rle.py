"""Run lengths, COCO's compact form of a mask: how many pixels are outside, then inside, then outside, ..., column by column."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

RLE = dict[str, Any]  # {"size": [height, width], "counts": bytes}


def mask_tools() -> ModuleType:
    """pycocotools.mask. Raises ModuleNotFoundError with the remedy where it is not installed."""
    try:
        return import_module("pycocotools.mask")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "COCO's masks need pycocotools, which is not installed: pip install pycocotools"
        ) from error


def checked_rle(rle: dict[str, Any], size: tuple[int, int]) -> RLE:
    """Run lengths as pycocotools decodes them, of a list of numbers or of COCO's compressed text.

    pycocotools believes what it is given: of runs that end too early it leaves the rest of the mask as the memory was.

    Raises:
        ValueError: they are not those of a mask of `size` (height, width).
    """
    stated, counts = rle.get("size"), rle.get("counts")
    if stated != [*size]:
        raise ValueError(f"has run lengths of size {stated!r} (height, width), but its image has {[*size]}")
    if isinstance(counts, str):
        numbers = uncompressed(counts)
    elif isinstance(counts, list) and all(type(count) is int and 0 <= count <= size[0] * size[1] for count in counts):
        numbers = np.array(counts, np.int64)
    else:
        raise ValueError("has run lengths that are neither a text nor a list of whole numbers from 0 to height * width")
    if numbers.sum() != size[0] * size[1] or (numbers < 0).any():
        raise ValueError(
            f"has run lengths that sum to {numbers.sum():,}, but its image has {size[0]:,} * {size[1]:,} = {size[0] * size[1]:,} pixels"
        )
    if isinstance(counts, str):
        return {"size": [*size], "counts": counts.encode()}
    compressed: RLE = mask_tools().frPyObjects({"size": [*size], "counts": counts}, *size)
    return compressed


def uncompressed(text: str | bytes) -> NDArray[np.int64]:
    """The numbers of compressed run lengths.

    Each character holds five bits of a number, lowest first, its sixth bit says that more follow, and the last one's fifth is the sign. From
    the fourth number on what is written is the difference to the number two before.

    Raises:
        ValueError: the text is none that COCO writes.
    """
    codes = np.frombuffer(text.encode() if isinstance(text, str) else text, np.uint8).astype(np.int64) - 48
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError(
            "has compressed run lengths that are damaged: a character that is none of COCO's, or the end is missing"
        )
    ends = np.flatnonzero((codes & 32) == 0)
    starts = np.zeros_like(ends)
    starts[1:] = ends[:-1] + 1
    lengths = ends - starts + 1
    if lengths.max() > 7:
        raise ValueError("has compressed run lengths that are damaged: a number of more than 32 bits")
    position = np.arange(len(codes)) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((codes & 31) << (5 * position), starts)
    numbers -= (codes[ends] & 16) << (5 * lengths - 4)  # the sign: two's complement
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def filled(rle: RLE) -> tuple[slice, NDArray[np.bool_], int]:
    """Which columns an object has pixels in, those columns, bool [columns, height], and how many pixels it has.

    As pycocotools.mask.decode, but for the columns beside the object, which are most of an image and most of its time.
    """
    height, counts = rle["size"][0], uncompressed(rle["counts"])
    counts = counts[: len(counts) // 2 * 2]  # without the last run if it is outside
    if not len(counts):
        return slice(0, 0), np.zeros((0, height), bool), 0
    left, end = int(counts[0]) // height, int(counts.sum())  # its first column, and the place behind its last pixel
    right = -(-end // height)
    runs = np.append(counts, right * height - end)
    runs[0] -= left * height
    inside = np.zeros(len(runs), bool)
    inside[1::2] = True
    return slice(left, right), np.repeat(inside, runs).reshape(right - left, height), int(counts[1::2].sum())
