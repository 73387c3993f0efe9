"""Pictures of MNIST's section: they show the numbers they were given, refuse what they cannot show, and fit the page."""

from __future__ import annotations

import matplotlib.text
import numpy as np
import pytest
import torch
from figure_helpers import assert_nothing_sticks_out, assert_page_wide
from matplotlib.figure import Figure

from vit_tutorial.figures import seed_curves
from vit_tutorial.figures.mnist import look_closer, unread_pixels

GREY = torch.full((1, 28, 28), 100, dtype=torch.uint8)
CLASSES = [str(digit) for digit in range(10)]
P = torch.tensor([0.0, 0.7, 0.3, 0, 0, 0, 0, 0, 0, 0])


def history(*accuracies: float) -> list[dict[str, float]]:
    return [{"epoch": n + 1, "val_accuracy": a, "val_loss": 1 - a} for n, a in enumerate(accuracies)]


RUNS = {"ViT": [history(0.2, 0.5), history(0.4, 0.9)], "CNN": [history(0.6, 0.95)]}


def written(fig: Figure) -> str:
    fig.canvas.draw()
    return "\n".join(t.get_text() for t in fig.findobj(matplotlib.text.Text) if t.get_visible())


# Pixels that no patch reads


@pytest.mark.parametrize(("patch_size", "share"), [(4, "0 %"), (16, "67 %"), (8, "27 %"), (28, "0 %")])
def test_the_title_counts_the_pixels_outside_the_whole_patches(patch_size: int, share: str) -> None:
    fig = unread_pixels(GREY, patch_size)
    assert_nothing_sticks_out(fig)
    assert f"not read:\n{share} of the pixels, {share} of the ink" in written(fig)


def test_ink_that_lies_in_the_whole_patches_is_not_lost() -> None:
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    image[0, :16, :16] = 200
    assert "67 % of the pixels, 0 % of the ink" in written(unread_pixels(image, 16))


def test_one_patch_is_not_counted_in_the_plural() -> None:
    assert "P = 16: 1 patch;" in written(unread_pixels(GREY, 16))


@pytest.mark.parametrize("patch_size", [0, 29])
def test_a_patch_that_does_not_fit_the_image_is_refused(patch_size: int) -> None:
    with pytest.raises(ValueError, match="choose 1 to 28"):
        unread_pixels(GREY, patch_size)


# A mistake from near


def test_a_mistake_is_shown_with_its_probabilities_and_its_neighbours() -> None:
    fig = look_closer(GREY, P, 2, CLASSES, [(GREY, 1), (GREY, 7)])
    assert_page_wide(fig)
    assert_nothing_sticks_out(fig)
    assert "true: 2, called: 1" in written(fig)
    (bars,) = [axes for axes in fig.axes if axes.get_title(loc="left") == "Probability"]
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches[10:]], P)
    assert [label.get_text() for label in bars.get_yticklabels() if label.get_fontweight() == "bold"] == ["2"]


def test_at_most_four_neighbours_are_shown() -> None:
    fig = look_closer(GREY, P, 2, CLASSES, [(GREY, 1)] * 9)
    assert sum(len(axes.images) for axes in fig.axes) == 1 + 4


@pytest.mark.parametrize(
    ("p", "label", "neighbours"), [(P * 2, 2, [(GREY, 1)]), (P[:9], 2, [(GREY, 1)]), (P, 10, [(GREY, 1)]), (P, 2, [])]
)
def test_a_mistake_that_cannot_be_shown_is_refused(p: torch.Tensor, label: int, neighbours: list) -> None:
    with pytest.raises(ValueError, match=r"need|neighbour"):
        look_closer(GREY, p, label, CLASSES, neighbours)


# Curves of several seeds


def test_the_line_is_the_mean_of_the_seeds_and_the_band_their_range() -> None:
    fig = seed_curves(RUNS)
    assert_page_wide(fig)
    assert_nothing_sticks_out(fig)
    axes = fig.axes[0]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1, 0.3], [2, 0.7]])
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[band[:, 0] == 2][:, 1].min(), band[band[:, 0] == 2][:, 1].max()) == (0.5, 0.9)
    assert {"ViT", "CNN"} <= set(written(fig).splitlines())


def test_settings_are_told_apart_without_colour() -> None:
    lines = seed_curves(RUNS, "val_loss").axes[0].lines
    assert lines[0].get_linestyle() != lines[1].get_linestyle()


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({}, "no runs"),
        ({"a": []}, "'a' needs at least one"),
        ({"a": [[]]}, "'a' needs at least one"),
        ({"a": [[{"epoch": 1, "train_loss": 2.0}]]}, "the first has epoch, train_loss"),
        ({"a": [history(0.1), history(0.1, 0.2)]}, "different epochs"),
    ],
)
def test_runs_that_have_no_common_curve_are_refused(runs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        seed_curves(runs)
