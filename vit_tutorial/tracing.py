"""Reading code while it runs: which lines of a function are executed, and what each of them changed."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor

GONE = "(gone)"  # the value of a variable that is no longer there
PLAIN = (int, float, str, bool, type(None))


@dataclass
class Visit:
    """One execution of a statement.

    Fields:
        line: of the file, the statement's first.
        changes: what it changed, {name: value}: numbers and strings as they are, everything else as `describe` says.
    """

    line: int
    changes: dict[str, Any] = field(default_factory=dict)


class Trace:
    """What happened in a function, statement by statement, in the order of execution.

    Fields:
        lines: the function's source, a string a line; first: the number of the first line in its file.
        starts: for each line the first of its statement; visits: the executed statements. The first of each call is the ``def`` line, whose changes are the arguments.
        returned: what the calls gave back.
    """

    def __init__(self, function: Callable[..., Any], watch: Mapping[str, str]) -> None:
        self.code = inspect.unwrap(function).__code__
        source, self.first = inspect.getsourcelines(self.code)
        self.lines = textwrap.dedent("".join(source)).splitlines()
        self.visits: list[Visit] = []
        self.returned: list[Any] = []
        self._watch = {name: compile(expression, f"<watch {name}>", "eval") for name, expression in watch.items()}
        self.starts = statement_starts("\n".join(self.lines), self.first)
        self._running: dict[FrameType, tuple[Visit, dict[str, Any]]] = {}

    def text(self, line: int) -> str:
        """The source of a line of the file, without its indent."""
        return self.lines[line - self.first].strip()

    def line_with(self, text: str) -> int:
        """The number in its file of the first line that contains a text. Raises ValueError where there is none."""
        for number, line in enumerate(self.lines, self.first):
            if text in line:
                return number
        raise ValueError(f"no line of {self.code.co_name} contains {text!r}")

    def changes(self, name: str) -> list[tuple[str, Any]]:
        """(source of the statement, new value) for each time that a variable or a watched expression changed."""
        return [(self.text(v.line), v.changes[name]) for v in self.visits if name in v.changes]

    def changed_by(self, name: str) -> list[str]:
        """The statements that changed it, each once, without the one that gave the first value."""
        return list(dict.fromkeys(text for text, _ in self.changes(name)[1:]))

    def values(self, name: str) -> list[Any]:
        """The values that it took, one after the other."""
        return [value for _, value in self.changes(name)]

    def on_call(self, frame: FrameType) -> Any:
        """A call begins, or a generator goes on."""
        if frame not in self._running:  # a generator is entered again where it stopped
            start = Visit(self.starts.get(self.code.co_firstlineno, self.code.co_firstlineno))
            self.visits.append(start)
            self._running[frame] = start, {}
        return self.on_line

    def on_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        """A line is about to run, or the function returns: what has changed since was changed by the line before."""
        visit, before = self._running[frame]
        now = self._state(frame)
        visit.changes |= {name: value for name, value in now.items() if name not in before or before[name] != value}
        visit.changes |= {name: GONE for name in before if name not in now}
        if event == "line":
            line = self.starts.get(frame.f_lineno, frame.f_lineno)
            if line != visit.line:
                visit = Visit(line)
                self.visits.append(visit)
        elif event == "return":  # a generator returns at each yield, and goes on later
            self.returned.append(plain(argument))
            visit.changes["returned"] = plain(argument)
        self._running[frame] = visit, now
        return self.on_line

    def end(self) -> None:
        """Let go of the calls' variables."""
        self._running.clear()

    def _state(self, frame: FrameType) -> dict[str, Any]:
        state = {name: plain(value) for name, value in frame.f_locals.items()}
        for name, expression in self._watch.items():
            try:
                state[name] = plain(eval(expression, frame.f_globals, dict(frame.f_locals)))
            except Exception:  # not there yet
                continue
        return state


@contextmanager
def trace_lines(function: Callable[..., Any], watch: Mapping[str, str] | None = None) -> Iterator[Trace]:
    """Record every line of a function that runs within the block.

        with trace_lines(train, watch={"weight": "state.model.head.weight[0, 0].item()"}) as trace:
            fit(task, recipe)
        trace.changed_by("weight")  # ["state.optimizer.step()"]

    Args:
        function: a Python function or method; of a decorated one the inner function is watched.
        watch: expressions that are evaluated with the function's variables after each line, by the name to give them.

    Python calls the recorder at every line (`sys.settrace`), in this thread only; a debugger's own is put back at the end.
    """
    trace, before = Trace(function, watch or {}), sys.gettrace()
    if trace.code in _active:
        raise ValueError(f"{trace.code.co_name} is being traced already; end the block around this one first")
    _active[trace.code] = trace
    sys.settrace(_on_call)
    try:
        yield trace
    finally:
        sys.settrace(before)
        del _active[trace.code]
        trace.end()


_active: dict[CodeType, Trace] = {}


def _on_call(frame: FrameType, event: str, argument: Any) -> Any:
    """What Python calls whenever a function begins: the trace of that function, if there is one, sees its lines."""
    trace = _active.get(frame.f_code)
    return None if trace is None else trace.on_call(frame)


def statement_starts(source: str, first: int) -> dict[int, int]:
    """For each line of a source that starts at line `first`, the first line of the statement that it belongs to.

    A call over several lines is one statement; of ``for``, ``if`` and ``with`` only the head is.
    """
    starts: dict[int, int] = {}
    for node in ast.walk(ast.parse(source)):  # outer nodes come first, inner ones overwrite them
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            top = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            for line in range(top, max(end, node.lineno) + 1):
                starts[line + first - 1] = node.lineno + first - 1
    return starts


def plain(value: Any) -> Any:
    """Numbers and short strings as they are, everything else in words."""
    if isinstance(value, PLAIN):
        return value if not isinstance(value, str) or len(value) <= 60 else value[:57] + "..."
    return describe(value)


def describe(value: Any) -> str:
    """A value in a few words: type, shape and range of an array, length of a collection, the class of anything else."""
    if isinstance(value, (Tensor, np.ndarray)):
        return _describe_array(value)
    if isinstance(value, (list, tuple)) and len(value) <= 6 and all(isinstance(v, PLAIN) for v in value):
        return repr(value)
    if isinstance(value, (bytes, list, tuple, dict, set)):
        return f"{type(value).__name__} of {len(value):,}"
    if isinstance(value, slice):
        return repr(value)
    if hasattr(value, "mode") and hasattr(value, "size"):  # Pillow's image
        return f"{value.mode} image, {value.size[0]} wide, {value.size[1]} high"
    return type(value).__name__


def _describe_array(value: Tensor | np.ndarray) -> str:
    kind = str(value.dtype).removeprefix("torch.")
    numbers = value.detach() if isinstance(value, Tensor) else torch.from_numpy(np.ascontiguousarray(value))
    if numbers.ndim == 0:
        return f"{numbers.item():.4g}"
    text = f"{kind} {list(numbers.shape)}"
    if 0 < numbers.numel() <= 1_000_000 and not numbers.is_complex():
        text += f", {numbers.min().item():.4g} to {numbers.max().item():.4g}"
    return text
