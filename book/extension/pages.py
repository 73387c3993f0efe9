"""What is done to every finished page: accessible names, a lighter head, launch buttons.

The theme's page has faults that axe-core calls serious: the arrows that open a chapter in the sidebar have no name, and the
search button's name is not the text it shows (book/templates mends that one).
"""

from __future__ import annotations

import re
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config


def name_sidebar_arrows(html: str) -> str:
    """Gives each arrow of the table of contents the name of the chapter it opens."""
    soup = BeautifulSoup(html, "html.parser")
    for summary in soup.find_all("summary"):
        link = summary.find_previous("a")
        if isinstance(link, Tag):
            summary["aria-label"] = f"Sections of {' '.join(link.get_text().split())}"
    return str(soup)


def finish_body(html: str) -> str:
    """A folded cell is named by the text it shows; the bibliography is a list of list items; ids are unique."""
    html = re.sub(r' id="(?:exercise|solution)-content"', "", html)  # sphinx-exercise gives all of them the same
    # docutils gives references the role doc-biblioentry, which ARIA has withdrawn and which no list may hold.
    html = html.replace('role="doc-biblioentry"', 'role="listitem"')
    return re.sub(r'(<summary) aria-label="[^"]*"', r"\1", html)


def lean_head(html: str) -> str:
    """The head without font preloads and without the script that draws icons (book/templates/layout.html says why)."""
    return re.sub(r'<link rel="preload" as="font"[^>]*>|<script src="[^"]*fontawesome[^"]*"></script>', "", html)


def finish_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if "generate_toctree_html" in context:
        toctree = context["generate_toctree_html"]

        def named_toctree(kind: str, **options: Any) -> str:
            return name_sidebar_arrows(str(toctree(kind=kind, **options)))

        context["generate_toctree_html"] = named_toctree
    if "body" in context:
        context["body"] = finish_body(context["body"])


def offer_launch_buttons(app: Sphinx, config: Config) -> None:
    """Launch and repository buttons appear with the public address (``repository: url`` in _config.yml).

    What a page says only then stands in ``{only} address``.
    """
    options = config.html_theme_options
    if options.get("repository_url"):
        app.tags.add("address")
        options.update(use_repository_button=True, use_issues_button=True)
        options["launch_buttons"] = {
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        }
    else:
        options.pop("launch_buttons", None)


def add_filters(app: Sphinx) -> None:
    if isinstance(app.builder, StandaloneHTMLBuilder):
        app.builder.templates.environment.filters["lean_head"] = lean_head


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", add_filters)
    app.connect("config-inited", offer_launch_buttons)
    app.connect("html-page-context", finish_page, priority=900)
    app.add_js_file("book.js", loading_method="defer")
