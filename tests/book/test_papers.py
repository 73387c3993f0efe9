"""The papers of appendix A.1 are those of the bibliography, dated as there, and cited on their page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vit_tutorial.figures.papers import Paper, read_papers

ROOT = Path(__file__).parent.parent.parent
BIBLIOGRAPHY = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
PAGE = (ROOT / "appendices" / "a_tools" / "01_papers.ipynb").read_text(encoding="utf-8")

each_paper = pytest.mark.parametrize("paper", read_papers(), ids=lambda paper: paper.key)


def entry(key: str) -> str:
    found = re.search(rf"^@\w+\{{{key},.*?^\}}", BIBLIOGRAPHY, flags=re.M | re.S)
    return found.group(0) if found else ""


@each_paper
def test_a_paper_is_in_the_bibliography_with_the_date_of_its_arxiv_number(paper: Paper) -> None:
    number = re.search(r"(?:eprint = \{|arxiv\.org/abs/)(\d\d)(\d\d)\.\d+", entry(paper.key))
    assert number, f"{paper.key} has no entry with an arXiv number in book/references.bib"
    assert paper.year == round(2000 + int(number.group(1)) + (int(number.group(2)) - 0.5) / 12, 2)


@each_paper
def test_a_paper_is_cited_on_the_page(paper: Paper) -> None:
    assert re.search(rf"\{{cite(?::t)?\}}`[^`]*\b{paper.key}\b", PAGE)


def test_every_paper_of_the_bibliography_is_cited_somewhere() -> None:
    pages = [
        page
        for folder in ("appendices", "book", "chapters")
        for page in (ROOT / folder).rglob("*")
        if page.suffix in {".ipynb", ".md"}
    ]
    cited = {
        key.strip()
        for page in pages
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", page.read_text(encoding="utf-8"))
        for key in keys.split(",")
    }
    assert set(re.findall(r"^@\w+\{(\S+),$", BIBLIOGRAPHY, flags=re.M)) == cited


def test_an_arxiv_number_and_a_doi_stand_in_fields_of_their_own() -> None:
    assert not re.findall(r"url = \{https?://(?:arxiv\.org|doi\.org|dx\.doi\.org)", BIBLIOGRAPHY)
    assert BIBLIOGRAPHY.count("eprint = {") == BIBLIOGRAPHY.count("archiveprefix = {arXiv}")
