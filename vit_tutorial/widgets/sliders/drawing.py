"""From a matplotlib Figure to the picture that a live figure shows."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, features

Frame = tuple[tuple[int, int], bytes]  # (width, height) and the dots in RGB, row by row

DPI = 200  # two dots for each pixel of the page, which shows an inch as 100 pixels
LOSSLESS = 60_000  # bytes up to which a picture keeps every dot; larger ones hold photographs
QUALITY = 85


def draw(figure_function: Callable[..., Any], settings: dict[str, Any], twin: bool = False) -> list[Image.Image]:
    """The figure of these settings, at two dots a pixel; with ``twin`` also as it looks on a dark page.

    Raises:
        TypeError: the function returned something else than a matplotlib Figure.
    """
    figure = figure_function(**settings)
    if not hasattr(figure, "savefig"):
        name = getattr(figure_function, "__name__", "the figure function")
        remedy = "; return its figure: axes.figure" if hasattr(figure, "figure") else ""
        raise TypeError(f"{name} returned {type(figure).__name__}, not a matplotlib Figure{remedy}")
    images = _dots(figure, twin)
    if "matplotlib.pyplot" in sys.modules:  # a figure that pyplot keeps would be shown a second time below the cell
        sys.modules["matplotlib.pyplot"].close(figure)
    return images


def _dots(figure: Any, twin: bool) -> list[Image.Image]:
    """What ``savefig`` would write, drawn once: savefig draws a figure with a layout twice, and packs a PNG that we would unpack again."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here: a build that only moves pictures draws none

    from vit_tutorial.dark import dark_twin

    own, dpi = figure.canvas, figure.dpi
    canvas = FigureCanvasAgg(figure)
    try:
        figure.dpi = DPI
        canvas.draw()
        light = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        return [light, dark_twin(figure)] if twin else [light]
    finally:  # whoever returned the figure may show it elsewhere
        figure.dpi = dpi
        figure.set_canvas(own)


def encode(image: Image.Image) -> tuple[bytes, str]:
    """A small file and its type: lossless WebP, or lossy where that is large; PNG where Pillow lacks WebP."""
    if not features.check("webp"):
        return save(image, "PNG", optimize=True), "png"
    # Half the time of Pillow's defaults (method 4, quality 80), within some per cent of their size.
    exact = save(image, "WEBP", lossless=True, method=1, quality=50)
    if len(exact) <= LOSSLESS:
        return exact, "webp"
    return min(exact, save(image, "WEBP", quality=QUALITY, method=4), key=len), "webp"


def save(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def padded(frame: Frame, size: tuple[int, int], paper: str = "white") -> Image.Image:
    """A frame's image at the upper left of paper of this (width, height)."""
    image = Image.frombytes("RGB", *frame)
    if image.size == size:
        return image
    canvas = Image.new("RGB", size, paper)
    canvas.paste(image)
    return canvas
