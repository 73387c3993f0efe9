"""Section 1.2's pictures: what they show is what they were given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from vit_tutorial.figures.concepts import parameter_bars, shuffled_digit, size_and_cost, soft_lookup

IMAGE = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
WEIGHTS = torch.arange(16.0) / 120
DIGIT = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8)
SURE, UNSURE = torch.tensor([0.1, 0.7, 0.2]), torch.tensor([0.2, 0.3, 0.5])
MODELS = {"large": {"FFN": 600, "attention": 300, "rest": 100}, "small": {"FFN": 50, "attention": 25, "rest": 25}}


def bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_the_weights_of_a_lookup_are_the_middle_panel() -> None:
    left, middle, right = soft_lookup(IMAGE, WEIGHTS, 1 - IMAGE, 5, (4, 4)).axes
    np.testing.assert_allclose(np.asarray(middle.images[-1].get_array()), WEIGHTS.reshape(4, 4))
    np.testing.assert_allclose(np.asarray(right.images[0].get_array()), (1 - IMAGE).permute(1, 2, 0))
    assert left.get_title(loc="left") == "Patch 5 asks"


@pytest.mark.parametrize(
    ("weights", "query", "mixtures"), [(WEIGHTS[1:], 5, IMAGE), (WEIGHTS, 16, IMAGE), (WEIGHTS, 5, IMAGE[:, :4])]
)
def test_a_lookup_that_does_not_fit_its_picture_is_refused(
    weights: torch.Tensor, query: int, mixtures: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match=r"16 weights|numbered from 0 to 15|give one shape"):
        soft_lookup(IMAGE, weights, mixtures, query, (4, 4))


def test_each_model_has_its_bars_and_its_verdict() -> None:
    fig = shuffled_digit(DIGIT, DIGIT.flip(-1), {"first": SURE, "second": UNSURE}, label=1)
    first, second = fig.axes[2:]
    np.testing.assert_allclose([bar.get_height() for bar in bars(first)], SURE)
    np.testing.assert_allclose([bar.get_height() for bar in bars(second)], UNSURE)
    assert first.get_title(loc="left") == "first: says 1, right"
    assert second.get_title(loc="left") == "second: says 2, wrong"


def test_models_of_different_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="one number of classes"):
        shuffled_digit(DIGIT, DIGIT, {"first": SURE, "second": UNSURE[:2]}, label=1)


def test_every_bar_of_parameters_is_as_long_as_its_share() -> None:
    (axes,) = parameter_bars(MODELS).axes
    widths = np.array([bar.get_width() for bar in bars(axes)]).reshape(3, 2)
    np.testing.assert_allclose(widths, [[0.6, 0.5], [0.3, 0.25], [0.1, 0.25]])


def test_models_of_different_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="same parts"):
        parameter_bars({**MODELS, "other": {"FFN": 1}})


def test_size_and_cost_say_what_they_were_given() -> None:
    fig = size_and_cost(IMAGE, 16, 64, 17, 5_700_000, {"linear maps": 3e9, "pairs": 1e9})
    left, right = fig.axes
    words = [text.get_text() for text in right.texts]
    assert len(left.lines) == 2 * 3
    assert words == [
        "17 tokens",
        "5.7 M parameters",
        "4.0 G operations an image",
        "of these: linear maps 75%, pairs 25%",
    ]


def test_a_patch_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not divide"):
        size_and_cost(IMAGE, 15, 64, 17, 1, {"linear maps": 1.0})
