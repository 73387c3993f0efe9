"""What the models' configurations share: the way to a plain dictionary and back."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import Any, TypeVar

C = TypeVar("C", bound="Config")


@dataclass(frozen=True)
class Config:
    """Everything that fixes a model's shape; what is saved beside its weights. Fields are those of the subclass."""

    @classmethod
    def from_dict(cls: type[C], fields: dict[str, Any]) -> C:
        """The inverse of :meth:`to_dict`; an unknown field is an error that names it and the nearest known one."""
        known = [f.name for f in dataclasses.fields(cls)]
        for name in fields:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"unknown {cls.__name__} field {name!r}{hint} (known: {', '.join(known)})")
        return cls(**fields)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
