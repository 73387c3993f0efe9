"""The dark twin of a matplotlib figure: the same picture in light ink on the book's dark paper.

The figure is drawn once more by a renderer that changes colours while it draws; the figure itself stays as it is.

    greys       from white to ink become the same step from dark paper to light ink: text, axes, ticks, grids, white edges
    colours     stay, unless they are too dark for the paper: those are mixed with ink until they can be seen
    images      and all that is drawn on one stay as they are: what is data has one look; so does what has the gid AS_IT_IS,
                such as a key to an image's colours
    text        on a bar or another patch takes, if need be, the ink that is read best on it
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[float, ...]  # red, green, blue from 0 to 1, and perhaps how opaque

AS_IT_IS = "as it is"
PAPER, LIGHT_INK = "#15181d", "#e3e6ea"  # --vt-paper and --vt-ink of book/assets/book.css on a dark page
INK = "#1d2129"  # the darkest grey of the figures, which becomes LIGHT_INK
GREY = 0.15  # largest and smallest of red, green, blue differ by less
EDGE = 2  # dots around an image's border that count as outside
SEEN, READ = 3.0, 4.5  # contrast with the ground (WCAG 2.2): of what is drawn, of what is written


def dark_twin(figure: Figure) -> Image.Image:
    """The figure on dark paper, as large as it is now, and laid out as it was last drawn."""
    canvas, layout = figure.canvas, figure.get_layout_engine()
    twin = DarkCanvas(figure)
    try:
        figure.set_layout_engine("none")
        twin.draw()
    finally:
        figure.set_layout_engine(layout)
        figure.set_canvas(canvas)
    return Image.fromarray(np.asarray(twin.buffer_rgba())).convert("RGB")


class DarkCanvas(FigureCanvasAgg):
    def get_renderer(self) -> Any:
        return DarkRenderer(RendererAgg(*self.figure.bbox.size, self.figure.dpi))


class DarkRenderer:
    """Hands on to a renderer what it is told to draw, in other colours."""

    def __init__(self, renderer: Any) -> None:
        self.plain = renderer
        self.groups: list[str | None] = []  # the gids of what is being drawn
        self.imaged = np.zeros((int(renderer.height), int(renderer.width)), bool)  # dots of images, from the top

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def open_group(self, name: str, gid: str | None = None) -> None:
        self.groups.append(gid)

    def close_group(self, name: str) -> None:
        self.groups.pop()

    def draw_image(self, gc: Any, x: float, y: float, dots: Any, *rest: Any) -> None:
        self.mark(x, y, dots[::-1, :, 3] > 0)  # its first row is the lowest
        self.plain.draw_image(gc, x, y, dots, *rest)

    def draw_quad_mesh(
        self,
        gc: Any,
        transform: Any,
        width: int,
        height: int,
        corners: Any,
        offsets: Any,
        offset: Any,
        faces: Any,
        *rest: Any,
    ) -> None:
        places = transform.transform(np.asarray(corners).reshape(-1, 2))
        (x, y), (columns, rows) = places.min(axis=0), np.ptp(places, axis=0).astype(int)
        self.mark(x, y, np.ones((rows, columns), bool))
        alpha = faces[:, 3:]  # a colour bar's colours are those of its map on light paper
        faces = np.concatenate([faces[:, :3] * alpha + 1 - alpha, np.ones_like(alpha)], axis=1)
        self.plain.draw_quad_mesh(gc, transform, width, height, corners, offsets, offset, faces, *rest)

    def draw_path(self, gc: Any, path: Any, transform: Any, face: Any = None) -> None:
        if not self.stays(*path.get_extents(transform).get_points().mean(axis=0)):
            gc, face = self.inked(gc), None if face is None else for_dark(face)
        self.plain.draw_path(gc, path, transform, face)

    def draw_markers(self, gc: Any, marker: Any, shape: Any, path: Any, transform: Any, face: Any = None) -> None:
        if not self.stays(*path.get_extents(transform).get_points().mean(axis=0)):
            gc, face = self.inked(gc), None if face is None else for_dark(face)
        self.plain.draw_markers(gc, marker, shape, path, transform, face)

    def draw_path_collection(
        self,
        gc: Any,
        transform: Any,
        paths: Any,
        transforms: Any,
        offsets: Any,
        places: Any,
        faces: Any,
        edges: Any,
        *rest: Any,
    ) -> None:
        faces, edges = (np.array([for_dark(colour) for colour in colours]).reshape(-1, 4) for colours in (faces, edges))
        self.plain.draw_path_collection(gc, transform, paths, transforms, offsets, places, faces, edges, *rest)

    def draw_text(
        self, gc: Any, x: float, y: float, text: str, font: Any, angle: float, *rest: Any, **more: Any
    ) -> None:
        ismath = more["ismath"] if "ismath" in more else rest[0] if rest else False
        width, height, descent = self.plain.get_text_width_height_descent(text, font, ismath)
        turn = np.exp(1j * np.deg2rad(angle))
        corners = turn * np.array([a + 1j * b for a in (0, width) for b in (-descent, height - descent)])
        corners = np.stack([x + corners.real, y - corners.imag], axis=1)  # y counts from the top
        middle = corners.mean(axis=0)
        if not self.stays(middle[0], self.plain.height - middle[1]):
            (left, top), (right, bottom) = corners.min(axis=0).clip(0).astype(int), corners.max(axis=0).astype(int) + 1
            ground = np.asarray(self.plain.buffer_rgba())[top:bottom, left:right, :3].reshape(-1, 3) / 255
            gc = self.inked(gc, best_read(gc.get_rgb(), ground))
        self.plain.draw_text(gc, x, y, text, font, angle, *rest, **more)

    def mark(self, x: float, y: float, dots: NDArray[Any]) -> None:
        """Remember where an image is that has its lower left corner at (x, y), counted from below."""
        left, top = round(x), round(self.plain.height - y) - dots.shape[0]
        dots = dots[max(-top, 0) :, max(-left, 0) :]
        here = self.imaged[max(top, 0) :, max(left, 0) :][: dots.shape[0], : dots.shape[1]]
        here |= dots[: here.shape[0], : here.shape[1]]

    def stays(self, x: float, y: float) -> bool:
        """Whether what has its middle at (x, y) keeps its colours: on an image, and not just on its edge with frame and ticks."""
        if AS_IT_IS in self.groups:
            return True
        if not np.isfinite([x, y]).all():
            return False
        row, column = round(self.plain.height - y), round(x)
        around = self.imaged[max(row - EDGE, 0) : row + EDGE + 1, max(column - EDGE, 0) : column + EDGE + 1]
        return around.size > 0 and bool(around.all())

    def inked(self, gc: Any, colour: Colour | None = None) -> Any:
        """The graphics context with the colour that its own, or the given one, has on dark paper."""
        changed = self.plain.new_gc()
        changed.copy_properties(gc)
        changed.set_foreground(for_dark(gc.get_rgb()) if colour is None else colour, isRGBA=True)
        return changed


def for_dark(colour: Any, least: float = SEEN) -> Colour:
    """The colour that one of the light page becomes; ``least``: its contrast with the paper, if it is no grey."""
    return _for_dark(to_rgba(colour), least)


@lru_cache(4096)  # a figure has many strokes and few colours
def _for_dark(colour: Colour, least: float) -> Colour:
    *rgb, alpha = colour
    if max(rgb) - min(rgb) < GREY:
        darkest = np.mean(to_rgb(INK))
        share = np.clip((np.mean(rgb) - darkest) / (1 - darkest), 0, 1)  # of white
        return (*mixed(LIGHT_INK, PAPER, share), alpha)
    for share in np.linspace(0, 1, 21):
        seen = mixed(rgb, LIGHT_INK, share)
        if contrast(luminance(seen), luminance(to_rgb(PAPER))) >= least:
            break
    return (*seen, alpha)


def best_read(colour: Any, ground: NDArray[Any]) -> Colour:
    """The colour for text on this ground, [dots, 3]: what the text's own becomes, or the first of the inks that can be read, or the best."""
    lights = np.percentile(luminance(ground), [15, 85]) if len(ground) else luminance([to_rgb(PAPER)])

    def worst(ink: Colour) -> float:
        return min(contrast(luminance(ink[:3]), light) for light in lights)

    inks = [for_dark(colour, READ), to_rgba(LIGHT_INK), to_rgba(colour), to_rgba(PAPER)]
    return next((ink for ink in inks if worst(ink) >= READ), max(inks, key=worst))


def mixed(start: Any, end: Any, share: float) -> Colour:
    return tuple((1 - share) * np.array(to_rgb(start)) + share * np.array(to_rgb(end)))


def luminance(rgb: Any) -> Any:
    """Relative luminance of sRGB colours [..., 3] (WCAG 2.2)."""
    rgb = np.asarray(rgb)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def contrast(one: float, other: float) -> float:
    """Contrast of two luminances, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((float(one), float(other)))
    return (light + 0.05) / (dark + 0.05)
