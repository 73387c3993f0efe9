"""Live figures in Firefox, from a server and from a folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import firefox as driver
import pytest
from firefox import Firefox
from test_live import address, home, site  # noqa: F401  (fixtures)

pytest.importorskip("websocket", reason="websocket-client is missing; it comes with JupyterLab")

FIGURE = "document.querySelector('.vt-live')"
SLIDER = f"{FIGURE}.querySelector('.vt-live-controls').shadowRoot.querySelector('[aria-label=Layer]')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Firefox]:
    if driver.path() is None:
        pytest.skip("no Firefox here: install it (apt-get install firefox-esr) or set FIREFOX to its path")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with driver.started(port) as browser:
        yield browser


def test_mouse_and_arrow_keys_change_the_picture_with_a_silent_console(browser: Firefox, home: str) -> None:  # noqa: F811
    browser.complaints.clear()
    browser.asked.clear()
    browser.resize(1000, 800)
    browser.open(f"{home}/light.html")
    browser.wait(f"!!{FIGURE}.liveFigure")
    browser.js(f"{FIGURE}.liveFigure.ready.then(() => 1)")
    before = browser.js(f"{FIGURE}.querySelector('img').src")
    x, y, width = browser.js(f"(r => [r.x, r.y + r.height / 2, r.width])({SLIDER}.getBoundingClientRect())")
    browser.drag((x + width / 3, y), (x + width - 4, y))
    assert browser.js(f"{FIGURE}.liveFigure.places") == [3, 0]
    assert browser.js(f"{FIGURE}.querySelector('img').src") != before
    browser.press("\ue012")  # arrow left
    assert browser.js(f"{FIGURE}.querySelector('img').alt") == "Attention of layer 2, head 0."
    browser.resize(380, 800)
    assert browser.js("document.documentElement.scrollWidth") <= 380
    assert browser.complaints == []
    assert [url for url in browser.asked if not url.startswith((home, "data:", "about:"))] == []
