"""The dark twin of a figure: what becomes of its colours, and that nothing else changes. test_figures asks each figure of the book."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from figure_helpers import unread
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from vit_tutorial.dark import AS_IT_IS, GREY, LIGHT_INK, PAPER, READ, SEEN, contrast, dark_twin, for_dark, luminance
from vit_tutorial.figures import figure, image_grid
from vit_tutorial.figures.style import ACCENT, CATEGORIES, INK, LINE, MUTED

CSS = Path(__file__).parents[2] / "book" / "assets" / "book.css"
PART = st.floats(0, 1)


def on_paper(colour: object) -> float:
    return contrast(float(luminance(for_dark(colour)[:3])), float(luminance(for_dark("white")[:3])))


def bytes_of(colour: object) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in for_dark(colour)[:3])


def test_paper_and_ink_are_the_dark_pages() -> None:
    (dark,) = re.findall(
        r'html\[data-theme="dark"\] \{\s*--vt-ink: (\S+); .*?--vt-paper: (\S+);', CSS.read_text("utf-8")
    )
    assert dark == (LIGHT_INK, PAPER)
    assert bytes_of(INK) == tuple(bytes.fromhex(LIGHT_INK[1:]))
    assert bytes_of("white") == tuple(bytes.fromhex(PAPER[1:]))


def test_greys_keep_their_order_the_other_way_round() -> None:
    steps = [on_paper(grey) for grey in (INK, MUTED, LINE, "white")]
    assert steps == sorted(steps, reverse=True)
    assert on_paper(MUTED) >= READ


@given(PART, PART, PART)
def test_every_colour_is_seen_and_a_text_in_it_is_read(red: float, green: float, blue: float) -> None:
    rgb = (red, green, blue)
    if max(rgb) - min(rgb) >= GREY:
        assert on_paper(rgb) >= SEEN
        assert contrast(float(luminance(for_dark(rgb, READ)[:3])), float(luminance(for_dark("white")[:3]))) >= READ


def test_the_colours_of_categories_stay_as_they_are_but_for_ink() -> None:
    assert [bytes_of(colour) for colour in CATEGORIES[:-1]] == [tuple(bytes.fromhex(c[1:])) for c in CATEGORIES[:-1]]
    assert on_paper(ACCENT) >= SEEN


def drawn() -> Figure:
    """Text on paper, on a pale bar, on a dark one and on an image."""
    fig = figure(height=2)
    bars, picture = fig.subplots(1, 2)
    for place, colour in enumerate(("#fdebc8", "#003050")):
        bars.bar(place, 1, color=colour)
        bars.text(place, 0.5, "name", color=INK if place == 0 else "white", ha="center")
    picture.imshow(np.ones((4, 4, 3)))
    picture.text(1, 1, "on it", color=INK)
    return fig


def test_every_text_is_read_wherever_it_stands() -> None:
    fig = drawn()
    fig._repr_png_()  # type: ignore[attr-defined]
    assert unread(fig, dark_twin(fig)) == []


def test_ink_that_stays_black_is_found() -> None:
    fig = drawn()
    for ground in (fig.patch, *(axes.patch for axes in fig.axes)):
        ground.set_facecolor(PAPER)  # and nothing else
    black = Image.open(io.BytesIO(fig._repr_png_()[0])).convert("RGB")  # type: ignore[attr-defined]
    assert {"0.0", "1.0"} <= set(unread(drawn(), black))


def test_a_twin_is_as_large_and_leaves_the_figure_and_its_images_as_they_were() -> None:
    image = np.random.default_rng(0).integers(0, 256, (3, 8, 8), dtype=np.uint8)
    fig = image_grid([image], ["a title"])
    before = fig._repr_png_()[0]  # type: ignore[attr-defined]
    light, dark = np.asarray(Image.open(io.BytesIO(before)).convert("RGB")), np.asarray(dark_twin(fig))
    assert dark.shape == light.shape
    assert fig._repr_png_()[0] == before  # type: ignore[attr-defined]
    left, bottom, right, top = (round(edge) for edge in fig.axes[0].get_window_extent().extents)
    inside = np.s_[-top + 3 : -bottom - 3 or None, left + 3 : right - 3]
    assert np.array_equal(dark[inside], light[inside])
    assert not np.array_equal(dark, light)


@pytest.mark.parametrize("colour", ["white", INK])
def test_a_key_that_is_to_stay_has_the_colour_of_the_image(colour: str) -> None:
    fig = figure(height=1, width=1)
    legend = fig.legend(handles=[Patch(color=colour)], labels=["key"], loc="center")
    for patch in legend.get_patches():
        patch.set_gid(AS_IT_IS)
    fig._repr_png_()  # type: ignore[attr-defined]
    box = legend.get_patches()[0].get_window_extent()
    x, y = (box.x0 + box.x1) / 2, fig.bbox.height - (box.y0 + box.y1) / 2
    expected = tuple(bytes.fromhex(colour[1:])) if colour.startswith("#") else (255, 255, 255)
    assert dark_twin(fig).getpixel((round(x), round(y))) == expected
