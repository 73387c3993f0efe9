"""Fields with a meaning and limits: what a recipe and the models' configurations share.

A field is declared once, with all that there is to say of it:

    lr: float = setting(1e-3, "peak learning rate", "(0, inf)")

Conversion ("1e-3" is text to YAML), checks, messages and documentation follow from that line.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import itertools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

C = TypeVar("C", bound="Config")
# The types of a class's fields; Python reads the annotations anew each time.
types_of: Callable[[type], dict[str, Any]] = functools.cache(get_type_hints)


def setting(
    default: Any,
    meaning: str,
    limits: str | tuple[str, ...] = "",
    one_of: tuple[str, ...] = (),
    ascending: bool = False,
    group: str = "",
    of: str = "",
) -> Any:
    """A dataclass field that says what it is and which values it takes.

    Args:
        default: its value where none is given; a list or dict is copied.
        meaning: for people.
        limits: an interval of numbers, ``"(0, 1]"`` is above 0 and at most 1; of a tuple that of each item, or one an item.
        one_of: the words that it can be.
        ascending: the items of a tuple are in order, each larger than the one before, or for two items at least as large.
        group: of fields that belong together.
        of: the one case that knows the field; elsewhere it keeps its default. Empty for all.
    """
    metadata = {
        "meaning": meaning,
        "limits": limits,
        "one_of": one_of,
        "ascending": ascending,
        "group": group,
        "of": of,
    }
    if isinstance(default, (list, dict)):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """Fields whose values are converted to their types and checked whenever an object is made. The fields are the subclass's."""

    error: ClassVar[type[ValueError]] = ValueError
    prefix: ClassVar[str] = ""  # what stands before a field's name in messages

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, self.read(f.name, getattr(self, f.name)))

    @classmethod
    def from_dict(cls: type[C], fields: dict[str, Any]) -> C:
        """The inverse of :meth:`to_dict`; an unknown field is an error that names it and the nearest known one."""
        for name in fields:
            cls.known(name)
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        """All fields, as JSON knows them (lists for tuples)."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }

    def given(self) -> dict[str, Any]:
        """The fields that differ from their defaults, as `to_dict` gives them."""
        default = type(self)().to_dict()
        return {name: value for name, value in self.to_dict().items() if value != default[name]}

    @classmethod
    def known(cls, name: str) -> dataclasses.Field[Any]:
        """The field of that name. Raises ValueError for an unknown one, with the nearest known one."""
        fields = {f.name: f for f in dataclasses.fields(cls)}
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise cls.error(f"unknown {cls.__name__} field {name!r}{hint} (known: {', '.join(fields)})")
        return fields[name]

    @classmethod
    def read(cls, name: str, value: Any) -> Any:
        """A value from YAML, JSON, the command line or Python as the field's type.

        Raises:
            ValueError: the field cannot have this value; the message names the field, the value and what it can be.
        """
        rule, kind = cls.known(name).metadata, types_of(cls)[name]
        try:
            return _read(kind, rule, value)
        except ValueError as error:
            raise cls.error(f"{cls.prefix}{name} is {value!r}; it must be {_describe(kind, rule)}") from error

    @classmethod
    def describe(cls) -> str:
        """The fields one by one, with what they mean, what they can be, and their default; a title before each group."""
        lines, group = [], None
        for f in dataclasses.fields(cls):
            if f.metadata.get("group", "") != group:
                group = f.metadata.get("group", "")
                lines += [f"{group[0].upper()}{group[1:]}:"] if group else []
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
                continue  # the name, which is its file's
            default = "" if f.default in (dataclasses.MISSING, "", None) else f", by default {_word(f.default)}"
            only = f"; in {f.metadata['of']} alone" if f.metadata.get("of") else ""
            allowed = _describe(types_of(cls)[f.name], f.metadata)
            lines.append(f"  {f.name}: {f.metadata['meaning']}; {allowed}{default}{only}")
        return "\n".join(lines)


def _read(kind: Any, rule: Any, value: Any) -> Any:
    """The value as this type, within the rule's limits. Raises ValueError if it is none."""
    if kinds := _alternatives(kind):
        for alternative in kinds:
            try:
                return _read(alternative, rule, value)
            except ValueError:
                continue
        raise ValueError
    if kind is NoneType:
        return _require(value, value is None)
    if kind in (str, bool) or get_origin(kind) in (dict, Literal):
        words = get_args(kind) if get_origin(kind) is Literal else rule.get("one_of")
        plain = {dict: dict, Literal: str}.get(get_origin(kind), kind)
        return _require(value, isinstance(value, plain) and (not words or value in words))
    limits = rule.get("limits", "")
    if get_origin(kind) is tuple:
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        kinds, all_of_one = get_args(kind), get_args(kind)[-1] is Ellipsis
        count = len(items) if all_of_one else len(kinds)
        _require(items, len(items) == count and count > 0)
        each = limits if isinstance(limits, tuple) else (limits,) * count
        read = [_number(kinds[0 if all_of_one else i], each[i], item) for i, item in enumerate(items)]
        steps = list(itertools.pairwise(read))
        in_order = all(a <= b for a, b in steps) if len(kinds) == 2 and not all_of_one else all(a < b for a, b in steps)
        return _require(tuple(read), in_order or not rule.get("ascending"))
    return _number(kind, limits, value)


