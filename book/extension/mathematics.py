"""Formulas are typeset while the book is built, by KaTeX in an embedded V8, and leave no script on the page.

A page then shows its formulas at once, offline, from ``file://`` and with JavaScript off, nothing moves while it loads,
and a formula with a mistake stops the build instead of showing red in the reader's browser. KaTeX writes MathML beside
the HTML, which is what screen readers read.

There are no macros on purpose: a notebook opened in Colab or JupyterLab knows only its own text.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

KATEX = Path(__file__).parent / "katex" / "katex.min.js"
logger = logging.getLogger(__name__)


@cache
def _engine() -> MiniRacer:
    engine = MiniRacer()
    engine.eval("var self = this, console = {warn() {}, log() {}, error() {}};" + KATEX.read_text(encoding="utf-8"))
    return engine


@cache
def typeset(tex: str, display: bool) -> str:
    """HTML and MathML of a formula in TeX; ``ValueError`` with KaTeX's message where it cannot be read."""
    # "strict" refuses what TeX itself would refuse, for example a raw "·" where \cdot is meant.
    options = {"displayMode": display, "throwOnError": True, "strict": "error", "trust": False}
    try:
        return str(_engine().eval(f"katex.renderToString({json.dumps(tex)}, {json.dumps(options)})"))
    except JSEvalException as error:
        message = next((line for line in str(error).splitlines() if "KaTeX" in line or "Error" in line), str(error))
        raise ValueError(f"formula {tex!r}: {message.strip()}") from None


def display_source(tex: str, bare: bool) -> str:
    r"""What KaTeX is given for a display formula.

    ``bare`` formulas are whole environments (``\begin{align}``); numbers are Sphinx's, so KaTeX's own are turned off by the
    starred name. In the others a line break ``\\`` outside an environment needs one around it.
    """
    if bare:
        for name in ("align", "equation", "gather", "alignat"):
            tex = tex.replace(f"{{{name}}}", f"{{{name}*}}")
        return tex
    return f"\\begin{{split}}{tex}\\end{{split}}" if r"\\" in tex and r"\begin" not in tex else tex


def _formula(tex: str, display: bool, node: nodes.Element) -> str:
    try:
        return typeset(tex.strip(), display)
    except ValueError as error:
        logger.warning("%s", error, location=node)
        return f"<code>{nodes.unescape(tex)}</code>"


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(_formula(node.astext(), False, node) + "</span>")
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    self.body.append('<div class="vt-scroll">')
    tex = display_source(node.astext(), bool(node.get("nowrap")))
    self.body.append(_formula(tex, True, node) + "</div>")
    if node.get("number"):
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.add_css_file("katex/katex.min.css", priority=300)
