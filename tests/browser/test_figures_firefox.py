"""The patch masker and the map of features in Firefox, from a folder."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import firefox as driver
import pytest
import torch
from explorer_page import CSS, page_html
from firefox import Firefox

from vit_tutorial.data import digits
from vit_tutorial.widgets.assets import needed, write_assets
from vit_tutorial.widgets.feature_map import page as map_page
from vit_tutorial.widgets.feature_map.data import map_data
from vit_tutorial.widgets.feature_map.state import start_state as start_of_map
from vit_tutorial.widgets.patch_masker import page as masker_page
from vit_tutorial.widgets.patch_masker.state import start_state
from vit_tutorial.widgets.patch_masker.still import readings

pytest.importorskip("websocket", reason="websocket-client is missing; it comes with JupyterLab")

MASKER, MAP = (f"document.querySelectorAll('figure[data-vt-figure]')[{i}]" for i in (0, 1))


@pytest.fixture(scope="module")
def browser() -> Iterator[Firefox]:
    if driver.path() is None:
        pytest.skip("no Firefox here: install it (apt-get install firefox-esr) or set FIREFOX to its path")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with driver.started(port) as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder, images = tmp_path_factory.mktemp("firefox"), digits().test.images[:40]
    data = map_data(
        images, {"pixels": images.flatten(1).float(), "rows": images.float().mean(3).flatten(1) + 1}, maps=["pca"]
    )
    masker = masker_page.page_element(start_state({}), "<img alt='a still'>", "Masker.", "masker")
    html = page_html(masker, map_page.page_element(start_of_map(data, {}), "<img alt='a still'>", "Map.", "map"))
    (folder / "light.html").write_text(html, encoding="utf-8")
    css = re.sub(r"@font-face \{.*?\}\n", "", CSS.read_text(encoding="utf-8"), flags=re.DOTALL)
    (folder / "book.css").write_text(css, encoding="utf-8")
    write_assets(folder / "_figures", needed(html))
    return (folder / "light.html").as_uri()


def test_both_figures_follow_the_mouse_and_the_keys_with_a_silent_console(browser: Firefox, address: str) -> None:
    browser.complaints.clear()
    browser.resize(1000, 1600)
    browser.open(address)
    browser.wait(f"!!{MASKER}.masker && !!{MAP}.map")
    _, painted, _, _ = readings(start_state({}))
    found = torch.tensor(browser.js(f"{MASKER}.masker.answer().painted"))
    torch.testing.assert_close(found, painted.flatten(), atol=1e-4, rtol=0)
    browser.js(f"{MASKER}.masker.set({{ hide: [] }})")
    square = f"{MASKER}.querySelector('[data-ready]').shadowRoot.querySelector('.square')"
    x, y, side = browser.js(f"(r => [r.x, r.y, r.width])({square}.getBoundingClientRect())")
    browser.drag((x + side / 14, y + side / 14), (x + 3 * side / 14, y + side / 14))
    assert browser.js(f"{MASKER}.masker.state.hide") == [0, 1]
    browser.js(f"{MAP}.querySelector('[data-ready]').shadowRoot.querySelector('.map').focus()")
    browser.press("n")
    assert browser.js(f"{MAP}.map.state.chosen") != 0
    browser.resize(380, 800)
    assert browser.js("document.documentElement.scrollWidth") <= 380
    assert browser.complaints == []
