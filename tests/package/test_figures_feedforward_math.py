"""The pictures of section 2.1.3 show what they are given."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose

from vit_tutorial.figures.feedforward_math import kinks, line_panels, shares, two_planes, unit_patches

X = torch.linspace(-1, 1, 21)


def test_line_panels_draws_each_curve_in_its_panel() -> None:
    fig = line_panels(X, {"one": {"a": X, "b": X**2}, "two": {"c": -X}}, ylims=[(-1, 1), None])
    first, second = fig.axes
    assert [line.get_label() for line in first.lines if not line.get_label().startswith("_")] == ["a", "b"]
    assert_allclose(second.lines[-1].get_ydata(), -X.numpy())
    assert first.get_ylim() == (-1, 1)
    assert first.get_title(loc="left") == "one"


def test_line_panels_marks_a_level_to_compare_with() -> None:
    fig = line_panels(X, {"loss": {"a": X}}, marks={"log K": 0.5})
    assert "log K" in [text.get_text() for text in fig.axes[0].get_legend().get_texts()]


def test_a_curve_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"curve 'a' has shape \[20\], x has \[21\]"):
        line_panels(X, {"one": {"a": X[:-1]}})


def test_two_planes_keeps_every_point_on_both_sides() -> None:
    points = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    fig = two_planes(points, points * 2, points.prod(1), ["a", "b"], ["c", "d"])
    for axes, factor in zip(fig.axes, (1, 2)):
        drawn = np.concatenate([c.get_offsets() for c in axes.collections if isinstance(c, PathCollection)])
        assert sorted(map(tuple, drawn)) == sorted(map(tuple, (points * factor).tolist()))


def test_kinks_draws_the_fit_and_a_line_a_unit() -> None:
    units = torch.stack([X, -2 * X, X + 1], 1)
    above, below = kinks(X, X, units.sum(1), units, "three").axes
    assert_allclose(above.lines[1].get_ydata(), units.sum(1).numpy())
    assert len(below.lines) == 3


def test_unit_patches_outlines_the_patch_that_was_named() -> None:
    fig = unit_patches(torch.rand(3, 8, 8), [0, 5, 3], [1.0, 2.0, 3.0], patch_size=2, columns=2)
    boxes = [p.get_xy() for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    left, below = 8 + 3, 8 + 7 + 3  # where the second picture and the second row begin
    assert boxes == [(-0.5, -0.5), (left + 2 - 0.5, 2 - 0.5), (6 - 0.5, below - 0.5)]
    with pytest.raises(ValueError, match="3 images, 2 tokens"):
        unit_patches(torch.rand(3, 8, 8), [0, 5], [1.0, 2.0, 3.0], patch_size=2)


def test_shares_are_stacked_to_one() -> None:
    fig = shares(2.0 ** np.arange(8), {"a": np.ones(8), "b": 3 * np.ones(8)}, "n", mark=(4, "here"))
    top = fig.axes[0].collections[-1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(1)
    assert {"a", "b", "here"} <= {text.get_text() for text in fig.axes[0].texts}


def test_the_settings_of_matplotlib_are_left_alone() -> None:
    before = dict(matplotlib.rcParams)
    line_panels(X, {"one": {"a": X}})
    assert dict(matplotlib.rcParams) == before
