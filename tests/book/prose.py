"""The prose of pages and notebooks: their text without code, formulas, roles and directive options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

ROOT = Path(__file__).parent.parent.parent
NOT_PROSE = (
    "code",
    "literalinclude",
    "math",
    "bibliography",
    "results-table",
    "bench-tables",
    "sweeps-table",
    "toctree",
    "raw",
    "code-cell",
)
PARSER = MarkdownIt("commonmark").enable("table")
for plugin in (
    *(amsmath_plugin, colon_fence_plugin, deflist_plugin, dollarmath_plugin),
    *(front_matter_plugin, myst_block_plugin, myst_role_plugin),
):
    PARSER.use(plugin)


def texts(markdown: str) -> Iterator[str]:
    """Every run of plain text, directive bodies included."""
    for token in PARSER.parse(markdown):
        if token.type == "inline":
            parts = (
                child.content
                if child.type == "text"
                else " "
                if child.type.endswith("break")
                else "\N{REPLACEMENT CHARACTER}"
                for child in token.children or []
            )
            yield "".join(parts)
        elif token.type in ("fence", "colon_fence"):
            directive = re.match(r"\{([\w-]+)\}(.*)", token.info.strip())
            if directive and not directive.group(1).startswith(NOT_PROSE):
                body = re.sub(r"\A(?::[\w-]+:[^\n]*\n)+", "", token.content)
                yield from texts(directive.group(2).strip())
                yield from texts(body)


def sources() -> list[Path]:
    """All pages and notebooks of the book."""
    folders = [ROOT / "book", ROOT / "chapters", ROOT / "appendices"]
    return sorted(p for folder in folders for p in folder.rglob("*") if p.suffix in (".md", ".ipynb"))


def prose(path: Path) -> list[str]:
    if path.suffix == ".md":
        return list(texts(path.read_text(encoding="utf-8")))
    cells = nbformat.read(path, as_version=4).cells
    return [text for cell in cells if cell.cell_type == "markdown" for text in texts(cell.source)]
