"""The cost calculator: choose a model, a batch and a device, and see what a training step takes.

In a notebook :func:`calculate_cost` returns a widget; while the book is built it returns the same figure as an element of the page, after
it has made the widget too: what would fail for a reader fails the build.
"""

from __future__ import annotations

import os
from typing import Any

from vit_tutorial.widgets.cost_calculator.page import page_element
from vit_tutorial.widgets.cost_calculator.state import start_state
from vit_tutorial.widgets.cost_calculator.widget import CostCalculator
from vit_tutorial.widgets.page_figure import PageFigure


def calculate_cost(*, caption: str = "", name: str = "", **state: Any) -> CostCalculator | PageFigure:
    """Parameters, operations, memory by part and time of a training step, of a model and a device that the reader chooses.

    Args:
        caption, name: for the built page: the text below the figure, and its name in links.
        state: with what it starts: ``size="base", batch_size=8, precision="bf16"``; see :class:`CostCalculator`.

    Raises:
        ValueError: a value that cannot be, or an unknown name.
    """
    if os.environ.get("VIT_BOOK_BUILD") != "1":
        return CostCalculator(**state)
    from vit_tutorial.widgets.cost_calculator.still import describe, draw, table  # here: a notebook needs no still

    start = start_state(state)
    CostCalculator(**state).close()
    return PageFigure(page_element(start, table(start), caption, name), draw(start), describe(start))
