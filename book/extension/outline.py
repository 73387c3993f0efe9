"""Chapter and section numbers, from book/outline.yml instead of from counting the pages that exist.

A page's number is in its file name (``chapters/03_classification/02_building`` is 3.2). A heading inside it has a number if
the outline lists its title below the page's number. So section 3.2 is called 3.2 while 3.1 is still unwritten, and a heading
"Exercises" has no number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.addnodes import compact_paragraph
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.util import logging

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


def replace_counting(app: Sphinx) -> None:
    """Once all extensions are loaded, since sphinx_external_toc brings a collector of its own."""
    for collector in (TocTreeCollector, *TocTreeCollector.__subclasses__()):
        collector.assign_section_numbers = assign_section_numbers  # type: ignore


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", replace_counting)
