"""The book's Sphinx extension: what Jupyter Book does not do by itself.

mathematics   formulas become HTML and MathML while the book is built (KaTeX): no script on the page
results       the role ``{result}`` and the table of all recorded runs
outline       chapter and section numbers from book/outline.yml
freshness     notebooks run again when the package they import has changed
pictures      the directive ``{picture}``: a drawing whose colours follow the dark and the light theme
figures       the directive ``{live-figure}``, and the files that figures load
pages         the finished page: accessible names, wide tables that scroll, launch buttons
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from book.extension import figures, freshness, mathematics, outline, pages, pictures, results


def setup(app: Sphinx) -> ExtensionMetadata:
    for part in (mathematics, results, outline, freshness, pictures, figures, pages):
        part.setup(app)
    app.add_config_value("comments_config", {}, "html")  # Jupyter Book sets it though sphinx_comments is left out
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
