"""The cost calculator in a real browser: its numbers are Python's, and it follows keys, choices and fingers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accessibility import serious_faults
from explorer_page import OpenedFigure, figure_site, opened

from vit_tutorial import cost
from vit_tutorial.widgets.cost_calculator.page import page_element
from vit_tutorial.widgets.cost_calculator.state import SETTINGS, start_state
from vit_tutorial.widgets.cost_calculator.still import table


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calculator")
    start = start_state({})
    element = page_element(start, table(start), "The caption.", "calculator")
    return figure_site(folder, element)


class Calculator(OpenedFigure):
    def js(self, expression: str, argument: Any = None) -> Any:
        return self.figure.evaluate(
            f"(figure, argument) => {{ const c = figure.calculator; return {expression}; }}", argument
        )

    def number(self, label: str) -> Any:
        return self.figure.get_by_role("spinbutton", name=label)

    def text(self, selector: str) -> str:
        return str(self.figure.locator(selector).inner_text())


@pytest.fixture
def calculator(chromium: Any, site: Path) -> Iterator[Calculator]:
    with opened(chromium, f"{site.as_uri()}/light.html") as page:
        yield Calculator(page)
        assert page.faults == []


def test_its_formulas_are_pythons_over_a_grid(calculator: Calculator) -> None:
    words = (["fp32", "bf16"], ["fused", "explicit"], ["adamw", "muon", "sgd"])
    shapes = itertools.product(["tiny", "large"], [224, 32], [16, 8], [1, 64], *words)
    names = ("size", "img_size", "patch_size", "batch_size", "precision", "attention", "optimizer")
    states = [start_state(dict(zip(names, shape))) for shape in shapes]
    asked = [{name: getattr(state, name) for name in SETTINGS} for state in states]
    for state, found in zip(states, calculator.js("argument.map(VitCost.costOf)", asked)):
        config, step = state.config, state.step
        parts = cost.memory(config, step)
        assert found == {
            "tokens": cost.tokens(config),
            "parameters": sum(cost.parameters(config).values()),
            "flops": cost.flops(config, step.batch_size, training=True),
            "saved": cost.saved(config, step),
            "memory": parts,
            "peak": cost.peak(parts),
            "inference": cost.inference_peak(config, step),
            "seconds": pytest.approx(cost.seconds(config, step, state.rates)),
        }


def test_a_typed_number_and_an_arrow_change_the_verdict(calculator: Calculator) -> None:
    assert calculator.text(".verdict").startswith("Fits in 8 GiB")
    batch = calculator.number("Batch (images)")
    batch.fill("1024")
    batch.press("Enter")
    assert calculator.text(".verdict").startswith("Does not fit in 8 GiB")
    depth = calculator.number("Blocks L")
    depth.press("ArrowUp")
    assert calculator.js("c.state.depth") == 13


def test_a_size_sets_three_numbers_and_is_left_when_one_of_them_changes(calculator: Calculator) -> None:
    calculator.radio("Size", "large")
    assert [calculator.number(n).input_value() for n in ("Width D", "Blocks L", "Heads h")] == ["1024", "24", "16"]
    calculator.number("Blocks L").fill("23")
    calculator.number("Blocks L").press("Enter")
    assert calculator.figure.locator('[aria-label="Size"] input:checked').count() == 0


def test_heads_that_do_not_divide_are_named_and_mended(calculator: Calculator) -> None:
    heads = calculator.number("Heads h")
    heads.fill("5")
    heads.press("Enter")
    assert calculator.text(".alarm") == "Width 192 is not divisible by 5 heads."
    heads.fill("4")
    heads.press("Enter")
    assert calculator.figure.locator(".alarm").is_hidden()


def test_a_device_keeps_its_name_where_the_precision_changes(calculator: Calculator) -> None:
    calculator.radio("Device", "T4")
    slow = calculator.js("c.state.tflops")
    calculator.radio("Precision", "bf16")
    assert calculator.js("c.state.tflops") == pytest.approx(slow * 65 / 8.1, rel=1e-3)
    assert calculator.figure.locator('[aria-label="Device"] input:checked').input_value() == "T4"


def test_the_bar_ends_at_the_peak_and_the_limit_at_the_memory(calculator: Calculator) -> None:
    for batch in (64, 1024):
        calculator.js("c.set({ batch_size: argument })", batch)
        track, limit = (calculator.figure.locator(s).bounding_box() for s in (".track", ".limit"))
        parts = [box.bounding_box() for box in calculator.figure.locator(".part").all()]
        end = (parts[-1]["x"] + parts[-1]["width"] - track["x"]) / track["width"]
        at = (limit["x"] - track["x"]) / track["width"]
        peak, memory = calculator.js("c.cost().peak"), 8 * 2**30
        assert end == pytest.approx(peak / max(peak, memory), abs=0.02)
        assert at == pytest.approx(memory / max(peak, memory), abs=0.02)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1280])
def test_everybody_can_use_it_and_it_stays_on_the_screen(chromium: Any, site: Path, theme: str, width: int) -> None:
    with opened(chromium, f"{site.as_uri()}/{theme}.html", width=width) as page:
        Calculator(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious_faults(page, "figure", target_size=True) == []
