"""Live figures in a page, from a server and from a folder: loaded when they are near, worked by mouse, keyboard and touch."""

from __future__ import annotations

import gzip
import io
import json
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accessibility import serious_faults
from matplotlib.figure import Figure
from PIL import Image
from web import served

from vit_tutorial.dark import for_dark
from vit_tutorial.widgets import live
from vit_tutorial.widgets.assets import LOADER, needed, write_assets
from vit_tutorial.widgets.sliders.page import to_files

ROOT = Path(__file__).parents[2]
CSS = ROOT / "book" / "assets" / "book.css"
LAYERS, HEADS = 4, 3
NAMES = ["a first way of saying it", "a second way of saying it"]
LABELS = {"shape": "Shape", "log": "Logarithmic axis", "name": "Name", "rate": "Peak learning rate"}
SPACE = '<div style="height: 4000px">Text before.</div>'


def level(number: int, of: int) -> float:
    return round(0.2 + 0.7 * number / (of - 1), 3)


def by_layer(layer: int, head: int) -> Figure:
    return Figure(figsize=(6.9, 2), facecolor=str(level(HEADS * layer + head, LAYERS * HEADS)))


def by_kind(rate: float, shape: str, log: bool, name: str) -> Figure:
    number = 8 * [0.1, 0.3].index(rate) + 4 * ["cosine", "linear"].index(shape) + 2 * log + NAMES.index(name)
    return Figure(figsize=(6.9, 2), facecolor=str(level(number, 16)))


