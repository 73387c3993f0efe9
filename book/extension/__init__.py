"""The book's Sphinx extension: what Jupyter Book does not do by itself.

mathematics   formulas become HTML and MathML while the book is built (KaTeX): no script on the page
results       the role ``{result}`` and the table of all recorded runs
citations     references are set without looking for the same plug-in each time
outline       chapter and section numbers from book/outline.yml, and the roadmap of all of it
execution     changed notebooks are executed several at a time, before the pages are read
freshness     pages are made again when what they are made from has changed, the package included
pictures      the directive ``{picture}``: a drawing whose colours follow the dark and the light theme
plots         a plot of a cell stands on the page twice, for light and for dark pages
figures       the directive ``{live-figure}``, and the files that figures load
traps         the directive ``{traps}``: what libraries do where one would guess otherwise
notes         the glossary and the bibliography as notes that show where a reader points at a term or a citation
pages         the finished page: accessible names, a lighter head, launch buttons, how long it takes to read
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from book.extension import (
    citations,
    execution,
    figures,
    freshness,
    mathematics,
    notes,
    outline,
    pages,
    pictures,
    plots,
    results,
    traps,
)


def setup(app: Sphinx) -> ExtensionMetadata:
    for part in (
        mathematics,
        results,
        citations,
        outline,
        execution,
        freshness,
        pictures,
        plots,
        figures,
        traps,
        notes,
        pages,
    ):
        part.setup(app)
    app.add_config_value("comments_config", {}, "html")  # Jupyter Book sets it though sphinx_comments is left out
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
