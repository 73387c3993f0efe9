"""A page of the book, opened in a browser: what it complains of, and what one visit to it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from accessibility import serious_faults

# What sticks out to the right and is not inside a box that scrolls or cuts.
WIDEST = """() => [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .filter(e => { for (let p = e.parentElement; p; p = p.parentElement) if (getComputedStyle(p).overflowX !== 'visible') return p === document.body; return true; })
  .slice(0, 5).map(e => e.outerHTML.slice(0, 150))"""
COLOURS = """() => {
  const { mode, theme } = document.documentElement.dataset;
  return [mode, theme, getComputedStyle(document.body).backgroundColor];
}"""
# Boxes of text or code with more in them than they show.
SCROLLING = """() => [...document.querySelectorAll('.bd-article :is(pre, .output, .highlight)')]
  .filter((box) => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== 'visible')
  .map((box) => box.textContent.slice(0, 60))"""
# Clicks the button of every solution, and names those that it did not open.
OPEN_SOLUTIONS = """() => {
  const shut = 'div.admonition.dropdown.toggle-hidden > p.admonition-title';
  for (const button of document.querySelectorAll(`${shut} .toggle-button`)) button.click();
  return [...document.querySelectorAll(shut)].map((title) => title.textContent.trim());
}"""
# Plots whose lettering, of at least 9 points on a plot of its own size, would be less than 9 pixels high.
SMALL = """() => [...document.querySelectorAll('.bd-article img:is(.vt-light, .vt-dark)')]
  .filter((plot) => plot.checkVisibility() && 9 / 72 * 100 * plot.getBoundingClientRect().width / parseFloat(plot.style.getPropertyValue('--width')) < 9)
  .map((plot) => plot.alt.slice(0, 60))"""
# A long page hears a while later that the device's colours changed; whether it ever does is asked afterwards.
HEARD = """() => new Promise((done) => {
  const end = performance.now() + 10000;
  const look = () => document.documentElement.dataset.theme === 'dark' || performance.now() > end ? done() : requestAnimationFrame(look);
  look();
})"""


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


@dataclass(frozen=True)
class Visit:
    """What one visit showed: ``complaints`` from first to last, the page's ``width`` on a telephone of 380 pixels and what makes
    it ``widest``, and the serious faults that axe found in ``light`` and in ``dark``."""

    title: str
    complaints: list[str]
    width: int
    widest: list[str]
    light: list[str]
    dark: list[str]


def visit(chromium: Any, address: str) -> Visit:
    """Open a page once: on a telephone, then on a wide screen with every solution open, in light and, as the device changes, in dark.

    In dark axe is asked only what depends on colours: nothing else of the page changed. Whether its colours did is asked of the
    page itself, and belongs to the faults in dark.
    """
    # Without motion: a solution that is still fading in has less contrast than the one that is read.
    with opened(chromium, address, width=380, color_scheme="light", reduced_motion="reduce") as page:
        title = page.title()
        width, widest = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(WIDEST)
        page.set_viewport_size({"width": 1280, "height": 900})
        shut = page.evaluate(OPEN_SOLUTIONS)
        mode, theme, paper = page.evaluate(COLOURS)
        light = [] if (mode, theme) == ("auto", "light") else [f"not light: mode {mode}, theme {theme}, paper {paper}"]
        light += [f"stays shut: {title}" for title in shut] + serious_faults(page)
        page.emulate_media(color_scheme="dark")
        page.evaluate(HEARD)
        mode, theme, other = page.evaluate(COLOURS)
        followed = (mode, theme) == ("auto", "dark") and other != paper
        dark = [] if followed else [f"not dark: mode {mode}, theme {theme}, paper {other}"]
        dark += serious_faults(page, colours_only=True)
        return Visit(title, page.faults, width, widest, light, dark)


@dataclass(frozen=True)
class FolderVisit:
    """What a page showed that was opened from its folder: ``complaints`` until it was loaded, on a telephone of 380 pixels its
    ``width`` and the plots too ``small`` for their letters, and the boxes that are ``scrolling`` sideways on a wide screen."""

    title: str
    complaints: list[str]
    width: int
    small: list[str]
    scrolling: list[str]


def visit_folder(chromium: Any, address: str) -> FolderVisit:
    """Open a page once from its folder: on a telephone, then on a wide screen."""
    with opened(chromium, address, width=380) as page:
        title, complaints = page.title(), list(page.faults)
        width, small = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(SMALL)
        page.set_viewport_size({"width": 1280, "height": 900})
        return FolderVisit(title, complaints, width, small, page.evaluate(SCROLLING))
