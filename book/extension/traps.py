"""The directive ``{traps} SUBJECT``: what libraries do where one would guess otherwise, from book/traps.yml.

The rows of a subject are a table; the code that shows a row stands below it, folded. ``:library: NAME`` keeps one library's rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FILE = Path("book") / "traps.yml"
FIELDS = {"subject", "library", "version", "guess", "truth", "show"}


def read_traps(path: Path) -> list[dict[str, Any]]:
    """The rows in the order of the file.

    Raises:
        ValueError: a row lacks a field (all but ``show`` are needed), or has another one.
    """
    rows: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for row in rows:
        odd = set(row) ^ FIELDS - ({"show"} - set(row))
        if odd:
            raise ValueError(f"{path.name}: the row {row.get('guess')!r} has or lacks {', '.join(sorted(odd))}")
    return rows


def as_markdown(rows: list[dict[str, Any]]) -> str:
    """A table of the rows, and below it the code of those that have some."""
    lines = ["| Library | One would guess | What is true |", "| --- | --- | --- |"]
    lines += [f"| {row['library']} {row['version']} | {row['guess']} | {row['truth']} |" for row in rows]
    for row in rows:
        if "show" in row:
            code = row["show"].rstrip()
            lines += ["", f"::::{{dropdown}} {row['library']}: {row['guess']}", "```python", code, "```", "::::"]
    return "\n".join(lines)


class Traps(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = {"library": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / FILE
        self.env.note_dependency(str(path))
        subject, library = self.arguments[0], self.options.get("library")
        known = read_traps(path)
        rows = [row for row in known if row["subject"] == subject and library in (None, row["library"])]
        if not rows:
            subjects = ", ".join(sorted({row["subject"] for row in known}))
            message = f"no traps of {subject!r}{f' in {library}' if library else ''}; subjects are {subjects}"
            return [self.state.document.reporter.error(message, line=self.lineno)]
        made = nodes.container(classes=["vt-traps"])
        self.state.nested_parse(StringList(as_markdown(rows).splitlines(), str(FILE)), self.content_offset, made)
        return [made]


def setup(app: Sphinx) -> None:
    app.add_directive("traps", Traps)
