"""The cost calculator's Python: its settings are checked, and the page and the notebook get the figure."""

from __future__ import annotations

import re
from typing import Any

import pytest

from vit_tutorial import cost
from vit_tutorial.vit import ViTConfig
from vit_tutorial.widgets import CostCalculator, calculate_cost
from vit_tutorial.widgets.assets import needed
from vit_tutorial.widgets.cost_calculator.state import start_state
from vit_tutorial.widgets.cost_calculator.still import describe, held, table
from vit_tutorial.widgets.page_figure import PageFigure


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": "huge"}, "unknown size 'huge'; choose one of tiny, small, base, large"),
        ({"gpu": "T4"}, "the figure has no 'gpu'; it has size, embed_dim"),
        ({"num_heads": 5}, "width 192 has to be divisible by 5 heads"),
        ({"img_size": 225}, "225 pixels by patches of 16"),
        ({"batch_size": 0}, "batch_size"),
        ({"precision": "fp8"}, "precision"),
    ],
)
def test_what_cannot_be_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        start_state(settings)


def test_it_calculates_the_named_size() -> None:
    start = start_state({"size": "base", "img_size": 384, "precision": "bf16"})
    assert start.config == ViTConfig.named("base", img_size=384)
    assert start.step == cost.Step(64, "bf16")


def test_the_parts_of_the_still_add_up_to_the_peak() -> None:
    for settings in ({}, {"size": "large", "batch_size": 1}):
        start = start_state(settings)
        parts = cost.memory(start.config, start.step)
        assert sum(held(start).values()) * 2**20 == pytest.approx(cost.peak(parts))
        assert describe(start) in table(start)


def test_in_a_notebook_the_call_gives_a_widget_that_can_be_set() -> None:
    widget = calculate_cost(size="small", batch_size=2)
    assert isinstance(widget, CostCalculator)
    before = widget.peak
    widget.batch_size = 4
    assert widget.peak > before
    widget.close()


def test_the_built_page_gets_an_element_with_a_still_of_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    figure = calculate_cost(size="tiny", caption="A caption.", name="here")
    assert isinstance(figure, PageFigure)
    assert {"vit-cost.js"} <= needed(figure.element)
    assert "A caption." in figure.element
    assert "5,717,416 parameters" in figure.description
    assert figure.picture.startswith(b"\x89PNG")
