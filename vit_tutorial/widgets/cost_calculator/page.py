"""The cost calculator of a built page."""

from __future__ import annotations

from vit_tutorial.widgets.cost_calculator.state import SETTINGS, CalculatorState
from vit_tutorial.widgets.page_figure import figure_element


def page_element(start: CalculatorState, still: str, caption: str, name: str = "") -> str:
    """The figure as HTML: a table and a caption; the page's loader makes it live. ``caption`` is HTML where it starts with ``<``."""
    data = {"state": {key: getattr(start, key) for key in SETTINGS}}
    return figure_element("cost_calculator", ["vit-cost.js"], data, still, caption, name)
