"""What the explorer may cost, what it loads and when, and what it says where something is missing."""

from __future__ import annotations

import gzip
import re
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from explorer_page import Explorer, opened

KB = 1024
LIMITS = {
    "vit-engine.js": 9 * KB,
    "vit-explorer.js": 30 * KB,
    "vit-figures.js": 2 * KB,
    "model-digits28.js": 300 * KB,
    "model-photos32.js": 1170 * KB,  # 1.2 MB
}


def packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))


@pytest.mark.parametrize(("name", "limit"), LIMITS.items())
def test_each_file_is_small_enough(figures: Path, name: str, limit: int) -> None:
    size = packed(figures / "_figures" / name)
    print(f"{name}: {size / KB:.1f} KB gzipped (limit {limit / KB:.0f})")
    assert size <= limit


def test_a_page_without_figures_loads_none_of_it(chromium: Any, figures_base: str) -> None:
    with opened(chromium, f"{figures_base}/none.html") as page:
        page.wait_for_timeout(200)
        assert [url for url in page.asked if "_figures" in url] == []


def test_a_figure_far_below_is_loaded_when_the_reader_comes_near(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/far.html") as page:
        page.wait_for_timeout(300)
        assert [url.split("/")[-1] for url in page.asked if "_figures" in url] == ["vit-figures.js"]
        page.evaluate("scrollTo(0, 5000)")
        Explorer(page)


def test_the_figure_starts_silently_and_asks_no_other_host(chromium: Any, figures_base: str) -> None:
    for name in ("one", "two", "photos", "guided"):
        with opened(chromium, f"{figures_base}/{name}.html") as page:
            Explorer(page)
            page.wait_for_timeout(300)
            assert page.faults == []


@pytest.mark.parametrize("name", ["one", "photos"])
def test_it_is_ready_within_a_second_of_the_page_s_load(chromium: Any, figures_server: str, name: str) -> None:
    times = []
    for _ in range(3):
        with opened(chromium, f"{figures_server}/{name}.html") as page:
            Explorer(page)
            times.append(
                page.evaluate(
                    "performance.getEntriesByName('vt-explorer-ready')[0].startTime - performance.timing.loadEventEnd + performance.timeOrigin"
                )
            )
    print(f"{name}: ready {statistics.median(times):.0f} ms after the page's load")
    assert statistics.median(times) < 1000


TIMED = """async (figure, [expressions, rounds]) => {
  const e = figure.explorer, times = [];
  const run = expressions.map((text) => new Function('e', 'i', text));
  for (let i = 0; i < rounds; i++) {
    for (const change of run) {
      await new Promise(requestAnimationFrame);
      const began = performance.now();
      change(e, i);
      figure.getBoundingClientRect();  // layout included
      times.push(performance.now() - began);
    }
  }
  return times;
}"""


def median(explorer: Explorer, *expressions: str, rounds: int = 12) -> float:
    return statistics.median(explorer.figure.evaluate(TIMED, [list(expressions), rounds]))


SHOWN = {  # page of explorer_page.py: layers, heads and patches of its model, and two pictures
    "one": (4, 4, 49, ("two", "five")),
    "photos": (6, 4, 64, ("cat", "taxi")),
}


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("view", ["attention", "steps", "positions", "prediction"])
def test_a_slider_or_query_change_takes_under_16_ms(chromium: Any, figures: Path, view: str, name: str) -> None:
    layers, heads, patches, _ = SHOWN[name]
    with opened(chromium, f"{figures.as_uri()}/{name}.html") as page:
        explorer = Explorer(page)
        explorer.set(view=view)
        changes = [
            f"e.set({{ layer: i % {layers} }})",
            f"e.set({{ head: i % {heads} }})",
            f"e.set({{ query: (7 * i) % {patches} }})",
        ]
        time = median(explorer, *changes)
        print(f"{name}, {view}: a slider or query change takes {time:.1f} ms")
        assert time < 16


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("view", ["attention", "prediction"])
def test_a_new_image_takes_under_50_ms(chromium: Any, figures: Path, view: str, name: str) -> None:
    first, second = SHOWN[name][3]
    with opened(chromium, f"{figures.as_uri()}/{name}.html") as page:
        explorer = Explorer(page)
        explorer.set(view=view)
        for picture in (first, second):  # another name would be timed, too, and mean nothing
            explorer.figure.locator(f'.thumb[data-name="{picture}"]').wait_for()
        time = median(explorer, f"e.set({{ image: i % 2 ? '{first}' : '{second}' }})", rounds=40)
        print(f"{name}, {view}: a new image takes {time:.1f} ms")
        assert time < 50


# ---- where something is missing --------------------------------------------------------------------------------------------


@pytest.fixture
def copy_of(figures: Path, tmp_path: Path) -> Callable[[], Path]:
    def make() -> Path:
        return Path(shutil.copytree(figures, tmp_path / "copy"))

    return make


def said(page: Any) -> str:
    page.wait_for_selector("figure [role=alert]:visible")
    return page.locator("figure [role=alert]:visible").inner_text()


@pytest.mark.parametrize("name", ["model-digits28.js", "vit-engine.js", "vit-explorer.js"])
def test_a_missing_file_leaves_the_picture_and_says_so(chromium: Any, copy_of: Callable[[], Path], name: str) -> None:
    folder = copy_of()
    (folder / "_figures" / name).unlink()
    with opened(chromium, f"{folder.as_uri()}/one.html") as page:
        assert f"the file {name} is missing" in said(page)
        assert page.locator("figure svg[role=img]").is_visible()
        assert page.locator("#after").is_visible()


def test_a_cut_script_of_weights_is_told(chromium: Any, copy_of: Callable[[], Path]) -> None:
    folder = copy_of()
    path = folder / "_figures" / "model-digits28.js"
    path.write_text(path.read_text()[:50_000])
    with opened(chromium, f"{folder.as_uri()}/one.html") as page:
        assert "missing or were cut" in said(page)
        assert page.locator("figure svg[role=img]").is_visible()


def test_weights_that_were_cut_or_damaged_inside_are_told(chromium: Any, copy_of: Callable[[], Path]) -> None:
    folder = copy_of()
    path = folder / "_figures" / "model-digits28.js"
    whole = path.read_text()
    path.write_text(re.sub(r'("base64":")(.{4})', r"\1", whole))
    with opened(chromium, f"{folder.as_uri()}/one.html") as page:
        assert "it was cut or belongs to another model" in said(page)
    path.write_text(re.sub(r'("base64":")(.{4})', r"\1AAAA", whole))
    with opened(chromium, f"{folder.as_uri()}/one.html") as page:
        assert "damaged" in said(page)


def test_without_webassembly_it_computes_in_plain_javascript_and_says_so(chromium: Any, figures: Path) -> None:
    context = chromium.new_context()
    context.add_init_script("delete globalThis.WebAssembly")
    page = context.new_page()
    page.goto(f"{figures.as_uri()}/one.html")
    explorer = Explorer(page)
    assert explorer.host.get_attribute("data-ready") == "javascript"
    assert "plain JavaScript" in explorer.figure.locator(".engine-note").inner_text()
    before = explorer.map_values()
    explorer.patch(9).click()
    assert (explorer.map_values() != before).any()
    context.close()
