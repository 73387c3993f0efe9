"""Pictures of chapter 5.2: what they draw is what they were given."""

from __future__ import annotations

import numpy as np
import pytest
from figure_helpers import written
from matplotlib.figure import Figure

from vit_tutorial.figures.strategies import bowl_path, landscape, schedule_view, singular_value_map

AXIS = np.linspace(-1, 1, 5)
WALK = np.array([[0.0, 0.0], [0.5, 0.2], [1.0, 0.0]])
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
LENGTHS = {"3 steps": [1, 0.5, 0], "5 steps": [1, 0.9, 0.5, 0.1, 0]}


def a_landscape(step: int) -> Figure:
    losses = 0.1 + np.add.outer(AXIS**2, AXIS**2)
    paths = {"SGD": (WALK, [1.0, 0.5, 0.2]), "AdamW": (WALK[:, ::-1], [1.0, 0.3, 0.1])}
    return landscape(AXIS, AXIS, losses, paths, step, every=8)


def test_a_bowl_says_the_loss_at_the_end_of_the_path() -> None:
    fig = bowl_path([[1.0, 1.0], [0.5, 0.1]], (1.0, 20.0))
    assert f"Loss after 1 steps: {0.5 * (0.25 + 0.2):.2g}" in written(fig)


def test_a_path_that_leaves_the_bowl_changes_nothing_else() -> None:
    limits = [bowl_path(path, (1.0, 20.0)).axes[0].axis() for path in (WALK, 1e6 * WALK)]
    assert limits[0] == limits[1]


@pytest.mark.parametrize("rounds", [0, 3])
def test_the_curve_is_the_polynomial_applied_so_often(rounds: int) -> None:
    a, b, c = COEFFICIENTS
    curve = singular_value_map([0.5], rounds, [1.0], COEFFICIENTS).axes[0].lines[1]
    expected = np.asarray(curve.get_xdata())
    for _ in range(rounds):
        expected = a * expected + b * expected**3 + c * expected**5
    np.testing.assert_allclose(curve.get_ydata(), expected)


def test_a_schedule_is_drawn_for_each_length_on_one_axis() -> None:
    low, high = (schedule_view("cosine", LENGTHS, peak, highest=0.4) for peak in (0.1, 0.4))
    assert [len(line.get_xdata()) for line in low.axes[0].lines] == [3, 5]
    assert low.axes[0].get_xlim() == (0, 5)
    assert low.axes[0].get_ylim() == high.axes[0].get_ylim()
    np.testing.assert_allclose(high.axes[0].lines[1].get_ydata(), 0.4 * np.asarray(list(LENGTHS.values())[1]))
    assert "Cosine: learning rate, peak 0.1" in written(low)


def test_paths_on_the_landscape_end_at_the_step_that_is_shown() -> None:
    for step in (0, 16):
        fig = a_landscape(step)
        assert len(fig.axes[0].lines[0].get_xdata()) == step // 8 + 1
        assert f"The plane, step {step}" in written(fig)