def document(body: str, theme: str = "light") -> str:
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>A page</title>'
        '<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="book.css"></head>'
        f'<body style="background: var(--vt-paper); color: var(--vt-ink)"><main class="bd-article" style="max-width: 46rem; margin: auto"><h1>A page</h1>{body}</main></body></html>'
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages as the book's build makes them, and one with the figure as a cell's output carries it."""
    folder = tmp_path_factory.mktemp("live")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_BOOK_BUILD", "1")
        text = "Attention of layer {}, head {}."
        options: dict[str, Any] = {
            "labels": {"layer": "Layer", "head": "Head"},
            "caption": "The caption.",
            "start": {"layer": 1},
        }
        first = live(
            by_layer, layer=range(LAYERS), head=range(HEADS), alt=text.format("{layer}", "{head}").format, **options
        )
        kinds: dict[str, Any] = {"rate": [0.1, 0.3], "shape": ["cosine", "linear"], "log": [False, True], "name": NAMES}
        second = live(by_kind, alt="A grey field.", labels=LABELS, **kinds)
    figures = to_files(first.html() + second.html(), folder / "_figures" / "live", "_figures/live")
    loader = f'<script src="_figures/{LOADER}" defer></script>'
    (folder / "book.css").write_text(CSS.read_text(encoding="utf-8"), encoding="utf-8")
    for theme in ("light", "dark"):
        (folder / f"{theme}.html").write_text(document(figures + loader, theme), encoding="utf-8")
    (folder / "far.html").write_text(document(SPACE + figures + loader), encoding="utf-8")
    (folder / "output.html").write_text(document(first.html()), encoding="utf-8")
    write_assets(folder / "_figures", needed(figures))
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture(params=["http", "file"])
def home(request: pytest.FixtureRequest, site: Path) -> str:
    return str(request.getfixturevalue("address") if request.param == "http" else site.as_uri())


class Opened:
    """A page, what it asked for, and what its console said in red."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1000, "height": 800}, **options})
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, url: str, ready: bool = True) -> Opened:
        self.page.goto(url)
        if ready:
            self.page.wait_for_function("[...document.querySelectorAll('.vt-live')].every(f => f.liveFigure)")
            self.page.evaluate("Promise.all([...document.querySelectorAll('.vt-live')].map(f => f.liveFigure.ready))")
        return self

    def figure(self, number: int = 0) -> Any:
        return self.page.locator("figure.vt-live").nth(number)

    def grey(self, number: int = 0) -> int:
        """The grey level that the reader sees."""
        shot = Image.open(io.BytesIO(self.figure(number).locator(".vt-still img:visible").screenshot())).convert("L")
        return int(shot.getpixel((shot.width // 2, shot.height // 2)))

    def shows(self, number: int, of: int, figure: int = 0) -> bool:
        return abs(self.grey(figure) - 255 * level(number, of)) < 3

    def pictures(self) -> list[str]:
        return [url for url in self.asked if url.endswith(".webp")]


@pytest.fixture
def opened(chromium: Any, home: str) -> Iterator[Opened]:
    """The light page; afterwards its console was silent and no other host was asked."""
    page = Opened(chromium).open(f"{home}/light.html")
    yield page
    assert page.errors == []
    assert [url for url in page.asked if not url.startswith((home, "data:"))] == []
    page.context.close()


# Loading


def test_nothing_of_a_figure_is_loaded_before_it_is_near(chromium: Any, home: str) -> None:
    page = Opened(chromium).open(f"{home}/far.html", ready=False)
    page.page.wait_for_timeout(300)
    assert [url.rsplit("/", 1)[-1] for url in page.asked if "_figures" in url] == [LOADER]
    page.page.mouse.wheel(0, 3600)
    page.page.wait_for_function("document.querySelector('.vt-live').liveFigure")
    assert any(url.endswith("vit-live.js") for url in page.asked)
    assert page.pictures()
    page.context.close()


def test_each_picture_of_the_pages_look_is_loaded_once_and_none_of_the_other(
    chromium: Any, address: str, site: Path
) -> None:
    page = Opened(chromium).open(f"{address}/light.html")
    text = (site / "light.html").read_text(encoding="utf-8")
    light, dark = (
        [name for names in re.findall(rf'"{kind}": (\[.*?\])', text) for name in json.loads(names)]
        for kind in ("pictures", "dark")
    )
    assert len(light) == len(dark) == LAYERS * HEADS + 16
    assert sorted(url.rsplit("/", 1)[-1] for url in page.pictures()) == sorted(
        {name.rsplit("/", 1)[-1] for name in light}
    )
    page.context.close()


def test_the_output_of_a_cell_works_without_any_other_file(chromium: Any, site: Path) -> None:
    page = Opened(chromium).open((site / "output.html").as_uri())
    page.figure().get_by_label("Layer").press("End")
    assert page.shows(9, 12)
    assert [url for url in page.asked if url.startswith("file:") and not url.endswith((".html", "book.css"))] == []
    page.context.close()


def test_the_script_is_small(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size = len(gzip.compress((site / "_figures" / "vit-live.js").read_bytes(), 9))
    with capsys.disabled():
        print(f"\nlive figures: script {size / 1000:.1f} kB gzipped")
    assert size <= 5_000


# Light and dark


def test_a_dark_page_shows_the_dark_twin_and_paper_the_light_picture(chromium: Any, address: str) -> None:
    page = Opened(chromium, color_scheme="dark").open(f"{address}/dark.html")
    page.figure().get_by_label("Layer").press("ArrowRight")  # layer 2, head 0: half grey
    red, green, blue, _ = for_dark(str(level(6, 12)))
    twin = 0.299 * red + 0.587 * green + 0.114 * blue
    assert abs(page.grey() - 255 * twin) < 3
    assert abs(twin - level(6, 12)) > 0.05  # the two can be told apart
    shown = page.figure().get_by_role("img")
    assert shown.count() == 1, "a screen reader hears the text once"
    page.page.emulate_media(media="print")
    assert page.shows(6, 12)
    assert shown.count() == 1
    page.page.emulate_media(media="screen")
    page.page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert page.shows(6, 12)
    page.context.close()


def test_on_a_telephone_a_plot_keeps_three_quarters_of_its_size(chromium: Any, address: str) -> None:
    page = Opened(chromium, viewport={"width": 380, "height": 800}).open(f"{address}/light.html")
    still = page.figure(1).locator(".vt-still")
    assert still.locator("img:visible").bounding_box()["width"] >= 0.75 * 690
    assert still.evaluate("(box) => box.scrollWidth > box.clientWidth")
    page.context.close()


# Use


def test_the_figure_starts_as_it_was_told(opened: Opened) -> None:
    assert opened.shows(3, 12)
    assert opened.figure().get_by_label("Layer").get_attribute("aria-valuetext") == "1"
    assert opened.figure().locator(".vt-still img:visible").get_attribute("alt") == "Attention of layer 1, head 0."


def test_dragging_a_slider_changes_picture_value_and_text(opened: Opened) -> None:
    slider = opened.figure().get_by_label("Layer")
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    opened.page.mouse.move(box["x"] + box["width"] / 3, middle)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] - 3, middle, steps=8)
    opened.page.mouse.up()
    assert opened.shows(9, 12)
    assert opened.figure().locator("output").first.inner_text() == "3"
    assert opened.figure().locator(".vt-still img:visible").get_attribute("alt") == "Attention of layer 3, head 0."


def test_every_setting_shows_its_own_picture(opened: Opened) -> None:
    for number in range(LAYERS * HEADS):
        opened.page.evaluate(
            f"document.querySelector('.vt-live').liveFigure.set([{number // HEADS}, {number % HEADS}])"
        )
        assert opened.shows(number, 12)


def test_the_keyboard_alone_reaches_and_works_every_control(opened: Opened) -> None:
    press = opened.page.keyboard.press
    for key in ("Tab", "ArrowRight", "Tab", "End"):  # layer 1 -> 2, head 0 -> 2
        press(key)
    assert opened.shows(8, 12)
    for key in ("Tab", "ArrowRight", "Tab", "ArrowRight", "Tab", "Space", "Tab", "ArrowDown"):  # rate, shape, log, name
        press(key)
    assert opened.shows(15, 16, figure=1)


def test_a_click_works_choice_switch_and_list(opened: Opened) -> None:
    figure = opened.figure(1)
    box = figure.get_by_text("linear").bounding_box()
    opened.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert opened.shows(4, 16, figure=1)
    figure.get_by_label("Logarithmic axis").click()
    assert opened.shows(6, 16, figure=1)
    figure.get_by_label("Name").select_option(NAMES[1])
    assert opened.shows(7, 16, figure=1)


def test_the_new_alternative_text_is_read_out(opened: Opened) -> None:
    opened.figure().get_by_label("Head").press("ArrowRight")
    status = opened.figure().get_by_role("status")
    status.filter(has_text="Attention of layer 1, head 1.").wait_for(state="attached", timeout=3000)


def test_touch_works_the_slider_on_a_narrow_screen_that_does_not_scroll_sideways(chromium: Any, home: str) -> None:
    page = Opened(chromium, viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True).open(
        f"{home}/light.html"
    )
    slider = page.figure().get_by_label("Layer")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box["height"] >= 44
    page.page.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    assert page.shows(9, 12)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 380
    for control in page.figure(1).locator("input, select").all():
        place = control.bounding_box()
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= 380
    page.context.close()


def test_a_change_of_the_slider_takes_less_than_a_frame(opened: Opened, capsys: pytest.CaptureFixture[str]) -> None:
    times = opened.page.evaluate(
        """async () => {
          const figure = document.querySelector('.vt-live'), slider = figure.querySelector('.vt-live-controls').shadowRoot.querySelector('input');
          const image = figure.querySelector('.vt-light'), times = [];
          for (let i = 0; i < 40; i++) {
            slider.value = i % 4;
            const start = performance.now();
            slider.dispatchEvent(new Event('input', { bubbles: true }));
            await image.decode();
            times.push(performance.now() - start);
          }
          return times;
        }"""
    )
    median = statistics.median(times)
    with capsys.disabled():
        print(f"\nlive figures: slider change {median:.1f} ms at the median, {max(times):.1f} ms at most")
    assert median < 16


# Everybody


def test_without_javascript_the_page_shows_the_picture_and_the_caption(chromium: Any, home: str) -> None:
    page = Opened(chromium, java_script_enabled=False).open(f"{home}/light.html", ready=False)
    page.figure().scroll_into_view_if_needed()
    assert page.shows(3, 12)
    assert page.figure().locator("figcaption").inner_text() == "The caption."
    note = page.figure().locator("noscript p")
    assert note.is_visible()
    assert note.inner_text() == "With JavaScript this figure has controls: Layer, Head."
    page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_fault(chromium: Any, site: Path, theme: str) -> None:
    page = Opened(chromium, color_scheme=theme).open((site / f"{theme}.html").as_uri())
    assert serious_faults(page.page) == []
    page.context.close()


def test_nothing_moves_by_itself(opened: Opened) -> None:
    moving = opened.page.evaluate(
        """[...document.querySelectorAll('.vt-live-controls')].flatMap((host) => [...host.shadowRoot.querySelectorAll('*')])
          .filter((node) => ['', '::after'].some((part) => {
            const { transitionDuration, animationName } = getComputedStyle(node, part || null);
            return transitionDuration !== '0s' || animationName !== 'none';
          })).length"""
    )
    assert moving == 0


# Faults


def test_a_missing_picture_is_said_and_the_others_work(chromium: Any, address: str, site: Path) -> None:
    data = json.loads(
        (site / "light.html").read_text(encoding="utf-8").split('"application/json">')[1].split("</script>")[0]
    )
    missing = data["pictures"][data["shown"][6]].rsplit("/", 1)[-1]  # layer 2, head 0
    page = Opened(chromium)
    page.page.route(f"**/{missing}", lambda route: route.abort())
    page.open(f"{address}/light.html")
    slider, alarm = page.figure().get_by_label("Layer"), page.figure().get_by_role("alert")
    slider.press("ArrowRight")
    alarm.filter(has_text="could not be loaded").wait_for(timeout=3000)
    assert page.shows(3, 12)
    slider.press("ArrowRight")
    assert page.shows(9, 12)
    assert not alarm.is_visible()
    page.context.close()


def test_a_missing_script_leaves_a_picture_and_a_plain_message(chromium: Any, address: str) -> None:
    page = Opened(chromium)
    page.page.route("**/vit-live.js", lambda route: route.abort())
    page.open(f"{address}/light.html", ready=False)
    page.figure().get_by_role("alert").filter(has_text="vit-live.js is missing").wait_for(timeout=3000)
    assert page.shows(3, 12)
    page.context.close()
