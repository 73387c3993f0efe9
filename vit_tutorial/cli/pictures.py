"""Images named on the command line, as a model takes them: files, folders of them, and addresses."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from torch import Tensor

from vit_tutorial.data.decode import FULL_RANGE, as_tensor, fit, one_line, open_image
from vit_tutorial.data.fetch import fetch, is_url
from vit_tutorial.data.files import SUFFIXES_IN_WORDS, Sight, images_below, printable
from vit_tutorial.data.metadata import orientation
from vit_tutorial.patches import in_pixels


@dataclass
class Answer:
    """What is said of one image: its most probable classes, or why there is none."""

    image: str
    predictions: list[tuple[str, float]] = field(default_factory=list)  # (class, probability), largest first
    notes: list[str] = field(default_factory=list)  # what had to be done to the image
    error: str = ""
    size: tuple[int, int] = (0, 0)  # height and width of the upright image, before it was fitted


def image_names(words: Iterable[str]) -> Iterator[str]:
    """Each word itself, and for a folder every image file in it at any depth, sorted, as training finds them: see `images_below`."""
    for word in words:
        if not word.strip():  # an empty variable of a shell; as a path it would be the folder that one is in
            raise ValueError("the name of an image is empty; give files, folders or addresses, or . for this folder")
        folder = Path(word)
        if is_url(word) or not folder.is_dir():
            yield word
            continue
        sight = Sight()
        files = images_below(folder, sight)
        if not files:
            others = f", but {sight.kinds()}" if sight.not_images else ""
            raise FileNotFoundError(f"no image files in {printable(word)}{others}; known are {SUFFIXES_IN_WORDS}")
        yield from map(str, files)


def read_image(
    name: str, channels: int, size: tuple[int, int] | None = None, value_range: tuple[int, int] = FULL_RANGE
) -> tuple[Tensor | None, Answer]:
    """An image as the model takes it, uint8 [C, H, W], or as large as it is, and what had to be done to it; or None, and why not."""
    found = Answer(name)
    try:
        content = fetch(name) if is_url(name) else Path(name).read_bytes()
    except FileNotFoundError:
        found.error = "there is no image of that name"
        return None, found
    except (OSError, ValueError) as error:
        found.error = f"cannot be read ({one_line(error)})"
        return None, found
    try:
        image = open_image(content, channels, value_range=value_range)
        found.size = (image.height, image.width)
        found.notes = changes(content, image, channels, size or found.size)
        return as_tensor(image if size is None else fit(image, size)), found
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plug-ins raise many kinds on damaged files
        found.error = f"cannot be decoded ({one_line(error)})"
        return None, found


def place_before_fit(value: float, axis: int, size: tuple[int, int], fitted: tuple[int, int]) -> float:
    """A row (axis 0) or column (axis 1) of an image that `fit` has brought from `size` to `fitted` (H, W), in pixels of the image itself.

    The middle of the first pixel is 0. What was kept is the largest centred part of the shape of `fitted`.
    """
    scale = min(size[0] / fitted[0], size[1] / fitted[1])  # pixels of the image a pixel of the fitted one
    start = (size[axis] - scale * fitted[axis]) / 2
    return start + (value + 0.5) * scale - 0.5


def changes(content: bytes, image: Image.Image, channels: int, size: tuple[int, int]) -> list[str]:
    """What has to be done to a picture, of which `image` is the decoded form, before a model can take it."""
    notes = []
    try:
        with Image.open(io.BytesIO(content)) as header:
            mode, transparent, frames = header.mode, header.has_transparency_data, getattr(header, "n_frames", 1)
            turned = orientation(header) != 1
    except Exception:  # the pixels were read without what is damaged beside them
        mode, transparent, frames, turned = "RGB" if channels == 3 else "L", False, 1, False
        notes.append("damaged metadata left out")
    if frames > 1:
        notes.append(f"the first of {frames} frames")
    if turned:
        notes.append("turned upright")
    if transparent:
        notes.append("transparent pixels made white")
    if channels == 3 and mode.startswith(("L", "I", "1")):
        notes.append("grey made RGB")
    if channels == 1 and not mode.startswith(("L", "I", "1")):
        notes.append("colour made grey")
    if image.size != (size[1], size[0]):
        shape = "" if image.width * size[0] == image.height * size[1] else ", its centre"
        notes.append(f"{in_pixels((image.height, image.width))}{shape} resized to {size[0]}x{size[1]}")
    return notes
