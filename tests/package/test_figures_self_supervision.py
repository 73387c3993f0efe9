"""Pictures of learning without labels say the numbers of what they are given."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from figure_helpers import written

from vit_tutorial.figures.self_supervision import answers_by_class, nearest_images, pulls_and_pushes, two_entropies


def test_the_loss_of_queries_that_know_nothing_is_that_of_guessing() -> None:
    text = written(pulls_and_pushes(torch.zeros(4, 4), 0.1))
    assert f"loss {math.log(4):.2f}; guessing costs log 4 = {math.log(4):.2f}" in text


def test_each_row_of_pulls_and_pushes_sums_to_zero_and_a_small_temperature_overflows_nothing() -> None:
    cosines = torch.rand(5, 5, generator=torch.Generator().manual_seed(0))
    moved = np.asarray(pulls_and_pushes(cosines, 1e-4).axes[1].images[0].get_array())
    assert np.isfinite(moved).all()
    np.testing.assert_allclose(moved.sum(1), 0, atol=1e-12)
    assert (moved.diagonal() <= 0).all()


def test_answers_need_a_row_for_every_class() -> None:
    assert "class, never shown" in written(answers_by_class({"a": torch.eye(3), "b": torch.eye(3)}, "xyz"))
    with pytest.raises(ValueError, match="'a' has 3 rows for 2 classes"):
        answers_by_class({"a": torch.eye(3)}, "xy")


def test_both_collapses_lie_in_the_picture_of_the_two_entropies() -> None:
    top = math.log(16)
    axes = two_entropies({"one": [(1.0, 1.2), (0.0, 0.0)], "same": [(1.0, 1.2), (top, top)]}, 16).axes[0]
    for low, high in (axes.get_xlim(), axes.get_ylim()):
        assert low < 0
        assert high > top
    assert "½ log K" in written(axes.figure)  # type: ignore[arg-type]


def test_neighbours_of_another_class_are_framed() -> None:
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    fig = nearest_images(images[0], images[1:], ["a 3", 3, 8, 3], [True, False, True])
    assert [len(axes.patches) for axes in fig.axes] == [0, 0, 1, 0]
    with pytest.raises(ValueError, match="3 neighbours need one title more and as many marks, got 2 and 3"):
        nearest_images(images[0], images[1:], ["a", "b"], [True] * 3)
