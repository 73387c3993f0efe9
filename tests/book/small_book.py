"""A book of one folder, for the tests of the extension that builds it."""

from __future__ import annotations

import io
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils


class Book:
    """A book of one folder, built by the real extension; `write`, then `build`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "vit_tutorial" / "results").mkdir(parents=True)
        (folder / "book" / "extension").mkdir(parents=True)
        (folder / "conf.py").write_text(
            "extensions = ['myst_parser', 'book.extension']\nmyst_enable_extensions = ['dollarmath', 'amsmath']\n"
            "html_math_renderer = 'katex'\nexclude_patterns = ['_build']\n",
            encoding="utf-8",
        )
        self.write("index.md", "# Title\n")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def build(self) -> str:
        """Build as ``make book`` does, and return everything Sphinx warned of."""
        warnings = io.StringIO()
        with patch_docutils(self.folder), docutils_namespace():
            app = Sphinx(
                self.folder,
                self.folder,
                self.folder / "_build" / "html",
                self.folder / "_build" / ".doctrees",
                "html",
                status=None,
                warning=warnings,
                warningiserror=True,
                keep_going=True,
            )
            app.build()
        assert bool(app.statuscode) is bool(warnings.getvalue())
        return warnings.getvalue()

    def stop_while_writing(self, stop: bool) -> None:
        """Whether the next builds are interrupted, as by Ctrl-C, when everything is read and the first page is to be written."""
        text = (self.folder / "conf.py").read_text(encoding="utf-8").split("def ")[0]
        interrupt = "def stop(*arguments):\n    raise KeyboardInterrupt\n\ndef setup(app):\n    app.connect('html-page-context', stop)\n"
        self.write("conf.py", text + interrupt * stop)

    def html(self, name: str) -> str:
        return (self.folder / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8")
