"""The figures of section 5.3: what they draw is what they were given."""

from __future__ import annotations

import numpy as np
import pytest
from figure_helpers import written
from numpy.testing import assert_allclose

from vit_tutorial.figures.experiments import intervals, range_test, rate_curves, rates_by_batch, two_groups
from vit_tutorial.metrics.comparison import Difference, paired_t

VALUES = np.linspace(0.9, 0.95, 12)
GRID = np.array([[0.5, 0.9, 0.8], [0.4, 0.8, 0.9]])


def test_two_groups_show_the_difference_of_their_means_and_its_interval() -> None:
    fig = two_groups(VALUES, [0, 1, 2], [9, 10, 11])
    left, right = fig.axes
    assert_allclose(left.lines[0].get_xdata(), 100 * VALUES)
    assert_allclose(left.lines[1].get_xdata(), 100 * VALUES[:3])
    d = paired_t(100 * VALUES[:3], 100 * VALUES[9:])
    assert_allclose(right.lines[1].get_xdata(), [d.low, d.high], atol=1e-9)
    assert right.get_title(loc="left").startswith(f"Difference \N{MINUS SIGN}{-d.mean:.1f}")


def test_an_interval_on_one_side_of_zero_is_told_apart_without_colour() -> None:
    (axes,) = intervals({"a": Difference(0.02, 0.01, 0.03, 6), "b": Difference(0.0, -0.01, 0.01, 6)}, "a minus b").axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    assert_allclose([line.get_xdata() for line in lines], [[1, 3], [-1, 1]])
    assert lines[0].get_linewidth() > lines[1].get_linewidth()
    markers = [line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1]
    assert len(set(markers)) == 2
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_the_heat_map_marks_the_best_rate_of_each_batch_and_both_rules_meet_in_the_middle_one() -> None:
    (axes,) = rates_by_batch(GRID, [16, 64], [1e-3, 2e-3, 4e-3]).axes
    linear, root, stars = axes.lines
    assert_allclose(stars.get_ydata(), [1, 2])
    assert_allclose(linear.get_ydata(), [0, 2])  # four times the batch: two steps of a factor 2
    assert_allclose(root.get_ydata(), [1, 2])
    assert {text.get_text() for text in axes.texts} == {"50.0", "90.0", "80.0", "40.0"}


def test_a_diverged_cell_says_so() -> None:
    grid = GRID.copy()
    grid[0, 2] = np.nan
    (axes,) = rates_by_batch(grid, [16, 64], [1e-3, 2e-3, 4e-3]).axes
    assert "diverged" in {text.get_text() for text in axes.texts}


def test_curves_over_the_rate_are_the_seeds_and_their_mean() -> None:
    seeds = np.array([[0.8, 0.9], [0.7, 0.8], [0.6, 0.6]])
    (axes,) = rate_curves([1e-3, 2e-3, 4e-3], {"batch 16": seeds}).axes
    assert_allclose(axes.lines[0].get_ydata(), [85, 75, 60])
    assert_allclose(axes.lines[1].get_ydata(), [80, 70, 60])
    assert axes.get_xscale() == "log"


@pytest.mark.parametrize("marked", [None, {"best of the grid": 1e-3}])
def test_the_range_test_is_its_losses_with_the_marks_beside(marked: dict[str, float] | None) -> None:
    rates, losses = np.geomspace(1e-5, 1, 20), np.linspace(2.3, 4, 20)
    (axes,) = range_test(rates, losses, marked).axes
    assert_allclose(axes.lines[0].get_xydata(), np.stack([rates, losses], 1))
    assert len(axes.lines) == 1 + len(marked or {})


def test_every_figure_can_be_written() -> None:
    assert written(two_groups(VALUES, [0, 1, 2], [3, 4, 5]))
    assert written(rates_by_batch(GRID, [16, 64], [1e-3, 2e-3, 4e-3]))
