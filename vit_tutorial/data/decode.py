"""Image files to RGB or grey tensors: whole, upright, 8 bits; and many of them at once."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms import v2
from tqdm import tqdm

WHITE = (255, 255, 255)


def open_image(content: bytes, channels: int = 3, background: tuple[int, int, int] = WHITE) -> Image.Image:
    """Decode a whole image file to 8-bit RGB (`channels=3`) or grey (`channels=1`).

    - The EXIF orientation is applied: a phone's portrait photo stands upright.
    - Transparent pixels are composited onto `background`; palettes and CMYK become RGB.
    - 16-bit grey values v become round(v / 257), which maps 0..65535 onto 0..255. (Pillow's own `convert` clips them
      at 255, and such an image turns white.)
    - Of an animation the first frame is taken.

    Raises:
        OSError, ValueError and others, as Pillow does: the file is cut, damaged, has no fixed range of values, or more
            pixels than Pillow's limit of twice `PIL.Image.MAX_IMAGE_PIXELS` (179 million), as a decompression bomb has.
            Pillow reads lazily; here all pixels are decoded, so a cut file does not pass.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(content))
    except UnidentifiedImageError:
        raise ValueError("it is no image of a format that Pillow knows" if content else "it is empty") from None
    except Image.DecompressionBombError as error:
        raise ValueError(f"it has too many pixels to be decoded safely: {error}; save a smaller copy of it") from None
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ValueError("floating-point pixels have no fixed range; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):  # I;16 and its byte orders; I, in which older versions of Pillow give 16-bit PNGs
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("32-bit pixels have no fixed range; save the image with 8 or 16 bits")
        image = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        canvas = Image.new("RGBA", image.size, (*background, 255))
        canvas.alpha_composite(image.convert("RGBA"))
        image = canvas
    return image.convert("RGB" if channels == 3 else "L")


def fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The largest centred part of the image that has the shape of `size` (H, W), resized to it.

    The same as scaling the shorter side and cutting the centre out. Bicubic, and antialiased when it shrinks.
    """
    height, width = size
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), method=Image.Resampling.BICUBIC)
    return image


def random_fit(image: Image.Image, size: tuple[int, int], scale: tuple[float, float]) -> Image.Image:
    """A random part with `scale` (smallest, largest) of the area and aspect ratio 3/4 to 4/3, resized to `size`."""
    crop = v2.RandomResizedCrop(size, scale=scale, interpolation=v2.InterpolationMode.BICUBIC, antialias=True)
    cut: Image.Image = crop(image)
    return cut


def as_tensor(image: Image.Image) -> Tensor:
    """An 8-bit RGB or grey image as uint8 [3, H, W] or [1, H, W]."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    return pixels.unsqueeze(0) if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()


def decode_all(
    files: Sequence[Path],
    size: tuple[int, int],
    channels: int = 3,
    background: tuple[int, int, int] = WHITE,
    keep: bool = True,
    threads: int | None = None,
    progress: bool | None = None,
) -> tuple[Tensor, list[bytes], dict[int, str]]:
    """Decode files in parallel threads (Pillow releases Python's lock while it decodes).

    Args:
        files: N paths.
        size: (H, W) of every result, see `fit`.
        keep: False decodes every file to see that it is whole, and keeps no pixels.
        threads: default: one a processor, 16 at most.
        progress: show a progress bar; None: if the output is a terminal.

    Returns:
        images uint8 [N, C, H, W] (N = 0 without `keep`; those of bad files are black), the files' SHA-256 digests,
        and {index: reason} for each file that could not be read or decoded.
    """
    pixels = np.zeros((len(files) if keep else 0, *size, channels), dtype=np.uint8)
    digests = [b""] * len(files)
    bad: dict[int, str] = {}

    def decode(start: int) -> int:
        for index in range(start, min(start + chunk, len(files))):
            try:
                content = files[index].read_bytes()
                digests[index] = hashlib.sha256(content).digest()
                image = open_image(content, channels, background)
                if keep:
                    pixels[index] = np.asarray(fit(image, size)).reshape(*size, channels)
            except MemoryError:
                raise
            except Exception as error:  # Pillow's plug-ins raise many kinds on damaged files
                bad[index] = " ".join(str(error).split()) or type(error).__name__
        return min(chunk, len(files) - start)

    chunk = 64
    n_threads = threads or min(os.cpu_count() or 1, 16)
    hide = None if progress is None else not progress
    with (
        ThreadPoolExecutor(n_threads) as pool,
        tqdm(total=len(files), desc="decode", unit="image", disable=hide) as bar,
    ):
        for done in pool.map(decode, range(0, len(files), chunk)):
            bar.update(done)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    return images, digests, dict(sorted(bad.items()))
