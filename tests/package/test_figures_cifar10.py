"""The picture of differences, seed by seed."""

from __future__ import annotations

import numpy as np
import pytest
from figure_helpers import assert_nothing_sticks_out, assert_page_wide

from vit_tutorial.figures.cifar10 import paired_differences

BASELINE = [0.50, 0.60, 0.70]
OTHERS = {"without flip": [0.52, 0.62, 0.72], "without crop": [0.45, 0.65, 0.67]}


def markers(axes) -> list[tuple[float, float]]:
    return [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]


def test_each_seed_is_compared_with_itself() -> None:
    points = markers(paired_differences(BASELINE, OTHERS).axes[0])
    np.testing.assert_allclose([x for x, row in points if row == 0], [2, 2, 2])
    np.testing.assert_allclose([x for x, row in points if row == 1], [-5, 5, -3], atol=1e-9)


def test_the_spread_is_that_of_the_differences_and_not_of_the_accuracies() -> None:
    texts = [text.get_text() for text in paired_differences(BASELINE, OTHERS).axes[0].texts]
    assert texts == ["+2.0 ± 0.0", "\N{MINUS SIGN}1.0 ± 5.3"]


def test_the_rows_are_named_from_top_to_bottom() -> None:
    axes = paired_differences(BASELINE, OTHERS).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(OTHERS)
    assert axes.yaxis_inverted()


def test_zero_is_marked() -> None:
    axes = paired_differences(BASELINE, OTHERS).axes[0]
    assert any(line.get_linestyle() == "--" and list(line.get_xdata()) == [0, 0] for line in axes.lines)


def test_seeds_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="'x' has 2 seeds and the baseline 3"):
        paired_differences(BASELINE, {"x": [0.1, 0.2]})
    with pytest.raises(ValueError, match="at least two seeds"):
        paired_differences([0.5], {"x": [0.1]})
    with pytest.raises(ValueError, match="one change or more"):
        paired_differences(BASELINE, {})


def test_the_figure_is_as_wide_as_the_page_and_nothing_sticks_out() -> None:
    fig = paired_differences(BASELINE, OTHERS, title="Leaving one out")
    assert_page_wide(fig)
    assert_nothing_sticks_out(fig)
