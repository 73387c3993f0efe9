"""The book to take along: one PDF that hangs together, and a zip that is the built book."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader

from book.built import ROOT
from book.offline import find_chromium, main, make_pdf, make_zip

try:
    find_chromium()
    PRINTS = True
except FileNotFoundError:
    PRINTS = False

PAGES = ("book/index", "book/notation", "chapters/03_classification/index")


@pytest.fixture(scope="module")
def printed(html: Path, tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    if not PRINTS:
        pytest.skip("no Chromium here: install it (apt-get install chromium) or set CHROMIUM to its path")
    target = tmp_path_factory.mktemp("pdf") / "book.pdf"
    assert make_pdf(html, PAGES, target) == len(PdfReader(target).pages)
    return PdfReader(target)


def test_numbers_run_through_all_pages(printed: PdfReader) -> None:
    feet = [page.extract_text().split()[-1] for page in printed.pages]
    heads = [page.extract_text().split()[0] for page in printed.pages]
    assert len(printed.pages) > len(PAGES)
    for number, words in enumerate(zip(heads, feet, strict=True), 1):
        assert str(number) in words


def test_the_outline_names_every_page_and_its_headings(printed: PdfReader) -> None:
    titles = [entry.title for entry in printed.outline if not isinstance(entry, list)]
    assert len(titles) == len(PAGES)
    assert titles[:2] == ["Vision Transformers, built and measured", "Notation"]  # the first goes on in a second line
    assert any(isinstance(entry, list) for entry in printed.outline)


def test_links_lead_to_sheets_or_into_the_web_and_never_into_this_machine(printed: PdfReader) -> None:
    inside = 0
    for page in printed.pages:
        for reference in page.get("/Annots", []):
            annotation = reference.get_object()
            address = str(annotation.get("/A", {}).get("/URI", ""))
            assert not address.startswith("file:")
            inside += "/Dest" in annotation
    assert inside > 0


def test_paper_is_white_and_nothing_on_it_is_cut(printed: PdfReader) -> None:
    assert all(abs(page.mediabox.width - 595) < 2 and abs(page.mediabox.height - 842) < 2 for page in printed.pages)
    text = "".join(page.extract_text() for page in printed.pages)
    assert "Copy" not in text.split()  # buttons are for screens
    assert str(ROOT) not in text


def test_a_page_that_is_not_there_is_named(html: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pdf", "chapters/99_nothing/index"]) == 2
    assert "chapters/99_nothing/index is no page of the built book" in capsys.readouterr().err


def test_the_zip_is_the_built_folder_and_equal_for_equal_books(tmp_path: Path) -> None:
    (tmp_path / "html" / "book").mkdir(parents=True)
    (tmp_path / "html" / "_sources").mkdir()
    for name in ("index.html", "book/index.html", "_sources/index.md", ".buildinfo"):
        (tmp_path / "html" / name).write_text(name)
    assert make_zip(tmp_path / "html", tmp_path / "a.zip") == 2
    make_zip(tmp_path / "html", tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["vision-transformers/book/index.html", "vision-transformers/index.html"]
        assert archive.read("vision-transformers/index.html") == b"index.html"