def _number(kind: Any, limits: str, value: Any) -> Any:
    if isinstance(value, (bool, bytes)):
        raise ValueError
    try:
        number = operator.index(value) if kind is int else float(value)
    except (TypeError, OverflowError) as error:
        raise ValueError from error
    low, high = _bounds(limits)
    inside = (
        low <= number <= high
        and not (limits[:1] == "(" and number == low)
        and not (limits[-1:] == ")" and number == high)
    )
    return _require(number, math.isfinite(number) and inside)


def _require(value: Any, holds: bool) -> Any:
    if not holds:
        raise ValueError
    return value


def _bounds(limits: str) -> tuple[float, float]:
    low, high = limits[1:-1].split(",") if limits else ("-inf", "inf")
    return float(low), float(high)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """The types of ``A | B``; none for a plain type."""
    return get_args(kind) if get_origin(kind) not in (None, dict, tuple, Literal) else ()


def _describe(kind: Any, rule: Any) -> str:
    """What a value can be, in words: "a whole number of at least 1"."""
    if kinds := _alternatives(kind):
        return ", or ".join("null" if one is NoneType else _describe(one, rule) for one in kinds)
    limits = rule.get("limits", "")
    if words := (get_args(kind) if get_origin(kind) is Literal else rule.get("one_of", ())):
        return f"one of {', '.join(words)}"
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        noun = "whole numbers" if kinds[0] is int else "numbers"
        count = "one or more" if kinds[-1] is Ellipsis else str(len(kinds))
        each = f", each {_in_words(limits)}" if isinstance(limits, str) and limits else ""
        if isinstance(limits, tuple):
            each = f", the first {_in_words(limits[0])}, the second {_in_words(limits[1])}"
        order = ", in ascending order" if rule.get("ascending") else ""
        return f"{count} {noun}{each}{order}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return f"{names.get(kind, 'fields and values, as in {depth: 4}')} {_in_words(limits)}".rstrip()


def _in_words(limits: str) -> str:
    low, high = _bounds(limits)
    if limits[:1] == "[" and limits[-1:] == "]":
        return f"from {low:g} to {high:g}"
    below = f"{'of at least' if limits[:1] == '[' else 'above'} {low:g}" if math.isfinite(low) else ""
    above = f"{'at most' if limits[-1:] == ']' else 'below'} {high:g}" if math.isfinite(high) else ""
    return " and ".join(filter(None, (below, above)))


def _word(default: Any) -> str:
    return (
        str(list(default))
        if isinstance(default, tuple)
        else str(default).lower()
        if isinstance(default, bool)
        else str(default)
    )
