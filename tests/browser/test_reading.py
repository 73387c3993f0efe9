"""The built pages as they are read: on paper, in the search, at 1280 and at 380 pixels, and with a keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from book_page import FolderVisit
from bs4 import BeautifulSoup

from book.built import page_names

LONG = "chapters/02_architecture/01_1_attention"
EACH_PAGE = pytest.mark.parametrize("name", page_names())
# Everything in the article, in the theme's dark colours, as the printer gets it.
PAPER = """() => {
  const shut = [...document.querySelectorAll('.bd-article details')].filter((box) => !box.open);
  const folded = [...document.querySelectorAll('.bd-article .admonition.toggle-hidden > *:not(.admonition-title)')];
  const cut = [...document.querySelectorAll('.bd-article pre')].filter((box) => box.scrollWidth > box.clientWidth + 1);
  return {
    shut: shut.length,
    hidden: folded.filter((part) => getComputedStyle(part).visibility === 'hidden').length,
    cut: cut.length,
    paper: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.querySelector('.bd-article p:not(.vt-time)')).color,
    dark: [...document.querySelectorAll('img.vt-dark')].filter((plot) => plot.checkVisibility()).length,
    title: [...document.querySelectorAll('h1')].filter((h) => h.checkVisibility()).map((h) => h.innerText),
  };
}"""


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def search(chromium: Any, html: Path) -> Any:
    """The page of the search, open."""
    page = chromium.new_page()
    visit(page, html, "search")
    return page


def visit(page: Any, html: Path, name: str) -> None:
    page.goto(f"{(html / name).as_uri()}.html", wait_until="load")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_is_white_and_holds_what_was_folded_away(chromium: Any, html: Path, theme: str) -> None:
    context = chromium.new_context(viewport={"width": 720, "height": 900}, color_scheme=theme)
    page = context.new_page()
    visit(page, html, LONG)
    page.emulate_media(media="print", color_scheme=theme)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = page.evaluate(PAPER)
    assert (printed["shut"], printed["hidden"], printed["cut"]) == (0, 0, 0)
    assert printed["dark"] == 0
    assert printed["paper"] == "rgb(255, 255, 255)"
    assert max(map(int, re.findall(r"\d+", printed["ink"])[:3])) < 80  # dark ink
    assert [re.sub(r"\s+", " ", title).strip(" #") for title in printed["title"]] == ["2.1.1 Deriving self-attention"]
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    context.close()


@EACH_PAGE
def test_no_box_of_text_scrolls_sideways_on_a_wide_screen(
    visited_in_folder: Callable[[str], FolderVisit], name: str
) -> None:
    """Tables of many columns may, and a formula that no line can hold."""
    assert visited_in_folder(name).scrolling == []


@EACH_PAGE
def test_no_plot_is_too_small_for_its_letters_on_a_telephone(
    visited_in_folder: Callable[[str], FolderVisit], name: str
) -> None:
    assert visited_in_folder(name).small == []


def test_all_that_takes_focus_in_the_sidebar_has_a_size(page: Any, html: Path) -> None:
    visit(page, html, LONG)
    sizes = page.evaluate(
        "() => [...document.querySelectorAll('.bd-sidebar-primary :is(a, summary, button, input)')]"
        ".filter((part) => part.tabIndex >= 0 && part.checkVisibility())"
        ".map((part) => part.getBoundingClientRect()).map((box) => Math.min(box.width, box.height))"
    )
    assert len(sizes) > 10
    assert min(sizes) >= 16


@EACH_PAGE
def test_what_the_search_quotes_is_the_page_s_text_once(search: Any, html: Path, name: str) -> None:
    """Neither the buttons around the article nor the three forms in which KaTeX writes a formula."""
    source = (html / f"{name}.html").read_text(encoding="utf-8")
    text = search.evaluate("(html) => Search.htmlToText(html)", source)
    assert len(text) > 100
    assert ".ipynb" not in text
    assert "\\operatorname" not in text
    formulas = re.findall(r'<annotation encoding="application/x-tex">([A-Z])</annotation>', source)
    for letter in set(formulas):
        assert letter * 3 not in text
    article = BeautifulSoup(source, "html.parser").select_one("article.bd-article")
    assert article is not None
    title = " ".join(article.h1.get_text().split()).rstrip("#")  # type: ignore[union-attr]
    assert text.startswith(title)
    texts = article.select("p:not(.vt-time):not(table p):not(.vt-still p):not(:has(span, sup, button))")
    sentences = [" ".join(text.get_text().split()) for text in texts]
    own = " ".join(article.get_text().split())
    assert [s for s in sentences if len(s) > 80 and text.count(s) != own.count(s)] == []


def test_the_magnifier_stands_beside_what_is_typed(page: Any, html: Path) -> None:
    visit(page, html, "search")
    icon, start = page.evaluate(
        "() => { const form = document.querySelector('.bd-article-container form.bd-search, .bd-content form.bd-search, form.bd-search');"
        "const icon = form.querySelector('i, svg').getBoundingClientRect(), input = form.querySelector('input');"
        "return [icon.right, input.getBoundingClientRect().left + parseFloat(getComputedStyle(input).paddingLeft)]; }"
    )
    assert icon < start


def test_a_term_and_a_citation_say_what_they_mean_on_hover_and_on_focus(page: Any, html: Path) -> None:
    visit(page, html, LONG)
    note = page.locator("#vt-note")
    term = page.locator('.bd-article a[href*="glossary.html#term-"]').first
    term.hover()
    note.wait_for(state="visible")
    assert len(note.inner_text()) > 20
    page.keyboard.press("Escape")
    assert note.is_hidden()
    page.locator('.bd-article a[href*="bibliography.html#"]').first.focus()
    assert note.is_visible()
    assert re.search(r"\b(19|20)\d\d\b", note.inner_text())
    assert term.get_attribute("aria-describedby") is None


def test_a_note_stays_on_the_screen_of_a_phone(chromium: Any, html: Path) -> None:
    context = chromium.new_context(viewport={"width": 380, "height": 800})
    page = context.new_page()
    visit(page, html, LONG)
    for link in page.locator('.bd-article a[href*="glossary.html#term-"]').all()[:8]:
        link.focus()
        box = page.locator("#vt-note").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 380
    context.close()
