"""The table of contents is the outline, as far as it is written."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
import yaml

from book.extension.outline import number_of, read_outline

ROOT = Path(__file__).parent.parent.parent
OUTLINE = read_outline()
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))


def files(entries: list[dict]) -> list[str]:
    """The pages of a list of chapters in reading order."""
    return [name for entry in entries for name in [entry["file"], *files(entry.get("sections", []))]]


PARTS = {part["caption"]: files(part["chapters"]) for part in TOC["parts"]}
NUMBERED = [name for names in PARTS.values() for name in names if number_of(name)]


def key(number: str) -> list[tuple[int, str]]:
    """Sorts 2.10 behind 2.9 and A behind 8."""
    return [(int(part), "") if part.isdigit() else (99, part) for part in number.split(".")]


def headings(name: str) -> list[tuple[int, str]]:
    """(level, text) of each Markdown heading of a page or a notebook."""
    path = next(p for p in (ROOT / f"{name}.ipynb", ROOT / f"{name}.md") if p.is_file())
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
    text = re.sub(r"^(`{3,}|:{3,}).*?^\1", "", text, flags=re.M | re.S)
    return [(len(marks), title.strip()) for marks, title in re.findall(r"^(#+) (.+)$", text, flags=re.M)]


def test_pages_stand_in_the_order_of_the_outline() -> None:
    numbers = [number_of(name) for name in NUMBERED]
    assert numbers == sorted(numbers, key=lambda number: key(str(number)))
    assert len(set(numbers)) == len(numbers)


def test_every_numbered_page_is_in_the_outline() -> None:
    assert [name for name in NUMBERED if number_of(name) not in OUTLINE.titles] == []


def test_every_chapter_stands_in_its_part() -> None:
    for caption, chapters in OUTLINE.parts:
        for name in PARTS.get(caption, []):
            assert str(number_of(name)).split(".")[0] in chapters, f"{name} stands in {caption}"
    captions = [caption for caption, _ in OUTLINE.parts]
    for caption, names in PARTS.items():
        assert caption in captions or not any(number_of(name) for name in names), f"the outline has no part {caption!r}"


def test_every_written_notebook_is_in_the_table_of_contents() -> None:
    written = {
        p.relative_to(ROOT).with_suffix("").as_posix()
        for p in (*ROOT.glob("chapters/*/*.ipynb"), *ROOT.glob("appendices/*/*.ipynb"))
    }
    assert written <= {name for names in PARTS.values() for name in names}


@pytest.mark.parametrize("name", NUMBERED)
def test_a_page_has_the_title_of_its_number(name: str) -> None:
    level, title = headings(name)[0]
    assert (level, title) == (1, OUTLINE.titles[str(number_of(name))])


@pytest.mark.parametrize("name", [name for name in NUMBERED if not name.endswith("/index")])
def test_a_section_has_the_subsections_of_the_outline_in_their_order(name: str) -> None:
    pages = {number_of(page) for page in NUMBERED}
    wanted = [title for title, number in OUTLINE.below(str(number_of(name))).items() if number not in pages]
    found = [title.lower() for level, title in headings(name) if level == 2 and title.lower() in wanted]
    assert found == wanted


@pytest.mark.parametrize("number", OUTLINE.titles)
def test_every_heading_of_the_outline_is_in_the_book(number: str) -> None:
    pages = {str(number_of(name)): name for name in NUMBERED}
    if number in pages:
        return  # with the right title, as another test holds
    parents = [page for page in pages if number.startswith(f"{page}.")]
    assert parents, f"no page for {number} {OUTLINE.titles[number]}"
    titles = [title for _, title in headings(pages[max(parents, key=len)])]
    assert OUTLINE.titles[number] in titles, f"{pages[max(parents, key=len)]} has no heading {OUTLINE.titles[number]!r}"


def test_numbers_come_from_file_names() -> None:
    assert number_of("chapters/02_architecture/01_3_feedforward") == "2.1.3"
    assert number_of("chapters/03_classification/index") == "3"
    assert number_of("appendices/a_tools/02_code") == "A.2"
    assert number_of("book/index") is None
