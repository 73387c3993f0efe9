"""A mask laid on its photograph, which may be stored in one position and shown in another."""

from __future__ import annotations

import io
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor

from .files import FORMATS
from .joint import Size, move_target
from .metadata import orientation

DrawnOn = Literal["", "upright", "stored"]


def stored_orientation(content: bytes) -> int:
    """The EXIF orientation of an image file, 1 to 8, as `open_image` applies it."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return orientation(image)
    except Exception:  # damaged metadata, without which the pixels were read
        return 1


def lay_on(target: Any, size: Size, turn: int, drawn_on: DrawnOn, name: str) -> Any:
    """The target as it lies on the upright image of `size` (H, W), whose file had the orientation `turn`.

    Raises:
        ValueError: it has another size, or fits upright and as stored and `drawn_on` does not say which.
    """
    mask = target["void"] if isinstance(target, dict) else target
    found = (int(mask.shape[-2]), int(mask.shape[-1]))
    stored = (size[1], size[0]) if turn >= 5 else size
    fits = {"upright": found == size, "stored": found == stored}
    if turn > 1 and all(fits.values()) and not drawn_on:
        raise ValueError(
            f"{name} is stored with the EXIF orientation {turn} and shown turned, and its mask of {found[0]}x{found[1]} fits both ways; "
            'say with drawn_on="upright" or drawn_on="stored" what the masks were drawn on'
        )
    kind = drawn_on or ("stored" if fits["stored"] and not fits["upright"] else "upright")
    if not fits[kind]:
        also = f" (stored {stored[0]}x{stored[1]} with orientation {turn})" if turn > 1 else ""
        raise ValueError(
            f"{name} has {size[0]}x{size[1]} pixels (height x width){also}, but its mask has {found[0]}x{found[1]}; "
            "give the mask that was made for this image"
        )
    return target if turn == 1 or kind == "upright" else move_target(target, lambda masks, fill: turned(masks, turn))


def turned(pixels: Tensor, turn: int) -> Tensor:
    """Pixels [..., H, W] stored with the EXIF orientation `turn`, as they are to be seen."""
    if turn in (5, 7):  # mirrored at a diagonal
        pixels = pixels.transpose(-2, -1)
    flips = {2: (-1,), 3: (-2, -1), 4: (-2,), 7: (-2, -1)}
    pixels = pixels.flip(flips[turn]) if turn in flips else pixels
    return torch.rot90(pixels, {6: -1, 8: 1}[turn], (-2, -1)) if turn in (6, 8) else pixels
