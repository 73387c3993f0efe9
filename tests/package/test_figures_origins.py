"""The figures of section 1.1: what they show, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vit_tutorial.figures.origins import cost_bars, cost_curves, data_curves, loose_patches, timeline

EVENTS = [(2017.5, "a", "text"), (2020.8, "b", "images"), (2020.9, "c", "images"), (2023.0, "d", "text")]


def texts(fig) -> list[str]:
    return [text.get_text() for text in fig.axes[0].texts]


def patches(fig) -> list[np.ndarray]:
    """The six patches of 2x2 pixels of a picture of 2 x 3 patches, with a gap of one white pixel between them."""
    canvas = np.asarray(fig.axes[0].images[0].get_array())
    assert canvas.shape == (5, 8)
    assert (canvas[2] == 1).all()
    assert (canvas[:, [2, 5]] == 1).all()
    return [canvas[r : r + 2, c : c + 2] for r in (0, 3) for c in (0, 3, 6)]


def test_the_time_line_has_every_event_once_below_the_one_before() -> None:
    fig = timeline(EVENTS)
    heights = {t.get_text(): t.get_position()[1] for t in fig.axes[0].texts}
    assert [heights[name] for name in "abcd"] == sorted(heights[name] for name in "abcd")
    assert heights["c"] - heights["b"] >= 1  # a row apart, although they are a month apart
    assert {"2017", "2023"} <= set(texts(fig))


def test_a_kind_of_event_has_one_colour() -> None:
    dots = [line for line in timeline(EVENTS).axes[0].lines if line.get_marker() == "o" and len(line.get_xdata())]
    colours = [line.get_color() for line in dots]
    assert colours[0] == colours[3] != colours[1] == colours[2]


@pytest.mark.parametrize("events", [[], EVENTS[::-1]])
def test_a_time_line_of_nothing_or_out_of_order_is_refused(events: list) -> None:
    with pytest.raises(ValueError, match="sorted by their dates"):
        timeline(events)


def test_loose_patches_stand_where_the_order_puts_them() -> None:
    image = torch.arange(4 * 6, dtype=torch.uint8).reshape(1, 4, 6)
    whole, moved = patches(loose_patches(image, 2)), patches(loose_patches(image, 2, [5, 4, 3, 2, 1, 0]))
    for place in range(6):
        np.testing.assert_array_equal(moved[place], whole[5 - place])
    np.testing.assert_array_equal(whole[1], image[0, :2, 2:4].numpy() / 255)


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 0, 1, 2, 3, 4], torch.arange(1, 7)])
def test_an_order_that_loses_a_patch_is_refused(order) -> None:
    with pytest.raises(ValueError, match="each of the 6 patches once"):
        loose_patches(torch.zeros(1, 4, 6, dtype=torch.uint8), 2, order)


def test_a_power_is_a_straight_line_with_its_exponent_as_slope() -> None:
    axes = cost_curves([100, 200, 400], {"square": [1.0, 4.0, 16.0]}, "FLOPs").axes[0]
    x, y = (np.log(axes.lines[0].get_data()[i]) for i in (0, 1))
    assert np.allclose(np.diff(y) / np.diff(x), 2)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_bars_are_as_long_as_their_numbers_and_the_axis_stays() -> None:
    for shares in ({"a": 1.0, "b": 20.0}, {"a": 0.0, "b": 300.0}):
        axes = cost_bars(shares, "title", limit=300.0, unit="GFLOPs").axes[0]
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(list(shares.values()), abs=1e-9)
        assert axes.get_xlim()[1] == 1800


def test_accuracies_are_shown_run_by_run_and_joined_at_their_means() -> None:
    axes = data_curves([10, 100], {"ViT": [[0.5, 0.7], [0.8, 0.9]]}).axes[0]
    means, first, second = (line.get_ydata() for line in axes.lines)
    assert list(means) == pytest.approx([60, 85])
    assert [*first, *second] == pytest.approx([50, 70, 80, 90])
