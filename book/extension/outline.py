"""Chapter and section numbers, from book/outline.yml instead of from counting the pages that exist.

A page's number is in its file name (``chapters/03_classification/02_building`` is 3.2). A heading inside it has a number if
the outline lists its title below the page's number. So section 3.2 is called 3.2 while 3.1 is still unwritten, and a heading
"Exercises" has no number.

The directive ``{roadmap}`` lists the whole outline: what is written, with links, and what is to come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.addnodes import compact_paragraph
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

FILE = Path(__file__).parent.parent / "outline.yml"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outline:
    """Captions of the parts with the numbers of their chapters, and the title of every number."""

    parts: tuple[tuple[str, tuple[str, ...]], ...]
    titles: dict[str, str]

    def below(self, number: str) -> dict[str, str]:
        """Title -> number of the entries one level below ``number``, in order."""
        depth = number.count(".") + 1
        return {
            title.lower(): key
            for key, title in self.titles.items()
            if key.startswith(number + ".") and key.count(".") == depth
        }


@lru_cache(maxsize=1)
def read_outline(path: Path = FILE) -> Outline:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    parts = tuple((part["caption"], tuple(str(c) for c in part["chapters"])) for part in raw["parts"])
    return Outline(parts, {str(number): title for number, title in raw["titles"].items()})


def number_of(docname: str) -> str | None:
    """The number in a page's file name, ``None`` for a page outside the numbered chapters.

    >>> number_of("chapters/03_classification/02_building"), number_of("appendices/a_tools/index")
    ('3.2', 'A')
    """
    folders = docname.split("/")
    if folders[0] not in ("chapters", "appendices") or len(folders) != 3:
        return None
    groups = [re.match(r"((?:\d+_)+|[a-z]_)", name) for name in folders[1:]]
    digits = [part for group in groups if group for part in group.group(1).strip("_").split("_")]
    return ".".join(part.lstrip("0").upper() for part in digits) or None


def assign_section_numbers(self: TocTreeCollector, env: BuildEnvironment) -> list[str]:
    """Replaces Sphinx's counting. Returns the pages whose numbers changed, which Sphinx writes again."""
    outline, before, env.toc_secnumbers = read_outline(), env.toc_secnumbers, {}
    for docname, toc in env.tocs.items():
        number = number_of(docname)
        if number is None:
            continue
        if number not in outline.titles:
            logger.warning("%s: book/outline.yml has no number %s", docname, number, location=docname)
        known, numbers = outline.below(number), {}
        for paragraph in toc.findall(compact_paragraph):
            link = paragraph.next_node(nodes.reference)
            if link is None:
                continue
            anchor = link.get("anchorname", "")
            own = number if anchor == "" else known.get(link.astext().lower())
            numbers[anchor] = tuple(own.split(".")) if own else ()
            link["secnumber"] = list(numbers[anchor]) or None
        env.toc_secnumbers[docname] = numbers  # type: ignore[assignment]
        env.titles[docname]["secnumber"] = numbers.get("", ()) or None
    return [docname for docname, numbers in env.toc_secnumbers.items() if numbers != before.get(docname)]


class Roadmap(SphinxDirective):
    """The parts, chapters and sections of the outline; those that have no page yet say so."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(FILE))
        self.env.note_reread()  # a page that is written later is to be found
        outline, found = read_outline(), self.env.found_docs
        pages = {number: docname for docname in sorted(found) if (number := number_of(docname)) is not None}
        made: list[nodes.Node] = []
        for caption, chapters in outline.parts:
            made += [nodes.rubric(text=caption), nodes.bullet_list("", *(self.item(c, pages) for c in chapters))]
        return [nodes.container("", *made, classes=["vt-roadmap"])]

    def item(self, number: str, pages: dict[str, str]) -> nodes.list_item:
        """A chapter or a section with what stands below it; subsections are headings of a page, or pages of their own."""
        title = f"{number}  {read_outline().titles[number]}"
        line = nodes.paragraph()
        if number in pages:
            link = addnodes.pending_xref(
                refdomain="std", reftype="doc", reftarget=f"/{pages[number]}", refexplicit=True, refwarn=True
            )
            link += nodes.inline("", title)
            link["refdoc"] = self.env.docname
            line += link
        else:
            line += nodes.inline("", f"{title} (not written yet)", classes=["vt-open"])
        below = [key for key in read_outline().below(number).values() if number.count(".") == 0 or key in pages]
        item = nodes.list_item("", line)
        if below:
            item += nodes.bullet_list("", *(self.item(key, pages) for key in below))
        return item


def replace_counting(app: Sphinx) -> None:
    """Once all extensions are loaded, since sphinx_external_toc brings a collector of its own."""
    for collector in (TocTreeCollector, *TocTreeCollector.__subclasses__()):
        collector.assign_section_numbers = assign_section_numbers  # type: ignore


def setup(app: Sphinx) -> None:
    app.add_directive("roadmap", Roadmap)
    app.connect("builder-inited", replace_counting)
