"""What a script gets back from the twelve tests: which hold, what the others saw, and hints that open one after the other."""

from __future__ import annotations

import html
import os
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vit_tutorial.hunt.bugs import BUGS, Bug, wrong_source
from vit_tutorial.hunt.tests import TESTS

HINTS = ("Where to look", "What to measure", "The answer")
STYLE = (
    ".vt-hunt details{margin:.15em 0 .15em 1.6em}.vt-hunt summary{cursor:pointer}.vt-hunt p{margin:.5em 0 0}"
    ".vt-hunt .vt-seen{opacity:.8;margin:0 0 0 1.6em}"
)


@dataclass(frozen=True)
class Verdict:
    """One test's: what it saw, or nothing where it holds."""

    bug: Bug
    seen: str = ""

    @property
    def holds(self) -> bool:
        return not self.seen


@dataclass(frozen=True)
class Report:
    """The verdicts of all tests; shows itself as the value of a cell."""

    verdicts: tuple[Verdict, ...]

    @property
    def failing(self) -> list[str]:
        """The names of the bugs that are still there."""
        return [verdict.bug.name for verdict in self.verdicts if not verdict.holds]

    def __str__(self) -> str:
        lines = [f"{'holds' if v.holds else 'FAILS':5s}  {n:2d}  {v.bug.test}" for n, v in enumerate(self.verdicts, 1)]
        return "\n".join([*lines, self.summary()])

    def summary(self) -> str:
        return f"{len(self.verdicts) - len(self.failing)} of {len(self.verdicts)} tests hold"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.html(), "text/plain": str(self)}

    def html(self) -> str:
        rows = "".join(_row(number, verdict) for number, verdict in enumerate(self.verdicts, 1))
        return f'<div class="vt-hunt"><style>{STYLE}</style>{rows}<p><strong>{self.summary()}.</strong></p></div>'


def _row(number: int, verdict: Verdict) -> str:
    bug = verdict.bug
    head = f"<p>{'✓' if verdict.holds else '✗'} {number}. {html.escape(bug.test)}</p>"
    if verdict.holds:
        return head
    hints = "".join(
        f"<details><summary>{title}</summary>{html.escape(text)}</details>"
        for title, text in zip(HINTS, (bug.where, bug.measure, bug.answer))
    )
    return f'{head}<p class="vt-seen">{html.escape(verdict.seen)}</p>{hints}'


def check(file: str | Path) -> Report:
    """Run the tests on a script in a file.

    Raises:
        FileNotFoundError: there is no such file.
        SyntaxError and others: the script itself does not run; its own message says where.
    """
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}; hunt.write('{path}') writes the script with its bugs")
    return check_source(path.read_text(encoding="utf-8"), str(path))


def check_source(source: str, name: str = "script") -> Report:
    """Run the tests on a script given as its text."""
    script = load(source, name)
    return Report(tuple(Verdict(bug, run(bug, script)) for bug in BUGS))


def run(bug: Bug, script: Any) -> str:
    """What this bug's test saw in a script, and nothing where the test holds. The same random numbers each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            TESTS[bug.name](script)
        except AssertionError as error:
            return str(error) or "the test fails"
        except Exception as error:  # of a script that somebody is changing
            return f"{type(error).__name__}: {error}"
    return ""


def load(source: str, name: str = "script") -> Any:
    """A module made of a script's text; its ``if __name__ == "__main__"`` does not run."""
    module = types.ModuleType(Path(name).stem)
    exec(compile(source, name, "exec"), vars(module))
    return module


def write(file: str | Path = "bug_hunt.py") -> Path:
    """Write the script with all twelve bugs. A file that is there stays as it is, with the reader's changes; only the book's build writes it anew."""
    path = Path(file)
    if not path.exists() or os.environ.get("VIT_BOOK_BUILD") == "1":
        path.write_text(wrong_source(), encoding="utf-8")
    return path
