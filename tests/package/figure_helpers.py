"""What the tests of figures share."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox
from PIL import Image

from vit_tutorial.dark import READ, contrast, luminance


def written(fig: Figure) -> str:
    """All that is written in a figure and shown, a line each."""
    fig.draw_without_rendering()  # tick labels are made only now
    return "\n".join(text.get_text() for text in fig.findobj(Text) if text.get_visible() and text.get_text())


class TextRenderer(RendererAgg):
    """Remembers what it writes, and where: (text, (left, top, right, bottom))."""

    def __init__(self, *size: float) -> None:
        super().__init__(*size)
        self.texts: list[tuple[str, tuple[float, ...]]] = []

    def draw_text(self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, *rest: Any, **more: Any) -> None:
        width, height, descent = self.get_text_width_height_descent(s, prop, more.get("ismath", False))
        box = Bbox.from_bounds(x, y - height + descent, width, height).padded(4)  # bold letters fill a box of their own
        turned = Affine2D().rotate_deg_around(x, y, -angle).transform(box.corners())
        self.texts.append((s, (*turned.min(axis=0), *turned.max(axis=0))))
        super().draw_text(gc, x, y, s, prop, angle, *rest, **more)


class TextCanvas(FigureCanvasAgg):
    """Draws by a renderer that remembers what it writes."""

    def get_renderer(self) -> Any:
        if getattr(self, "texts_of", None) is None:
            self.texts_of = TextRenderer(*self.figure.bbox.size, self.figure.dpi)
        return self.texts_of


def drawn(fig: Figure) -> TextRenderer:
    """The figure, laid out and drawn, with what is written in it; its own canvas stays."""
    canvas = fig.canvas
    try:
        twin = TextCanvas(fig)
        twin.draw()
    finally:
        fig.set_canvas(canvas)
    return twin.texts_of


def unread(fig: Figure, dark: Image.Image, light: TextRenderer | None = None) -> list[str]:
    """The texts of a figure that are read worse in its dark picture than in its light one, and too badly; judged by the dots."""
    if light is None:
        fig.set_layout_engine("none")  # as it was last drawn
        light = drawn(fig)
    picture = Image.fromarray(np.asarray(light.buffer_rgba())).convert("RGB")

    def worse(box: Any) -> bool:
        there = strongest(dark.crop(box))
        return there < READ and there < strongest(picture.crop(box))

    return [text for text, box in light.texts if worse(box)]


def strongest(picture: Image.Image) -> float:
    """The largest contrast of a dot with the ground, which is what most dots show."""
    lights = luminance(np.asarray(picture).reshape(-1, 3) / 255)
    return max(contrast(light, float(np.median(lights))) for light in (lights.min(), lights.max()))
