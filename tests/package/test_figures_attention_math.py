"""The derivation's figures: what they show is what they were given."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib
import matplotlib.figure
import numpy as np
import pytest
import torch
from matplotlib.patches import Polygon, Rectangle
from numpy.testing import assert_allclose

from vit_tutorial.figures.attention_math import (
    attention_shapes,
    cost_by_tokens,
    dot_product,
    gradient_by_width,
    jacobian_bound,
    matrices,
    score_spread,
    soft_lookup,
)

SQUARE = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
ALL: dict[str, Callable[[], matplotlib.figure.Figure]] = {
    "attention_shapes": lambda: attention_shapes(16, 8),
    "cost_by_tokens": lambda: cost_by_tokens([16, 64, 256], [1e6, 4e6, 16e6], [1e5, 1.6e6, 25.6e6], {"224": 197}),
    "dot_product": lambda: dot_product([1.0, 0.0], [0.5, 0.5]),
    "gradient_by_width": lambda: gradient_by_width([4, 16], {"√d": [[0.1, 0.5], [0.1, 0.5]]}),
    "jacobian_bound": lambda: jacobian_bound(torch.tensor([0.5, 0.9]), torch.tensor([0.4, 0.1])),
    "matrices": lambda: matrices({"S": torch.eye(3)}, ["a", "b", "c"]),
    "score_spread": lambda: score_spread(torch.randn(100), torch.ones(8) / 8),
    "soft_lookup": lambda: soft_lookup([1.0, 0.0], SQUARE, SQUARE, torch.ones(4) / 4),
}


def texts(fig: matplotlib.figure.Figure) -> str:
    """All that is written in a figure."""
    fig.canvas.draw()
    return "\n".join(t.get_text() for t in fig.findobj(matplotlib.text.Text))


@pytest.mark.parametrize("name", ALL)
def test_a_figure_draws_and_leaves_the_settings_as_they_were(name: str) -> None:
    before = dict(matplotlib.rcParams)
    ALL[name]().canvas.draw()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("angle", [0, 60, 90, 150])
def test_the_dot_product_is_written_out(angle: int) -> None:
    k = [2 * np.cos(np.radians(angle)), 2 * np.sin(np.radians(angle))]
    words = texts(dot_product([1.0, 0.0], k)).replace("\N{MINUS SIGN}", "-")
    assert float(words.split("q · k = ")[1].split("\n")[0]) == pytest.approx(2 * np.cos(np.radians(angle)), abs=0.005)
    assert f"angle {angle}°" in words


def test_the_dot_product_needs_directions() -> None:
    with pytest.raises(ValueError, match="none of them zero"):
        dot_product([0.0, 0.0], [1.0, 0.0])


def test_a_matrix_shows_each_of_its_numbers() -> None:
    words = texts(matrices({"S": torch.tensor([[1.25, -2.5], [0.0, 3.75]])}, signed=True, digits=2))
    for number in ("1.25", "\N{MINUS SIGN}2.50", "0.00", "3.75"):
        assert number in words


def test_matrices_share_one_scale_that_is_symmetric_for_signed_ones() -> None:
    fig = matrices({"a": torch.ones(2, 2), "b": -4 * torch.ones(2, 2)}, signed=True)
    limits = {image.get_clim() for axes in fig.axes for image in axes.images}
    assert limits == {(-4.0, 4.0)}


def test_a_masked_score_is_minus_infinity_and_has_no_colour() -> None:
    fig = matrices({"S": torch.tensor([[1.0, float("-inf")], [0.5, 2.0]])}, signed=True)
    assert "\N{MINUS SIGN}\N{INFINITY}" in texts(fig)
    (image,) = fig.axes[0].images
    assert np.ma.getmaskarray(image.get_array()).tolist() == [[False, True], [False, False]]
    assert image.get_clim() == (-2.0, 2.0)


def test_what_is_no_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="matrix"):
        matrices({"a": torch.ones(3)})


def test_the_histogram_keeps_its_range_and_the_weights_their_height() -> None:
    weights = torch.tensor([0.75, 0.25])
    left, right = score_spread(torch.zeros(10), weights, reach=20).axes
    assert sum(bar.get_height() for bar in left.patches) == pytest.approx(1)
    assert left.patches[0].get_x() == -20
    assert [bar.get_height() for bar in right.patches] == [0.75, 0.25]
    assert "as if 1.6 of 2" in right.get_title(loc="left")


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="sums to 1"):
        score_spread(torch.zeros(10), torch.ones(2))
    with pytest.raises(ValueError, match="sum to 1"):
        soft_lookup([1.0, 0.0], SQUARE, SQUARE, torch.ones(4))


def test_the_output_of_a_look_up_is_the_weighted_mean_and_in_the_hull() -> None:
    weights = torch.tensor([0.7, 0.1, 0.1, 0.1])
    axes = soft_lookup([1.0, 0.0], SQUARE, SQUARE, weights).axes[2]
    output = next(line for line in axes.lines if line.get_label() == "output").get_xydata()
    assert_allclose(output[0], weights @ SQUARE, atol=1e-6)
    hull = next(patch for patch in axes.patches if isinstance(patch, Polygon))
    assert hull.get_path().contains_point(output[0])


def test_shapes_are_drawn_to_scale() -> None:
    fig = attention_shapes(32, 8)
    sizes = [(r.get_width(), r.get_height()) for r in fig.axes[0].patches if isinstance(r, Rectangle)]
    assert sizes == [(8, 32), (32, 8), (32, 32), (8, 32), (8, 32)]
    assert "1,024" in texts(fig)


def test_more_tokens_than_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        attention_shapes(65, 16)


def test_the_curves_of_a_cost_are_those_given() -> None:
    lines = cost_by_tokens([16, 64], [1.0, 4.0], [1.0, 16.0]).axes[0].lines
    assert_allclose(lines[0].get_ydata(), [1, 4])
    assert_allclose(lines[1].get_ydata(), [1, 16])
