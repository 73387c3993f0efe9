"""The map of chapter 2: influence between tokens, and the sizes of errors."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from vit_tutorial.figures import error_sizes, influence_map


def texts(fig: Figure) -> list[str]:
    return [text.get_text() for axes in fig.axes for text in axes.texts]


def test_an_influence_map_counts_the_pairs_that_reach_each_other() -> None:
    matrix = np.eye(4)
    matrix[0, 3] = 0.5
    assert texts(influence_map(matrix)) == ["16 pairs of tokens", "4 reach themselves", "1 reach another"]


def test_an_exact_zero_is_left_blank_and_a_tiny_influence_is_not() -> None:
    matrix = np.diag([1.0, 2.0])
    matrix[0, 1] = 1e-300
    (image,) = influence_map(matrix).axes[0].images
    assert np.ma.getmaskarray(image.get_array()).tolist() == [[False, False], [True, False]]


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.zeros(4), -np.eye(2), np.full((2, 2), np.nan)])
def test_an_influence_map_refuses_what_is_none(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="influence"):
        influence_map(bad)


def test_errors_above_the_tolerance_have_another_colour() -> None:
    axes = error_sizes({"rounding": 1e-7, "mistake": 1e-2}, tolerance=1e-5).axes[0]
    small, large, _ = axes.get_lines()
    assert small.get_color() != large.get_color()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["rounding", "mistake"]


def test_an_exact_agreement_is_said_in_words() -> None:
    assert "exactly 0" in texts(error_sizes({"same": 0.0, "other": 1e-3}, tolerance=1e-5))


@pytest.mark.parametrize("bad", [{}, {"a": -1.0}, {"a": float("inf")}])
def test_error_sizes_refuse_what_has_no_size(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="errors"):
        error_sizes(bad, tolerance=1e-5)
