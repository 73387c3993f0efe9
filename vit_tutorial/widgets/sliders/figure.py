"""A figure function with a control for each of its arguments: ``live(figure_function, layer=range(4), head=range(3), alt=...)``.

In a kernel each setting is drawn when the reader asks for it (widget.py). In the built book, which has no kernel, the figures of all
settings are drawn while the book is built (page.py). Both have one front end, figure.js. The build makes the reader's figure too, and so
fails where that would.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vit_tutorial.widgets.sliders.page import PageFigure
from vit_tutorial.widgets.sliders.settings import Settings, check_count, check_settings, parameter
from vit_tutorial.widgets.sliders.widget import KernelFigure


def live(
    figure_function: Callable[..., Any],
    *,
    alt: str | Callable[..., str] | None = None,
    caption: str = "",
    labels: Mapping[str, str] | None = None,
    start: Mapping[str, Any] | None = None,
    **parameters: Iterable[Any],
) -> Any:
    """A figure with a control for each parameter; every control works in a notebook and, without a kernel, in the built book.

        live(draw, layer=range(4), head=range(3), alt=lambda layer, head: f"Attention of layer {layer}, head {head}.")

    Args:
        figure_function: ``figure_function(**settings)`` returns a matplotlib Figure.
        alt: alternative text: what the figure shows, for readers who do not see it; one text, or a function of the settings.
        caption: shown below the figure.
        labels: ``{"layer": "Layer"}``; a parameter without one is called by its name.
        start: the settings shown first, e.g. ``{"layer": 3}``; a parameter that is not named starts at its first value.
        parameters: the values of each parameter: a range or numbers (a slider), strings (a choice), ``[False, True]`` (a switch).

    Returns:
        In a kernel a widget; its ``settings`` can be read and set. In the built book (``VIT_BOOK_BUILD=1``) a figure that carries all
        of its pictures. Each shows itself as the last value of a cell.

    Raises:
        ValueError: no alternative text, no parameter, one without values or with values of two kinds, more than 200 settings, pictures
            of more than 2 MB in all, or an unknown name or value in ``labels`` or ``start``; the message says which, and what to do.
        TypeError: the figure function returns something else than a Figure.
    """
    if not alt or not (isinstance(alt, str) or callable(alt)):
        raise ValueError(
            "live() needs alt: what the figure shows in one sentence, for readers who do not see it. "
            'Give a text, or a function of the settings: alt=lambda layer: f"Attention of layer {layer}."'
        )
    if not parameters:
        raise ValueError("live() needs at least one parameter to change, e.g. layer=range(4)")
    for name in [*(labels or {}), *(start or {})]:
        if name not in parameters:
            raise ValueError(f"there is no parameter {name!r}; there are: {', '.join(parameters)}")
    known = [parameter(name, values, (labels or {}).get(name, name)) for name, values in parameters.items()]
    check_count(known)
    first = check_settings(known, {p.name: p.values[0] for p in known} | dict(start or {}))

    def describe(settings: Settings) -> str:
        return alt if isinstance(alt, str) else alt(**settings)

    if os.environ.get("VIT_BOOK_BUILD") != "1":
        return KernelFigure(figure_function, known, first, describe, caption)
    KernelFigure(figure_function, known, first, describe, caption).close()
    return PageFigure.draw(figure_function, known, first, describe, caption)
