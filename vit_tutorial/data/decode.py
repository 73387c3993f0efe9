"""Image files to RGB or grey tensors: whole, upright, 8 bits; and many of them at once."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms import v2
from tqdm import tqdm

from .files import FORMATS
from .metadata import upright, without_metadata
from .packed import ImageFile

WHITE = (255, 255, 255)
FULL_RANGE = (0, 65535)
FAINT = 8  # of the 256 levels: an image whose values lie closer together is nearly constant


def open_image(
    content: bytes,
    channels: int = 3,
    background: tuple[int, int, int] = WHITE,
    value_range: tuple[int, int] = FULL_RANGE,
) -> Image.Image:
    """Decode a whole image file to 8-bit RGB (`channels=3`) or grey (`channels=1`).

    - The EXIF orientation is applied: a phone's portrait photo stands upright. Metadata that is damaged or odd is not used,
      and the pixels are.
    - Transparent pixels are composited onto `background`; palettes and CMYK become RGB.
    - 16-bit grey values from `value_range` (low, high) become 0 to 255, round(255 (v - low) / (high - low)), and those outside
      are cut off. (Pillow's own `convert` clips them at 255, and such an image turns white.)
    - Of an animation the first frame is taken.

    Raises:
        OSError, ValueError and others, as Pillow does: the file is cut, damaged, has no fixed range of values, or more
            pixels than Pillow's limit of twice `PIL.Image.MAX_IMAGE_PIXELS` (179 million), as a decompression bomb has.
            Pillow reads lazily; here all pixels are decoded, so a cut file does not pass.
    """
    return eight_bits(load_image(content), channels, background, value_range)


def load_image(content: bytes) -> Image.Image:
    """A whole image file as Pillow's image, upright, in the file's own mode. Raises as `open_image`."""
    if not content:
        raise ValueError("it is empty")
    try:
        return _load(content)
    except Image.DecompressionBombError as error:
        raise ValueError(f"it has too many pixels to be decoded safely: {error}; save a smaller copy of it") from None
    except Exception as error:  # Pillow's plug-ins raise many kinds
        pixels_only = without_metadata(content)
        if pixels_only != content:
            try:
                return _load(pixels_only)
            except Exception:  # not the metadata's fault: the first reason is the better one
                pass
        if isinstance(error, UnidentifiedImageError):
            raise ValueError("it is no image of a format that Pillow knows") from None
        raise


def _load(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    image.load()
    return upright(image)


def eight_bits(
    image: Image.Image,
    channels: int = 3,
    background: tuple[int, int, int] = WHITE,
    value_range: tuple[int, int] = FULL_RANGE,
) -> Image.Image:
    """An image of any mode as 8-bit RGB or grey, see `open_image`."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no fixed range; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):  # I;16 and its byte orders; I, in which older versions of Pillow give 16-bit PNGs
        values, (low, high) = sixteen_bit_values(image), value_range
        scaled = ((values - low).clip(0, high - low) * 510 + (high - low)) // (
            2 * (high - low)
        )  # rounded, in whole numbers
        image = Image.fromarray(scaled.astype(np.uint8))
    if image.has_transparency_data:
        canvas = Image.new("RGBA", image.size, (*background, 255))
        canvas.alpha_composite(image.convert("RGBA"))
        image = canvas
    return image.convert("RGB" if channels == 3 else "L")


def sixteen_bit_values(image: Image.Image) -> np.ndarray:
    """The values of a grey image of more than 8 bits, int64 [H, W]. Raises ValueError for values outside 0 to 65535."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels have no fixed range; save the image with 8 or 16 bits")
    return values


@dataclass
class Survey:
    """What `decode_all` noticed of the values in many files.

    Fields:
        counted: which files' 16-bit values are counted, e.g. those of training images.
        counts: how often each 16-bit value occurs in them, int64 [65536].
        wide: indices of the files with 16-bit values.
        spread: by index, largest minus smallest 8-bit value of the decoded image, in the channel where that is most.
    """

    counted: Sequence[bool]
    counts: np.ndarray = field(default_factory=lambda: np.zeros(65536, np.int64))
    wide: set[int] = field(default_factory=set)
    spread: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, index: int, loaded: Image.Image, decoded: Image.Image) -> None:
        """One more image, as it was loaded and as 8 bits."""
        extrema = decoded.getextrema()
        pairs: Sequence[tuple[float, float]] = extrema if isinstance(extrema[0], tuple) else [extrema]
        self.spread[index] = max(int(high) - int(low) for low, high in pairs)
        if loaded.mode.startswith("I"):
            with self._lock:
                self.wide.add(index)
                if self.counted[index]:
                    self.counts += np.bincount(sixteen_bit_values(loaded).ravel(), minlength=65536)


def range_of(counts: np.ndarray, rule: str) -> tuple[int, int]:
    """The 16-bit values that become 0 and 255.

    Args:
        counts: how often each value occurs, [65536].
        rule: "full" is 0 to 65535. "data" is what occurs, without the lowest and the highest thousandth (a camera has hot
            pixels), as long as that leaves two values. "auto" is "full" where the data fill a quarter of it, so that 64 or more of the 256
            levels are used, and "data" where they do not: 12-bit values in 16-bit files would all become 0 to 16.
    """
    if rule not in ("auto", "full", "data"):
        raise ValueError(f'value_range must be "auto", "full" or "data", got {rule!r}')
    occurring = np.flatnonzero(counts)
    if rule == "full" or len(occurring) < 2:
        return FULL_RANGE
    share = np.cumsum(counts) / counts.sum()
    low, high = (int(np.searchsorted(share, limit)) for limit in (0.001, 0.999))
    if low == high:
        low, high = int(occurring[0]), int(occurring[-1])
    return FULL_RANGE if rule == "auto" and high - low >= 65536 // 4 else (low, high)


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
    files: Sequence[ImageFile],
    size: tuple[int, int],
    channels: int = 3,
    background: tuple[int, int, int] = WHITE,
    keep: bool = True,
    threads: int | None = None,
    progress: bool | None = None,
    value_range: tuple[int, int] = FULL_RANGE,
    survey: Survey | None = None,
) -> tuple[Tensor, list[bytes], dict[int, str]]:
    """Decode files in parallel threads (Pillow releases Python's lock while it decodes).

    Args:
        files: N files.
        size: (H, W) of every result, see `fit`.
        keep: False decodes every file to see that it is whole, and keeps no pixels.
        threads: default: one a processor, 16 at most.
        progress: show a progress bar; None: if the output is a terminal.
        value_range: of 16-bit files, see `open_image`.
        survey: is told of the values in each file.

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
                loaded = load_image(content)
                image = eight_bits(loaded, channels, background, value_range)
                if survey is not None:
                    survey.note(index, loaded, image)
                if keep:
                    pixels[index] = np.asarray(fit(image, size)).reshape(*size, channels)
            except MemoryError:
                raise
            except (
                OSError
            ) as error:  # of the file system: its text holds the file's whole path, which stands there already
                bad[index] = error.strerror or one_line(error)
            except Exception as error:  # Pillow's plug-ins raise many kinds on damaged files
                bad[index] = one_line(error)
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


def hash_all(files: Sequence[ImageFile]) -> list[bytes]:
    """The SHA-256 of each file; of nothing, where one cannot be read (which is noticed when it is decoded)."""

    def digest(file: ImageFile) -> bytes:
        try:
            return hashlib.sha256(file.read_bytes()).digest()
        except OSError:
            return hashlib.sha256().digest()

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        return list(pool.map(digest, files))


def one_line(error: Exception) -> str:
    """An error's text in one line, or its kind if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
