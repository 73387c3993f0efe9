"""The figures of section 1.3 show what they are given, and refuse what does not fit together."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib
import matplotlib.figure
import numpy as np
import pytest
import torch
from figure_helpers import assert_nothing_sticks_out, assert_page_wide
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from vit_tutorial.figures.applications import (
    BACKGROUND,
    RIGHT,
    caption_ranking,
    class_masks,
    patch_answers,
    seen_and_unseen,
    training_moment,
)
from vit_tutorial.figures.style import CATEGORIES

IMAGE = torch.arange(96, dtype=torch.uint8).reshape(1, 8, 12)
MASK = torch.zeros(8, 12, dtype=torch.int64)
MASK[2:4, 3:6], MASK[5, 7] = 1, 2
CLASSES = ("background", "0", "1")
CAPTIONS = ["a faint one", "a bright one", "a faint two", "a bright two"]
CURVES = {"accuracy": (0.8, 0.85, 0.9), "mIoU": (0.2, 0.4, 0.6)}
ALL: dict[str, Callable[[], matplotlib.figure.Figure]] = {
    "patch_answers": lambda: patch_answers(IMAGE, [1, 2, 3, 1, 1, 2], (2, 3), highlight=1),
    "class_masks": lambda: class_masks(IMAGE, {"truth": MASK, "prediction": MASK}, CLASSES),
    "training_moment": lambda: training_moment(IMAGE, {"truth": MASK}, CLASSES, [0, 10, 20], CURVES, now=1),
    "caption_ranking": lambda: caption_ranking(
        IMAGE, CAPTIONS, [0.9, 0.1, -0.5, 0.3], CAPTIONS[2], CAPTIONS[2:], limit=2
    ),
    "seen_and_unseen": lambda: seen_and_unseen(
        ["seen in 1 of 2", "seen in 2 of 3"], [0.9, 0.9], [0.1, 0.6], [0.05, 0.03]
    ),
}


def texts(fig: matplotlib.figure.Figure) -> list[str]:
    fig.canvas.draw()
    found = fig.findobj(lambda artist: isinstance(artist, matplotlib.text.Text) and artist.get_visible())
    return [text.get_text() for text in found if text.get_text()]


@pytest.mark.parametrize("name", ALL)
def test_a_figure_is_page_wide_and_nothing_sticks_out(name: str) -> None:
    fig = ALL[name]()
    assert_page_wide(fig)
    assert_nothing_sticks_out(fig)


@pytest.mark.parametrize("name", ALL)
def test_drawing_changes_no_setting_and_repeats_exactly(name: str) -> None:
    before = dict(matplotlib.rcParams)
    assert ALL[name]()._repr_png_() == ALL[name]()._repr_png_()
    assert dict(matplotlib.rcParams) == before


def test_every_answer_stands_in_its_patchs_place() -> None:
    axes = ALL["patch_answers"]().axes[1]
    places = {text.get_position(): text.get_text() for text in axes.texts}
    assert places[(0.5, 0.5)] == "1"
    assert places[(2.5, 0.5)] == "3"
    assert places[(0.5, 1.5)] == "1"
    assert places[(2.5, 1.5)] == "2"
    squares = [p for p in axes.patches if isinstance(p, Rectangle)]
    coloured = {p.get_xy() for p in squares if p.get_facecolor() == to_rgba(RIGHT)}
    assert coloured == {(0, 0), (0, 1), (1, 1)}


def test_a_mask_is_drawn_in_the_colours_of_its_classes() -> None:
    fig = ALL["class_masks"]()
    drawn = fig.axes[1].get_images()[0]
    colours = drawn.cmap(drawn.norm(MASK.numpy()))
    for number, colour in enumerate((BACKGROUND, CATEGORIES[0], CATEGORIES[1])):
        np.testing.assert_allclose(
            colours[MASK.numpy() == number], np.tile(to_rgba(colour), (int((number == MASK).sum()), 1))
        )
    assert {"image", "truth", "prediction", *CLASSES} <= set(texts(fig))


def test_the_shown_moment_is_marked_on_its_curves() -> None:
    written = texts(ALL["training_moment"]())
    assert "accuracy: 0.85" in written
    assert "mIoU: 0.40" in written


def test_captions_come_nearest_first_and_the_right_one_is_always_there() -> None:
    fig = ALL["caption_ranking"]()
    names = [text.get_text() for text in fig.axes[1].texts if text.get_text().startswith("a ")]
    assert names == ["a faint one", "a bright two *", "a faint two *"]
    assert any("place 4 of 4" in text for text in texts(fig))


def test_bars_are_as_long_as_their_shares() -> None:
    axes = ALL["seen_and_unseen"]().axes[0]
    assert [round(bar.get_width(), 6) for bar in axes.patches] == [0.9, 0.1, 0.9, 0.6]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: patch_answers(IMAGE, [1, 2], (2, 3), 1), "2 answers for 2x3 patches; give one a patch"),
        (lambda: class_masks(IMAGE, {}, CLASSES), "there is no mask to show"),
        (lambda: class_masks(IMAGE, {"truth": MASK}, CLASSES[:2]), "classes run from 0 to 2, but there are 2 names"),
        (lambda: class_masks(IMAGE, {"truth": MASK}, [str(n) for n in range(10)]), "10 classes; at most 9"),
        (
            lambda: training_moment(IMAGE, {"truth": MASK}, CLASSES, [0, 1], CURVES, 0),
            "'accuracy' has 3 values for 2 steps",
        ),
        (lambda: caption_ranking(IMAGE, CAPTIONS, [1.0], CAPTIONS[0]), r"4 captions need as many scores, got \[1\]"),
        (lambda: caption_ranking(IMAGE, CAPTIONS, [1.0] * 4, "a three"), "truth is 'a three'"),
        (lambda: seen_and_unseen(["a"], [1.0], [1.0, 0.5], [0.1]), "1 names, 1 and 2 values and 1 of chance"),
    ],
)
def test_what_does_not_fit_together_is_refused(draw: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw()
