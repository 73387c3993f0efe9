"""The explorer in Firefox, from a server and from a folder: click, drag, draw, keys, and a silent console."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import firefox as driver
import pytest
from firefox import Firefox

pytest.importorskip("websocket", reason="websocket-client is missing; it comes with JupyterLab")

E = "document.querySelector('figure').explorer"
ROOT = "document.querySelector('[data-ready]').shadowRoot"
ARROW_RIGHT, SPACE = "\ue014", " "


@pytest.fixture(scope="module")
def browser() -> Iterator[Firefox]:
    if driver.path() is None:
        pytest.skip("no Firefox here: install it (apt-get install firefox-esr) or set FIREFOX to its path")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with driver.started(port) as browser:
        yield browser


@pytest.fixture
def page(browser: Firefox, figures_base: str) -> Iterator[Firefox]:
    browser.complaints.clear()
    browser.asked.clear()
    browser.resize(1280, 900)
    browser.open(f"{figures_base}/one.html")
    browser.wait("!!document.querySelector('[data-ready]')")
    yield browser
    assert browser.complaints == []
    home = figures_base.split("/", 3)[:3]
    assert [
        url
        for url in browser.asked
        if not url.startswith(("data:", "blob:", "about:")) and url.split("/", 3)[:3] != home
    ] == []


def middle(page: Firefox, selector: str) -> tuple[float, float]:
    box: Any = page.js(
        f"(() => {{ const n = {ROOT}.querySelector(`{selector}`); n.scrollIntoView({{ block: 'center' }}); const r = n.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
    )
    return box[0], box[1]


def patch(number: int) -> str:
    return f'.panel.picture [data-patch="{number}"]'


def test_a_click_and_an_arrow_key_choose_the_query(page: Firefox) -> None:
    page.drag(middle(page, patch(9)))
    assert page.js(f"{E}.state.query") == 9
    page.press(ARROW_RIGHT)
    assert page.js(f"{E}.state.query") == 10


def test_dragging_the_slider_changes_the_layer(page: Firefox) -> None:
    x, y = middle(page, '[aria-label="Layer"]')
    page.drag((x, y), (x - 300, y))
    assert page.js(f"{E}.state.layer") == 0


def test_patches_are_hidden_by_dragging(page: Firefox) -> None:
    page.drag(middle(page, '[aria-label="Tool"] input[value="hide"]'))
    page.drag(*(middle(page, patch(i)) for i in (23, 24, 25)))
    assert page.js(f"{E}.state.hide") == [23, 24, 25]


def test_a_drawing_is_read(page: Firefox) -> None:
    page.drag(middle(page, '[aria-label="Tool"] input[value="draw"]'))
    blank = page.js(f"{E}.probabilities()")
    page.drag(*(middle(page, patch(i)) for i in (10, 17, 24, 31, 38)))
    assert page.js(f"{E}.state.image") == "drawn"
    assert page.js(f"{E}.probabilities()") != blank


def test_a_narrow_screen_does_not_scroll_sideways(page: Firefox) -> None:
    page.resize(380, 800)
    for view in ("attention", "steps", "positions", "prediction"):
        page.js(f"{E}.set({{ view: '{view}' }})")
        assert page.js("document.documentElement.scrollWidth") <= 380
