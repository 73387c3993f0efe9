"""Run lengths, COCO's compact form of a mask: how many pixels are outside, then inside, then outside, ..., column by column."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

RLE = dict[str, Any]  # {"size": [height, width], "counts": bytes}


def mask_tools() -> ModuleType:
    """pycocotools.mask. Raises ModuleNotFoundError with the remedy where it is not installed."""
    try:
        from pycocotools import mask
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "COCO's masks need pycocotools, which is not installed: pip install pycocotools"
        ) from error
    return mask  # type: ignore[no-any-return]


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
    return mask_tools().frPyObjects({"size": [*size], "counts": counts}, *size)  # type: ignore[no-any-return]


def uncompressed(text: str) -> NDArray[np.int64]:
    """The numbers of compressed run lengths.

    Each character holds five bits of a number, lowest first, its sixth bit says that more follow, and the last one's fifth is the sign. From
    the fourth number on what is written is the difference to the number two before.

    Raises:
        ValueError: the text is none that COCO writes.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    last = (codes & 32) == 0
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or not last[-1]:
        raise ValueError(
            "has compressed run lengths that are damaged: a character that is none of COCO's, or the end is missing"
        )
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > 7:
        raise ValueError("has compressed run lengths that are damaged: a number of more than 32 bits")
    position = np.arange(len(codes)) - np.repeat(starts, lengths)
    written = np.add.reduceat((codes & 31) << (5 * position), starts)
    written -= np.where(codes[ends] & 16, 1 << (5 * lengths), 0)
    numbers = written.copy()
    numbers[1::2] = np.cumsum(written[1::2])
    numbers[2::2] = np.cumsum(written[2::2])
    return numbers
