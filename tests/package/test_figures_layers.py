"""Pictures of the layers: they show the numbers they were given, and fit the page."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.text
import numpy as np
import pytest
import torch
from figure_helpers import assert_nothing_sticks_out, assert_page_wide
from matplotlib.figure import Figure

from vit_tutorial.figures.layers import (
    block_orders,
    by_layer,
    deletion_curves,
    head_dots,
    letter_figure,
    loss_by_step,
    map_row,
    norm_geometry,
    offset_maps,
)

GREY = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8) * 4
ALL: dict[str, Callable[[], Figure]] = {
    "block_orders": block_orders,
    "norm_geometry": lambda: norm_geometry((-1.2, 0.3, 1.5), 2.0, 2.0, 1e-6),
    "by_layer": lambda: by_layer({"a": torch.tensor([1e-9, 1e-3, 1.0]), "b": [1, 2, 3]}, "gradient"),
    "loss_by_step": lambda: loss_by_step({"pre": [[2.0] * 20, [1.0] * 20], "post": [[2.3] * 20]}, chance=2.3),
    "head_dots": lambda: head_dots({"distance": torch.rand(4, 4), "entropy": torch.rand(4, 4)}, {"distance": 0.5}),
    "offset_maps": lambda: offset_maps(torch.rand(4, 13, 13)),
    "map_row": lambda: map_row(GREY, {"last": torch.rand(16), "drop": torch.randn(16)}, (4, 4)),
    "deletion_curves": lambda: deletion_curves([0, 1, 2], {"random": [0.9, 0.8, 0.7], "ink": [0.9, 0.5, 0.2]}),
    "letter_figure": lambda: letter_figure(GREY, torch.rand(16), (4, 4), "fiv_", "ab.", [0.1, 0.7, 0.2]),
}


def written(fig: Figure) -> set[str]:
    fig.canvas.draw()
    return {t.get_text() for t in fig.findobj(matplotlib.text.Text) if t.get_visible() and t.get_text()}


@pytest.mark.parametrize("name", ALL)
def test_a_figure_is_as_wide_as_the_page_and_nothing_sticks_out(name: str) -> None:
    fig = ALL[name]()
    assert_page_wide(fig)
    assert_nothing_sticks_out(fig)


def test_the_norms_dot_lies_on_the_circle_wherever_the_token_is() -> None:
    for shift, scale in ((0.0, 1.0), (-2.0, 2.0), (2.0, 0.02)):
        *_, dot = norm_geometry((-1.2, 0.3, 1.5), shift, scale, 1e-9).axes[1].collections
        assert np.linalg.norm(dot.get_offsets()) == pytest.approx(3**0.5, abs=1e-4)


def test_a_logarithmic_scale_refuses_zero_and_names_the_series() -> None:
    with pytest.raises(ValueError, match="dead has the value 0"):
        by_layer({"dead": [0.0, 1.0]}, "gradient")
    by_layer({"dead": [0.0, 1.0]}, "gradient", log=False)


def test_losses_are_shown_as_a_running_mean_of_five() -> None:
    line = loss_by_step({"a": [[0.0, 0, 0, 0, 5, 5]]}).axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), [1, 2])


def test_the_next_letter_is_the_accented_bar() -> None:
    bars = ALL["letter_figure"]().axes[2].patches
    colours = [bar.get_facecolor() for bar in bars]
    assert colours[1] != colours[0] == colours[2]
