"""Every page of the book in a real browser: silent, self-contained, usable by everybody, on every screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from book.built import page_names

axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")
AXE = Path(axe.AXE_FILE_PATH).read_text(encoding="utf-8")
# The rule is experimental in axe and off by default; the theme's search button breaks it, so it is on here.
RUN_AXE = "axe.run({preload: false, rules: {'label-content-name-mismatch': {enabled: true}}})"
BAD = ("serious", "critical")
# What sticks out to the right and is not inside a box that scrolls or cuts.
WIDEST = """() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .filter(e => { for (let p = e.parentElement; p; p = p.parentElement) if (getComputedStyle(p).overflowX !== 'visible') return p === document.body; return true; })
  .slice(0, 5).map(e => e.outerHTML.slice(0, 150))"""

each_page = pytest.mark.parametrize("name", [*page_names(), "search"])


@contextmanager
def opened(chromium: Any, address: str, width: int = 1280, **options: Any) -> Iterator[Any]:
    """A page in a fresh context; its `faults` collects what the browser complained of and what it asked other hosts for."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
    page = context.new_page()
    page.faults = []
    home = address.split("/", 3)[:3]
    page.on(
        "console", lambda message: page.faults.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: page.faults.append(f"uncaught: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("data:", "blob:")) or request.url.split("/", 3)[:3] == home
            else page.faults.append(f"asked for {request.url}")
        ),
    )
    page.on(
        "response", lambda answer: page.faults.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
    )
    page.goto(address, wait_until="load")
    page.wait_for_timeout(150)
    yield page
    context.close()


@each_page
def test_a_page_opens_without_a_complaint_or_a_request_elsewhere(chromium: Any, base: str, name: str) -> None:
    with opened(chromium, f"{base}/{name}.html") as page:
        assert page.title()
        assert page.faults == []


@each_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_has_no_serious_accessibility_fault(chromium: Any, server: str, name: str, scheme: str) -> None:
    # Without motion: a solution that is still fading in has less contrast than the one that is read.
    with opened(chromium, f"{server}/{name}.html", color_scheme=scheme, reduced_motion="reduce") as page:
        for solution in page.query_selector_all(
            "div.admonition.dropdown.toggle-hidden > p.admonition-title .toggle-button"
        ):
            solution.click()
        page.evaluate(AXE)
        violations = page.evaluate(RUN_AXE)["violations"]
        found = [f"{v['id']}: {v['nodes'][0]['html'][:150]}" for v in violations if v["impact"] in BAD]
        assert found == []


@each_page
def test_a_page_does_not_scroll_sideways_on_a_telephone(chromium: Any, server: str, name: str) -> None:
    with opened(chromium, f"{server}/{name}.html", width=380) as page:
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 380, page.evaluate(WIDEST)


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
    table = "document.querySelector('article .pst-scrollable-table-container')"
    with opened(chromium, f"{server}/book/results.html", width=380) as page:
        assert page.evaluate(f"{table}.tabIndex") == 0
        assert page.evaluate(f"{table}.getAttribute('aria-label')") == "Table, scrolls sideways"
    with opened(chromium, f"{server}/book/notation.html", width=1280) as page:
        assert page.evaluate(f"{table}.getAttribute('tabindex')") is None


def test_nothing_moves_for_a_reader_who_asked_for_less_motion(chromium: Any, server: str) -> None:
    moving = (
        "[...document.querySelectorAll('*')].filter(e => parseFloat(getComputedStyle(e).transitionDuration) > 0).length"
    )
    with opened(chromium, f"{server}/book/index.html", reduced_motion="reduce") as page:
        assert page.evaluate(moving) == 0
