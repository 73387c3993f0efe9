"""The parameters of a live figure: the values that each can take, its control, and what is said of wrong ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
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
