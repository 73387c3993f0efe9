"""The directive ``{picture}``: a drawing from book/pictures, set into the page as SVG.

    ```{picture} patches
    :alt: what the picture shows, for readers who do not see it
    The caption.
    ```

An SVG that is part of the page takes its colours from the page's style sheet, so it fits the dark and the light theme; an
``<img>`` could not.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = Path("book", "pictures")


class Picture(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        path = Path(self.env.srcdir) / FOLDER / f"{name}.svg"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in path.parent.glob("*.svg")))
            raise self.error(f"no picture {name!r} in {FOLDER}; there are: {known}")
        if "alt" not in self.options:
            raise self.error(f"picture {name!r} has no :alt:; say what it shows in one sentence")
        self.env.note_dependency(str(path))
        alt = self.options["alt"].replace("\n", " ").replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        svg = path.read_text(encoding="utf-8").replace("<svg", f'<svg role="img" aria-label="{alt}"', 1)
        caption = nodes.paragraph()
        children, messages = self.parse_inline(" ".join(self.content), lineno=self.lineno)
        caption += children
        return [
            nodes.raw("", f'<figure class="vt-picture">{svg}<figcaption>', format="html"),
            *([caption] if children else []),
            nodes.raw("", "</figcaption></figure>", format="html"),
            *messages,
        ]


def setup(app: Sphinx) -> None:
    app.add_directive("picture", Picture)
