"""Source code with what it did: the lines of a function, and under each what it changed while it ran."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from vit_tutorial.tracing import Trace

STYLE = (
    ".vt-listing{font-size:.86em;line-height:1.45}"
    ".vt-listing .vt-code{display:flex}"
    ".vt-listing .vt-number{flex:0 0 2.6em;opacity:.65;text-align:right;padding-right:.8em;user-select:none}"
    ".vt-listing .vt-code,.vt-listing .vt-did,.vt-listing summary{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}"
    ".vt-listing .vt-line{white-space:pre-wrap;overflow-wrap:anywhere;min-width:0;padding-left:1.5em;text-indent:-1.5em}"
    ".vt-listing .vt-did{margin:0 0 .35em 2.6em;padding:0 .7em;border-left:3px solid #0072b2;font-size:.95em;overflow-wrap:anywhere}"
    ".vt-listing summary{cursor:pointer}"
)


class Listing:
    """A traced function's source; shows itself as the value of a cell.

    The docstring is left out.

    Args:
        trace: of the function.
        first, last: texts of the first and of the last line to show; the first line that contains each is meant. Empty: the whole function.
        visit: whose values are shown of lines that ran several times: 1 for the first time, -1 for the last.
        show: names of variables and watched expressions; None: all.
        ask: names whose values are hidden until the reader opens them.

    Raises:
        ValueError: no line contains the text.
    """

    def __init__(
        self,
        trace: Trace,
        first: str = "",
        last: str = "",
        visit: int = 1,
        show: Iterable[str] | None = None,
        ask: Iterable[str] = (),
    ) -> None:
        self.trace, self.ask = trace, set(ask)
        self.numbers = range(trace.line_with(first) if first else trace.first, trace.first + len(trace.lines))
        if last:
            self.numbers = range(self.numbers.start, trace.line_with(last) + 1)
        names = None if show is None else set(show)
        self.did: dict[int, dict[str, Any]] = {}
        for line in self.numbers:
            visits = [v for v in trace.visits if v.line == line]
            if visits:
                chosen = visits[min(visit, len(visits)) - 1 if visit > 0 else visit]
                self.did[line] = {k: v for k, v in chosen.changes.items() if names is None or k in names}

    def __str__(self) -> str:
        rows = []
        for line, did in self._rows():
            rows.append(f"{line:4d}  {self.trace.lines[line - self.trace.first]}")
            if did:
                rows.append("      -> " + "; ".join(f"{k} = {_say(v)}" for k, v in did.items()))
        return "\n".join(rows)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.html(), "text/plain": str(self)}

    def html(self) -> str:
        shown = list(self._rows())
        code = _coloured(dedented([self.trace.lines[line - self.trace.first] for line, _ in shown]))
        rows = []
        for (line, did), text in zip(shown, code):
            rows.append(
                f'<div class="vt-code"><span class="vt-number">{line}</span><span class="vt-line">{text}</span></div>'
            )
            rows.append(self._did(did))
        return f'<div class="vt-listing highlight"><style>{STYLE}</style>{"".join(rows)}</div>'

    def _did(self, did: dict[str, Any]) -> str:
        told = [f"{html.escape(name)} = {html.escape(_say(v))}" for name, v in did.items() if name not in self.ask]
        asked = [
            f"<details><summary>{html.escape(name)} = ?</summary>{html.escape(_say(v))}</details>"
            for name, v in did.items()
            if name in self.ask
        ]
        text = "".join([*(f"<div>{row}</div>" for row in told), *asked])
        return f'<div class="vt-did">{text}</div>' if text else ""

    def _rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each line that is shown, and what the statement did that ends there."""
        hidden = docstring_lines(self.trace.lines)
        shown = [line for line in self.numbers if line - self.trace.first not in hidden]
        starts = [self.trace.starts.get(line, line) for line in shown]
        for line, start, following in zip(shown, starts, [*starts[1:], 0]):
            yield line, self.did.get(start, {}) if following != start else {}


def dedented(lines: list[str]) -> list[str]:
    """The lines without the indent that all of them share."""
    return textwrap.dedent("\n".join(lines)).split("\n")


def docstring_lines(lines: list[str]) -> range:
    """The indices of a function's docstring among its lines."""
    starts = [i for i, line in enumerate(lines) if line.strip().startswith('"""')]
    if not starts:
        return range(0)
    start = starts[0]
    if lines[start].strip().count('"""') == 2:
        return range(start, start + 1)
    end = next(i for i in range(start + 1, len(lines)) if '"""' in lines[i])
    return range(start, end + 1)


def _say(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _coloured(lines: list[str]) -> list[str]:
    """The lines as HTML, with Pygments' classes, which the book's pages colour, where Pygments is there (Jupyter brings it)."""
    try:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        return [html.escape(line) for line in lines]
    coloured = highlight("\n".join(lines), PythonLexer(stripnl=False), HtmlFormatter(nowrap=True))
    return str(coloured).split("\n")
