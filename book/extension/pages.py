"""What is done to every finished page: accessible names, a lighter head, launch buttons, how long it takes to read.

The theme's page has faults that axe-core calls serious: the arrows that open a chapter in the sidebar have no name, and the
search button's name is not the text it shows (book/templates mends that one).
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import yaml
from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.config import Config
from sphinx.util import logging

from book.extension.plots import name_width

logger = logging.getLogger(__name__)


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


WORDS_A_MINUTE = 200
LONG = 20  # minutes; a longer page offers a short path (book/short_paths.yml)


def minutes(body: str) -> int:
    """How long the text of a page takes to read; code, outputs and what is folded away are not counted."""
    soup = BeautifulSoup(body, "html.parser")
    for part in soup.select("pre, script, style, svg, .cell, .katex-html, annotation, .solution, .headerlink"):
        part.decompose()
    return round(len(soup.get_text(" ").split()) / WORDS_A_MINUTE)


def reading_time(body: str, path: list[str]) -> str:
    """The line below the title: minutes, and for a long page the headings that make a short path, with theirs.

    Raises:
        ValueError: the path names a section that the page does not have.
    """
    whole = minutes(body)
    if whole < 2:
        return ""
    text = f"About {whole} minutes to read, without the code"
    if path:
        soup = BeautifulSoup(body, "html.parser")
        links, short = [], 0
        for anchor in path:
            section = soup.find(id=anchor)
            if not isinstance(section, Tag) or (title := section.find(["h2", "h3"])) is None:
                known = ", ".join(str(s["id"]) for s in soup.select("section[id]"))
                raise ValueError(f"book/short_paths.yml: no section {anchor!r}; there are {known}")
            short += minutes(str(section))
            links.append(f'<a href="#{anchor}">{title.get_text().rstrip("#¶ ").strip()}</a>')
        text += f"; a short path, about {short}: {', '.join(links)}"
    return f'<p class="vt-time">{text}.</p>'


def below_title(body: str, line: str) -> str:
    return body.replace("</h1>", f"</h1>\n{line}", 1)


@cache
def short_paths() -> dict[str, list[str]]:
    path = Path(__file__).parent.parent / "short_paths.yml"
    return cast("dict[str, list[str]]", yaml.safe_load(path.read_text(encoding="utf-8")))


def report_link(repository: str, title: str) -> str:
    """Where a reader tells of a mistake on a page; nothing without a public address."""
    if not repository:
        return ""
    address = f"{repository}/issues/new?{urlencode({'title': f'On the page {title}: '})}"
    return f'<p class="vt-report"><a href="{escape(address)}">Report a mistake on this page</a></p>'


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
        body = name_width(finish_body(context["body"]))
        if pagename.startswith(("chapters/", "appendices/")):
            try:
                body = below_title(body, reading_time(body, short_paths().get(pagename, [])))
            except ValueError as error:
                logger.warning("%s", error, location=pagename)
        title = BeautifulSoup(context.get("title", ""), "html.parser").get_text()
        context["body"] = body + report_link(app.config.html_theme_options.get("repository_url", ""), title)


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
