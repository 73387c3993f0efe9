"""The checks of a page can fail: a page of the book with a fault of each kind planted, and formulas that are too pale."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from accessibility import serious_faults
from book_page import Visit, visit, visit_folder
from web import served

from book.extension.mathematics import typeset

KATEX = (Path(__file__).parents[2] / "book/assets/katex/katex.min.css").read_text(encoding="utf-8")
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
ELSEWHERE = "http://127.0.0.1:9/elsewhere.png"  # a port that browsers refuse to open: nothing is sent
COLOURED = typeset(r"k + \textcolor{#bbbbbb}{c}", False)
PLANTED = f"""
<style>
  html[data-theme="light"] .pale-in-light {{ color: #bbb; }}
  html[data-theme="dark"] .pale-in-dark {{ color: #444; }}
</style>
<p class="pale-in-light">A text, {typeset("l", False)}</p>
<p class="pale-in-dark">A text, {typeset("d", False)}</p>
<p>{COLOURED}</p>
<input type="text">
<button type="button"></button>
<img src="{DOT}">
<div style="width: 600px">Wide.</div>
<img alt="" src="{ELSEWHERE}">
<img alt="" src="missing.png">
<div class="admonition dropdown"><p class="admonition-title">Solution</p><p class="pale-in-light">folded away</p></div>
<script>console.error("a complaint"); setTimeout(() => {{ throw new Error("a mistake"); }});</script>
"""
STAYS_LIGHT = """<script>
  const page = document.documentElement;
  new MutationObserver(() => { if (page.dataset.theme === 'dark') page.dataset.theme = 'light'; }).observe(page, { attributes: true });
</script>"""


@pytest.fixture(scope="module")
def planted(chromium: Any, html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Visit]]:
    """A visit to a page of the book at the end of whose text something was planted."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "_static").symlink_to(html / "_static")
    (folder / "book").mkdir()
    page = (html / "book/how_to_read.html").read_text(encoding="utf-8")
    with served(folder) as address:

        @functools.cache
        def visited(fragment: str) -> Visit:
            (folder / "book/page.html").write_text(
                page.replace("</article>", f"{fragment}</article>"), encoding="utf-8"
            )
            return visit(chromium, f"{address}/book/page.html")

        yield visited


def places(faults: list[str]) -> list[str]:
    """The rule and the element with its first attribute, in the order of the alphabet."""
    return sorted(re.sub(r'(: <\w+ [\w-]+="[^"]*").*', r"\1", fault, flags=re.DOTALL) for fault in faults)


def test_every_planted_fault_is_found_in_light_and_nothing_else(planted: Callable[[str], Visit]) -> None:
    assert places(planted(PLANTED).light) == [
        'button-name: <button type="button"',
        'color-contrast: <p class="pale-in-light"',
        'color-contrast: <p class="pale-in-light"',  # in a solution that was shut
        'color-contrast: <span title="c"',  # a coloured letter
        'color-contrast: <span title="l"',  # a formula of one letter
        f'image-alt: <img src="{DOT}"',
        'label: <input type="text"',
    ]


def test_what_is_too_pale_in_dark_alone_is_found_there_and_nothing_else(planted: Callable[[str], Visit]) -> None:
    assert places(planted(PLANTED).dark) == [
        'color-contrast: <p class="pale-in-dark"',
        'color-contrast: <span title="d"',
    ]


def test_a_solution_that_does_not_open_is_named(planted: Callable[[str], Visit]) -> None:
    stuck = '<div class="admonition dropdown toggle-hidden"><p class="admonition-title">Stuck</p></div>'
    later = "<script>addEventListener('load', () => document.querySelector('article').insertAdjacentHTML('beforeend', `%s`));</script>"
    assert [fault for fault in planted(later % stuck).light if "shut" in fault] == ["stays shut: Stuck"]


def test_a_page_that_stays_light_on_a_dark_device_has_a_fault(planted: Callable[[str], Visit]) -> None:
    seen = planted(STAYS_LIGHT)
    assert seen.light == seen.complaints == []
    (fault,) = seen.dark
    assert fault.startswith("not dark: mode auto, theme light")


def test_what_makes_a_page_scroll_sideways_is_named(planted: Callable[[str], Visit]) -> None:
    seen = planted(PLANTED)
    assert seen.width > 380
    assert any(place.startswith('<div style="width: 600px">') for place in seen.widest)


def test_what_a_page_from_its_folder_does_wrong_is_noticed(chromium: Any, html: Path, tmp_path: Path) -> None:
    (tmp_path / "_static").symlink_to(html / "_static")
    (tmp_path / "book").mkdir()
    page = (html / "book/how_to_read.html").read_text(encoding="utf-8")
    long_line = f'<pre style="overflow-x: auto">{"a long line " * 40}</pre>'
    (tmp_path / "book/page.html").write_text(
        page.replace("</article>", f"{PLANTED}{long_line}</article>"), encoding="utf-8"
    )
    seen = visit_folder(chromium, f"{tmp_path.as_uri()}/book/page.html")
    assert seen.width > 380
    assert [text[:11] for text in seen.scrolling] == ["a long line"]
    assert {"a complaint", "uncaught: a mistake", f"asked for {ELSEWHERE}"} <= set(seen.complaints)


@pytest.mark.parametrize("complaint", ["a complaint", "uncaught: a mistake", f"asked for {ELSEWHERE}", "404 http"])
def test_a_complaint_and_a_request_elsewhere_are_noticed(planted: Callable[[str], Visit], complaint: str) -> None:
    assert [noted for noted in planted(PLANTED).complaints if noted.startswith(complaint)]


# Formulas


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    page = chromium.new_page()
    yield page
    page.close()


def show(page: Any, text: str, style: str = "") -> None:
    """A white page with black and large text unless its style says otherwise."""
    page.set_content(
        f'<!doctype html><html lang="en"><head><title>A page</title><style>{KATEX}</style></head><body style="background: white; color: black">'
        f'<main><h1>A page</h1><div style="font-size: 30px; {style}">{text}</div></main></body></html>'
    )


def faults(page: Any, tex: str, style: str = "") -> list[str]:
    """Those of a page with one formula."""
    show(page, typeset(tex, False), style)
    return serious_faults(page)


@pytest.mark.parametrize("tex", ["x", "+", r"\sum_i x_i"])
def test_a_pale_formula_of_any_length_is_a_fault(page: Any, tex: str) -> None:
    assert faults(page, tex) == []
    (fault,) = faults(page, tex, "color: #aaa")
    assert "insufficient color contrast of 2.32" in fault


def test_a_pale_letter_among_others_is_a_fault(page: Any) -> None:
    (fault,) = faults(page, r"k + \textcolor{#aaaaaa}{x} + \textcolor{blue}{y}")
    assert '<span title="x"' in fault


def test_a_letter_on_a_ground_of_its_own_is_judged_there(page: Any) -> None:
    (fault,) = faults(page, r"k + \colorbox{#333333}{$x$}")
    assert '<span class="mord mathnormal">x</span>' in fault


def test_an_index_has_to_meet_the_limit_for_small_text(page: Any) -> None:
    assert faults(page, "x", "color: #888") == []  # 3.5 to 1 is enough for large letters
    (fault,) = faults(page, "x_{n_1}", "color: #888")
    assert "insufficient color contrast of 3.54" in fault


def test_room_left_by_letters_that_nobody_shall_see_is_no_fault(page: Any) -> None:
    assert faults(page, r"k + \phantom{x + y}") == []


def test_a_pale_word_of_code_is_a_fault(page: Any) -> None:
    show(
        page,
        '<pre style="font-size: 16px"><span class="k">for</span> <span style="color: #aaa">i</span> <span>in</span></pre>',
    )
    (fault,) = serious_faults(page)
    assert '<span title="i"' in fault


def test_what_is_judged_takes_as_much_room_as_before(page: Any) -> None:
    show(page, typeset(r"\frac{x_i}{\sqrt{d}} + 1", False) + "<pre><span>one</span>\n<span>twenty-two</span></pre>")
    room = """[...document.querySelectorAll('.katex-html, pre')].flatMap((block) => {
        const range = new Range();
        range.selectNodeContents(block);
        const { width, height } = range.getBoundingClientRect();
        return [width, height];
    })"""
    spans = "document.querySelectorAll('.katex-html *, pre *').length"
    many, before = page.evaluate(spans), page.evaluate(room)
    assert serious_faults(page) == []
    assert page.evaluate(spans) < many / 5
    assert page.evaluate(room) == pytest.approx(before, abs=0.1)
