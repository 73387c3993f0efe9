"""Every page of the book in a real browser: silent, self-contained, usable by everybody, on every screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from book_page import FolderVisit, Visit, opened

from book.built import page_names

each_page = pytest.mark.parametrize("name", [*page_names(), "search"])


@each_page
@pytest.mark.parametrize("fixture", ["visited", "visited_in_folder"])
def test_a_page_opens_without_a_complaint_or_a_request_elsewhere(
    request: pytest.FixtureRequest, name: str, fixture: str
) -> None:
    seen = request.getfixturevalue(fixture)(name)
    assert seen.title
    assert seen.complaints == []


@each_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_has_no_serious_accessibility_fault(visited: Callable[[str], Visit], name: str, scheme: str) -> None:
    assert getattr(visited(name), scheme) == []


@each_page
def test_a_page_does_not_scroll_sideways_on_a_telephone(visited: Callable[[str], Visit], name: str) -> None:
    seen = visited(name)
    assert seen.width <= 380, seen.widest


@each_page
def test_a_page_opened_from_its_folder_does_not_either(
    visited_in_folder: Callable[[str], FolderVisit], name: str
) -> None:
    assert visited_in_folder(name).width <= 380


@pytest.mark.parametrize("name", page_names())
def test_a_page_is_readable_without_javascript(chromium: Any, html: Path, name: str) -> None:
    with opened(chromium, (html / f"{name}.html").as_uri(), java_script_enabled=False) as page:
        assert page.faults == []
        assert page.locator("article h1").first.is_visible()
        formula = page.locator("article .katex-html").first
        assert formula.count() == 0 or formula.is_visible()


def test_the_front_address_leads_to_the_front_page(chromium: Any, server: str) -> None:
    with opened(chromium, f"{server}/index.html") as page:
        page.wait_for_url("**/book/index.html")


def test_the_fonts_of_text_and_formulas_are_the_books_own(chromium: Any, base: str) -> None:
    with opened(chromium, f"{base}/book/notation.html") as page:
        page.evaluate("document.fonts.ready.then(() => true)")
        loaded = page.evaluate(
            "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family.replaceAll('\"', ''))"
        )
        assert {"Source Serif 4", "KaTeX_Math"} <= set(loaded)


def test_search_finds_a_term_and_shows_where(chromium: Any, base: str) -> None:
    with opened(chromium, f"{base}/search.html?q=softmax") as page:
        page.wait_for_selector("ul.search li a[href*='glossary']")  # results come one after the other
        assert page.faults == []


def test_the_switch_changes_the_colours_and_the_choice_stays(chromium: Any, server: str) -> None:
    with opened(chromium, f"{server}/book/notation.html", color_scheme="light") as page:
        colour = "getComputedStyle(document.body).backgroundColor"
        seen = {page.evaluate(colour)}
        for _ in range(2):
            page.locator(".bd-main .theme-switch-button").click()
            seen.add(page.evaluate(colour))
        assert len(seen) == 2
        mode = page.evaluate("document.documentElement.dataset.mode")
        page.reload()
        assert page.evaluate("document.documentElement.dataset.mode") == mode


def test_the_keyboard_reaches_the_text_first_and_shows_where_it_is(chromium: Any, server: str) -> None:
    with opened(chromium, f"{server}/book/how_to_read.html") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('href')") == "#main-content"
        for _ in range(4):
            page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outline")
        assert "3px" in outline
        assert "solid" in outline


def test_a_box_that_scrolls_is_a_stop_for_the_keyboard_and_others_are_not(chromium: Any, server: str) -> None:
    boxes = """[...document.querySelectorAll('article .pst-scrollable-table-container')].map(
        box => [box.scrollWidth > box.clientWidth + 1, box.getAttribute('tabindex'), box.getAttribute('aria-label')])"""
    with opened(chromium, f"{server}/book/results.html", width=380) as page:
        found = page.evaluate(boxes)
        assert {scrolls for scrolls, *_ in found} == {True, False}
        for scrolls, *names in found:
            assert names == (["0", "Table, scrolls sideways"] if scrolls else [None, None])
    with opened(chromium, f"{server}/book/results.html", width=1280) as page:
        assert {tuple(names) for _, *names in page.evaluate(boxes)} == {(None, None)}


def test_nothing_moves_for_a_reader_who_asked_for_less_motion(chromium: Any, server: str) -> None:
    moving = (
        "[...document.querySelectorAll('*')].filter(e => parseFloat(getComputedStyle(e).transitionDuration) > 0).length"
    )
    with opened(chromium, f"{server}/book/index.html", reduced_motion="reduce") as page:
        assert page.evaluate(moving) == 0
