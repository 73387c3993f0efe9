"""A figure function with a control for each of its arguments: ``live(figure_function, layer=range(4), head=range(3), alt=...)``.

In a kernel each setting is drawn when the reader asks for it (sliders_kernel.py). In the built book, which has no kernel, the figures
of all settings are drawn while the book is built (sliders_page.py). Both have one front end, live/figure.js.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_SETTINGS = 200  # figures drawn for one live figure
CHOICE_CHARACTERS = 36  # options of more letters in all are shown as a drop-down list

Settings = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """One argument of the figure function and the values it can take.

    Fields:
        name: the argument; label: what the reader sees.
        values: the values in order.
        kind: ``slider`` (numbers), ``choice`` (few short strings), ``list`` (others), ``switch`` (False and True).
    """

    name: str
    label: str
    values: tuple[Any, ...]
    kind: str

    @property
    def texts(self) -> list[str]:
        """The values as the reader sees them."""
        return [f"{v:.6g}" if isinstance(v, float) else str(v) for v in self.values]


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

    if os.environ.get("VIT_BOOK_BUILD") == "1":
        from vit_tutorial.widgets.sliders_page import PageFigure  # here, so that neither needs what the other imports

        return PageFigure.draw(figure_function, known, first, describe, caption)
    from vit_tutorial.widgets.sliders_kernel import KernelFigure

    return KernelFigure(figure_function, known, first, describe, caption)


def parameter(name: str, values: Iterable[Any], label: str) -> Parameter:
    """The parameter with its kind of control, from the values it can take.

    Raises:
        ValueError: no values, values of two kinds or of none that has a control, or one value twice.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ValueError(
            f"{name} is {values!r}; give the values it can take, e.g. {name}=range(4) or {name}=['a', 'b']"
        )
    options = tuple(v.item() if hasattr(v, "item") else v for v in values)  # NumPy's and torch's numbers as Python's
    if not options:
        raise ValueError(f"{name} has no values; give at least one")
    if all(isinstance(v, bool) for v in options):
        kind = "switch" if len(options) == 2 else "choice"
    elif all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in options):
        kind = "slider"
        if not all(map(math.isfinite, options)):
            raise ValueError(
                f"{name} has the value {next(v for v in options if not math.isfinite(v))}; give finite numbers"
            )
    elif all(isinstance(v, str) for v in options):
        kind = "choice" if sum(len(v) + 3 for v in options) <= CHOICE_CHARACTERS else "list"
    else:
        raise ValueError(
            f"{name} has values {list(options)!r}; give numbers, or strings, or [False, True], not a mixture"
        )
    if len(set(options)) < len(options):
        twice = next(v for v in options if options.count(v) > 1)
        raise ValueError(f"{name} has the value {twice!r} twice; leave one out")
    return Parameter(name, label, options, kind)


def check_count(parameters: list[Parameter]) -> None:
    """Raise ValueError where there are too many settings to draw; the message counts them."""
    count = math.prod(len(p.values) for p in parameters)
    if count > MAX_SETTINGS:
        largest = max(parameters, key=lambda p: len(p.values))
        product = " x ".join(f"{len(p.values)} ({p.name})" for p in parameters)
        step = -(-count // MAX_SETTINGS)
        raise ValueError(
            f"{product} = {count} figures, and at most {MAX_SETTINGS} are drawn; take fewer values, "
            f"e.g. every {step}th of {largest.name}, or fix a parameter inside the figure function"
        )


def check_settings(parameters: list[Parameter], settings: Mapping[str, Any]) -> Settings:
    """The settings in the parameters' order.

    Raises:
        ValueError: a parameter that is not there, or a value that it cannot take; the message names those that it can.
    """
    names = [p.name for p in parameters]
    for name in settings:
        if name not in names:
            raise ValueError(f"there is no parameter {name!r}; there are: {', '.join(names)}")
    for p in parameters:
        if p.name not in settings:
            raise ValueError(f"the settings have no {p.name}; give all of: {', '.join(names)}")
        if settings[p.name] not in p.values:
            raise ValueError(f"{p.name} is {settings[p.name]!r}; it can be {', '.join(map(repr, p.values))}")
    return {p.name: p.values[p.values.index(settings[p.name])] for p in parameters}


def all_settings(parameters: list[Parameter]) -> list[Settings]:
    """Every combination of values; the last parameter changes fastest."""
    names = [p.name for p in parameters]
    return [dict(zip(names, values)) for values in itertools.product(*(p.values for p in parameters))]


def describe_controls(parameters: list[Parameter]) -> list[dict[str, Any]]:
    """The parameters as the front end reads them."""
    return [{"label": p.label, "kind": p.kind, "texts": p.texts} for p in parameters]


def positions(parameters: list[Parameter], settings: Mapping[str, Any]) -> list[int]:
    """The number of each parameter's value, counted from 0: how the front end names a setting."""
    return [p.values.index(settings[p.name]) for p in parameters]
