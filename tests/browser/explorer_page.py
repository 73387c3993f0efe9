"""The attention explorer in a real browser: a small site of pages with figures, and one opened figure with what a reader does."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from engine_page import random_model

from vit_tutorial.widgets.assets import LOADER, needed, write_assets
from vit_tutorial.widgets.attention_explorer.page import page_element
from vit_tutorial.widgets.attention_explorer.state import start_state
from vit_tutorial.widgets.attention_explorer.still import draw
from vit_tutorial.widgets.models import page_model
from vit_tutorial.widgets.models.export import export_page

CSS = Path(__file__).parents[2] / "book" / "assets" / "book.css"
STEPS = [
    {
        "text": "What the *class token* looks at, in `blocks[2]`.",
        "state": {"layer": 2, "head": "mean", "query": "class"},
    },
    {
        "question": "Half of the patches are hidden. What changes?",
        "choices": ["Nothing", "The prediction"],
        "answer": 1,
        "reveal": "It sees less.",
        "state": {"hide": list(range(0, 48, 2))},
    },
    {"text": "Everything is back.", "state": {"hide": []}},
]


def element(
    model: str = "digits28", steps: Any = (), name: str = "", caption: str = "The caption.", **state: Any
) -> str:
    start = start_state(model, list(steps), state)
    return page_element(start, draw(start).svg, caption, name)


def page_html(*figures: str, theme: str = "light") -> str:
    loader = f'<script src="_figures/{LOADER}" defer></script>' if figures else ""
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>A page</title>'
        '<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="book.css"></head>'
        '<body style="margin: 0; background: var(--vt-paper); color: var(--vt-ink)"><main class="bd-article" style="max-width: 46rem; margin: auto; padding: 0 16px"><h1>A page</h1><p>Text before.</p>'
        f'{"".join(figures)}<p id="after">Text after.</p></main>{loader}</body></html>'
    )  # fmt: skip


def figure_site(folder: Path, figure: str) -> Path:
    """A page with one figure for each theme, with all that they need: light.html and dark.html in the folder."""
    for theme in ("light", "dark"):
        (folder / f"{theme}.html").write_text(page_html(figure, theme=theme), encoding="utf-8")
    css = re.sub(r"@font-face \{.*?\}\n", "", CSS.read_text(encoding="utf-8"), flags=re.DOTALL)
    (folder / "book.css").write_text(css, encoding="utf-8")
    write_assets(folder / "_figures", needed(page_html(figure)))
    return folder


class OpenedFigure:
    """The figure on an opened page."""

    def __init__(self, page: Any) -> None:
        self.page, self.figure = page, page.locator("figure[data-vt-figure]")
        self.figure.locator("[data-ready]").wait_for(timeout=15_000)

    def radio(self, group: str, value: str) -> None:
        self.figure.locator(f'[role=radiogroup][aria-label="{group}"] input[value="{value}"]').check(force=True)


SIZES = {
    "digits28": {"img_size": 28, "in_chans": 1, "embed_dim": 64, "depth": 4, "num_heads": 4},
    "photos32": {"img_size": 32, "in_chans": 3, "embed_dim": 128, "depth": 6, "num_heads": 4},
}


def need_models(folder: Path) -> None:
    """The committed models, and for one that is not there yet a random one of its size: what the figure does is the same."""
    missing = set(SIZES) - set(page_model.page_models())
    if not missing:
        return
    for path in page_model.MODELS.glob("*.*"):
        shutil.copy(path, folder)
    for name in missing:
        model, channels = (
            random_model(patch_size=4, num_classes=10, mlp_ratio=2.0, **SIZES[name]),
            SIZES[name]["in_chans"],
        )
        names = [f"class {i}" for i in range(10)]
        export_page(model, folder / name, classes=names, mean=[0.3] * channels, std=[0.3] * channels)
    page_model.MODELS = folder
    page_model.read_page_model.cache_clear()


def write_site(folder: Path) -> Path:
    """Pages with figures, and what these load; the folder."""
    need_models(folder)
    one = element(layer=2, head=1, query=24, image="three", name="explorer")
    pages = {
        "one": page_html(one),
        "dark": page_html(one, theme="dark"),
        "two": page_html(one, element(view="prediction")),
        "photos": page_html(element("photos32", name="photos")),
        "guided": page_html(element(steps=STEPS, image="two", name="guided")),
        "far": page_html('<div style="height: 6000px"></div>', one),
        "none": page_html(),
    }
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    (folder / "book.css").write_text(
        re.sub(r"@font-face \{.*?\}\n", "", CSS.read_text(encoding="utf-8"), flags=re.DOTALL)
    )
    write_assets(folder / "_figures", {asset for html in pages.values() for asset in needed(html)})
    return folder


class Explorer:
    """One figure on an opened page."""

    def __init__(self, page: Any, number: int = 0) -> None:
        self.page = page
        self.figure = page.locator("figure[data-vt-figure]").nth(number)
        self.host = self.figure.locator("[data-ready]")
        self.host.wait_for(timeout=15_000)

    def js(self, expression: str) -> Any:
        """A value of the figure's own object ``e``."""
        return self.figure.evaluate(f"figure => {{ const e = figure.explorer; return {expression}; }}")

    def set(self, **state: Any) -> None:
        self.figure.evaluate("(figure, state) => figure.explorer.set(state)", state)

    @property
    def state(self) -> dict[str, Any]:
        return self.js("e.state")

    @property
    def probabilities(self) -> np.ndarray:
        return np.array(self.js("e.probabilities()"))

    @property
    def readout(self) -> str:
        return self.figure.locator(".readout").inner_text()

    def patch(self, number: int | str, board: str = ".panel.picture") -> Any:
        return self.figure.locator(f'{board} [data-patch="{number}"]')

    def map_values(self) -> np.ndarray:
        """The numbers of the map over the picture, as a screen reader reads them (three digits)."""
        labels = self.figure.locator(".panel.map .cell").evaluate_all(
            "cells => cells.map(c => c.getAttribute('aria-label'))"
        )
        return np.array([float(label.split(": ")[1].replace("−", "-").replace("–", "nan")) for label in labels])

    def radio(self, group: str, value: str) -> None:
        self.figure.locator(f'[role=radiogroup][aria-label="{group}"] input[value="{value}"]').check(force=True)

    def button(self, name: str) -> Any:
        return self.figure.get_by_role("button", name=name, exact=True)

    def drag(self, *patches: int) -> None:
        """Press on the first patch, move over the others, release on the last."""
        mouse = self.page.mouse
        self.patch(patches[0]).scroll_into_view_if_needed()
        for i, number in enumerate(patches):
            box = self.patch(number).bounding_box()
            mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
            if i == 0:
                mouse.down()
        mouse.up()

    def canvas(self, board: str) -> bytes:
        return self.figure.locator(f"{board} .square canvas").first.evaluate("c => c.toDataURL()")


@contextmanager
def opened(browser: Any, address: str, width: int = 1280, height: int = 900, **options: Any) -> Iterator[Any]:
    """A page in a fresh context; ``faults`` collects complaints of the browser and requests to other hosts, ``asked`` all requests."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page = context.new_page()
    page.faults, page.asked = [], []
    home = address.split("/", 3)[:3]

    def asked(request: Any) -> None:
        page.asked.append(request.url)
        if not request.url.startswith(("data:", "blob:")) and request.url.split("/", 3)[:3] != home:
            page.faults.append(f"asked for {request.url}")

    page.on("request", asked)
    page.on("console", lambda m: page.faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.faults.append(f"uncaught: {error}"))
    page.goto(address, wait_until="load")
    yield page
    context.close()
