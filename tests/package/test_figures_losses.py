"""Pictures of losses say the numbers of what they are given."""

from __future__ import annotations

import math

import pytest
import torch
from figure_helpers import written

from vit_tutorial.figures.losses import gap_dots, target_and_gradient

P = torch.tensor([0.7, 0.2, 0.1])


def test_the_loss_is_split_into_what_no_prediction_avoids_and_the_rest() -> None:
    assert f"loss {-math.log(0.2):.2f} = 0.00 (entropy of q) + {-math.log(0.2):.2f}" in written(
        target_and_gradient(P, torch.tensor([0.0, 1.0, 0.0]), ["a", "b", "c"])
    )
    entropy = -(P * P.log()).sum()
    assert f"loss {entropy:.2f} = {entropy:.2f} (entropy of q) + 0.00" in written(
        target_and_gradient(P, P, ["a", "b", "c"])
    )


def test_what_is_no_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="p sums to 1 and q to 2"):
        target_and_gradient(P, 2 * P, ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"2 classes need as many .* got \[3\] and \[3\]"):
        target_and_gradient(P, P, ["a", "b"])


def test_zero_stands_in_the_middle() -> None:
    low, high = gap_dots({"a": [0.1, 0.2], "b": [-0.4]}, "unsure", "too sure", "gap").axes[0].get_xlim()
    assert low == -high
    assert high > 0.4
