"""What the pages know of each other's terms and works: a script with the glossary and the bibliography, for the notes that
book.js shows where a reader points at a term or a citation.

The texts come from the built pages, so they are what a click would lead to. The script is loaded as a file, since a page opened from
a folder may not fetch another page.
"""

from __future__ import annotations

import json
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

SCRIPT = "vt-notes.js"
PAGES = ("book/glossary", "book/bibliography")


def _text(entry: Tag) -> str:
    """The HTML of an entry, without links and ids: a note is not clicked, and an id stands once in a page."""
    for link in entry.select(".headerlink, .label, .backrefs"):
        link.decompose()
    for link in entry.select("a"):
        link.unwrap()
    for part in entry.select("[id]"):
        del part["id"]
    return entry.decode_contents().strip()


def notes(page: str, html: str) -> dict[str, str]:
    """``glossary.html#term-patch`` -> what stands there, for the terms and works of a built page."""
    article = BeautifulSoup(html, "html.parser").select_one("article")
    found: dict[str, str] = {}
    for term in article.select("dl.glossary > dt[id]") if article else ():
        definition = term.find_next_sibling("dd")
        first = definition.p if isinstance(definition, Tag) else None
        if first is not None:
            found[f"{page}#{term['id']}"] = _text(first)
    for work in article.select("div.citation[id]") if article else ():
        found[f"{page}#{work['id']}"] = _text(work)
    return found


def write_notes(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    found: dict[str, str] = {}
    for name in PAGES:
        path = Path(app.outdir) / f"{name}.html"
        if path.is_file():
            found |= notes(path.name, path.read_text(encoding="utf-8"))
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    target = Path(app.outdir) / "_static" / SCRIPT
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"globalThis.vitTutorialNotes={text};\n", encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.add_js_file(SCRIPT, priority=400, loading_method="defer")
    app.connect("build-finished", write_notes)
