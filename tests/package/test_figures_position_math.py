"""Section 2.1.2's pictures: codes of places, clocks, similarity over a grid, shares of a score."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

from vit_tutorial.figures.position_math import (
    accuracy_dots,
    against_distance,
    all_place_maps,
    clocks,
    closest,
    confused_places,
    counter_and_waves,
    heat_maps,
    interpolation,
    place_maps,
    share_bars,
)


def titles(fig: Figure) -> list[str]:
    return [axes.get_title(where) for axes in fig.axes for where in ("left", "center") if axes.get_title(where)]


def test_the_closest_two_places_are_found() -> None:
    assert closest(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])) == (0, 2, 1.0)


def test_one_sine_joins_two_places_a_period_apart() -> None:
    assert titles(confused_places(np.array([0.0, 1.0, 0.5, 0.0]))) == ["places 0 and 3 differ by 0"]


def test_a_clock_has_its_hand_at_the_angle_of_its_place() -> None:
    fig = clocks(np.array([np.pi / 2, 0.1]), place=1, places=4)
    hand = fig.axes[0].lines[-1]
    assert_allclose(hand.get_xydata(), [[0, 0], [1, 0]], atol=1e-12)  # a quarter turn from the top
    assert titles(fig) == ["pair 0\na turn: 4", "pair 1\na turn: 63"]


def test_a_counter_stands_beside_its_waves() -> None:
    fig = counter_and_waves(np.eye(4), np.zeros((4, 6)))
    assert [axes.images[0].get_array().shape for axes in fig.axes] == [(4, 4), (4, 6)]


def test_signed_matrices_are_drawn_around_zero_and_attention_from_it() -> None:
    fig = heat_maps({"signed": -np.eye(3), "attention": np.eye(3)})
    assert [axes.images[0].get_clim() for axes in fig.axes[:2]] == [(-1, 1), (0, 1)]


def test_each_map_outlines_its_own_query() -> None:
    fig = place_maps({"a": np.zeros(6), "b": np.ones(6)}, (2, 3), [0, 5])
    corners = [axes.patches[0].get_xy() for axes in fig.axes[:2]]
    assert corners == [(-0.5, -0.5), (1.5, 0.5)]


def test_all_maps_stand_where_their_places_are() -> None:
    similarity = np.arange(36).reshape(6, 6) / 36
    fig = all_place_maps(similarity, (2, 3))
    board = fig.axes[0].images[0].get_array()
    assert_allclose(board[3:5, 4:7], similarity[4].reshape(2, 3))  # second row, second column, a blank cell between


def test_parts_of_a_bar_follow_each_other() -> None:
    fig = share_bars([[0.25, 0.75]], ["a", "b"], ["row"])
    bars = fig.axes[0].patches
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 0.25), (0.25, 0.75)]


def test_accuracies_are_named_and_averaged() -> None:
    (axes,) = accuracy_dots({"a": [0.5, 0.7], "b": [0.1]}, chance=0.1).axes
    assert [text.get_text() for text in axes.texts] == ["0.60", "0.10"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_curves_keep_their_values() -> None:
    (axes,) = against_distance([1, 2], {"a": [0.5, 0.1]}, "similarity", cloud=([1, 2], [0, 1])).axes
    assert_allclose(axes.lines[-1].get_ydata(), [0.5, 0.1])
    (axes,) = interpolation([0, 1], [0.0, 0.5, 1.0], {"linear": [0, 0.5, 1]}).axes
    assert_allclose(axes.lines[0].get_ydata(), [0, 0.5, 1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: confused_places([1.0]),
        lambda: confused_places([1.0, np.nan]),
        lambda: counter_and_waves(np.eye(3), np.eye(4)),
        lambda: clocks([1.0], 4, 4),
        lambda: against_distance([1, 2], {"a": [1]}, ""),
        lambda: against_distance([1, 2], {}, ""),
        lambda: heat_maps({}),
        lambda: heat_maps({"a": np.zeros(3)}),
        lambda: place_maps({"a": np.zeros(5)}, (2, 3), 0),
        lambda: place_maps({"a": np.zeros(6)}, (2, 3), 6),
        lambda: all_place_maps(np.eye(5), (2, 3)),
        lambda: share_bars([[1.0]], ["a", "b"], ["row"]),
        lambda: accuracy_dots({"a": []}),
        lambda: accuracy_dots({"a": [1.2]}),
        lambda: interpolation([0, 1], [0.5], {"a": [1, 2]}),
    ],
)
def test_what_does_not_fit_is_refused(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"finite|bits|frequencies|values|matrices|places|similarity|rows|accuracies"):
        call()
