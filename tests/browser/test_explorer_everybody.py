"""The explorer for everybody: small screens, touch, the keyboard alone, screen readers, dark and light, no motion, no JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accessibility import serious_faults
from explorer_page import Explorer, opened

VIEWS = ("attention", "steps", "positions", "prediction")
EVERYTHING_CHANGED = {"hide": [3, 4], "headsOff": ["0.1"], "temperature": 2, "positions": False}


@pytest.mark.parametrize("width", [1280, 380])
@pytest.mark.parametrize("name", ["one", "dark", "photos", "guided"])
def test_axe_finds_nothing_serious(chromium: Any, figures: Path, name: str, width: int) -> None:
    with opened(chromium, f"{figures.as_uri()}/{name}.html", width, reduced_motion="reduce") as page:
        explorer = Explorer(page)
        for view in VIEWS:
            explorer.set(view=view, **EVERYTHING_CHANGED)
            assert serious_faults(page, "figure", target_size=True) == [], view


@pytest.mark.parametrize("name", ["one", "photos", "guided"])
def test_a_screen_of_380_pixels_does_not_scroll_sideways(chromium: Any, figures: Path, name: str) -> None:
    with opened(chromium, f"{figures.as_uri()}/{name}.html", 380) as page:
        explorer = Explorer(page)
        for view in VIEWS:
            for step in range(4 if view == "steps" else 1):
                explorer.set(view=view, step=step, **EVERYTHING_CHANGED)
                assert page.evaluate("document.documentElement.scrollWidth") <= 380, view


def test_the_chosen_picture_is_in_sight_in_its_row_and_the_page_stays_where_it_is(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/photos.html", 380) as page:
        explorer = Explorer(page)
        row = explorer.figure.locator(".thumbs").bounding_box()
        for name in ("astronaut", "cat"):  # the last of a row that is too long, and the first
            explorer.set(image=name)
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            thumb = explorer.figure.locator(f'.thumb[data-name="{name}"]').bounding_box()
            assert row["x"] <= thumb["x"], name
            assert thumb["x"] + thumb["width"] <= row["x"] + row["width"], name
            assert page.evaluate("scrollY") == 0


def test_a_finger_chooses_hides_and_draws(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/one.html", 380, 800, has_touch=True, is_mobile=True) as page:
        explorer = Explorer(page)
        explorer.patch(9).tap()
        assert explorer.state["query"] == 9
        touch = page.context.new_cdp_session(page)

        def swipe(*patches: int) -> None:
            for i, number in enumerate(patches):
                box = explorer.patch(number).bounding_box()
                point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
                touch.send(
                    "Input.dispatchTouchEvent", {"type": "touchMove" if i else "touchStart", "touchPoints": [point]}
                )
            touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        explorer.radio("Tool", "hide")
        explorer.patch(23).scroll_into_view_if_needed()
        swipe(23, 24, 25)
        assert explorer.state["hide"] == [23, 24, 25]
        explorer.radio("Tool", "draw")
        blank = explorer.probabilities
        swipe(10, 17, 24, 31, 38)
        assert explorer.state["image"] == "drawn"
        assert not np.array_equal(explorer.probabilities, blank)


def test_tab_alone_reaches_every_control(chromium: Any, figures: Path) -> None:
    """Radio buttons and grids are one stop each, with arrow keys inside; everything else is a stop of its own."""
    focused = "() => { let n = document.activeElement; while (n?.shadowRoot?.activeElement) n = n.shadowRoot.activeElement; return n?.getAttribute('aria-label') || n?.closest('label')?.textContent || n?.name || n?.textContent || n?.value; }"
    with opened(chromium, f"{figures.as_uri()}/one.html") as page:
        explorer = Explorer(page)
        explorer.set(hide=[1])
        seen = []
        for _ in range(60):
            page.keyboard.press("Tab")
            seen.append(page.evaluate(focused))
        text = " | ".join(str(s) for s in seen)
        for wanted in (
            "Reset",
            "Link",
            "Python",
            "three",
            "eight",
            "Layer",
            "Head",
            "Mean of heads",
            "1 patch hidden: undo",
            "Temperature",
            "patch 24",
            "layer 2, head 1",
        ):
            assert wanted in text, f"{wanted} is not among {text}"


def test_the_keyboard_changes_views_and_tools(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/one.html") as page:
        explorer = Explorer(page)
        explorer.figure.locator('[aria-label="View"] input[value="attention"]').focus()
        for view in VIEWS[1:]:
            page.keyboard.press("ArrowRight")
            assert explorer.state["view"] == view
        explorer.figure.locator('[aria-label="Tool"] input[value="query"]').focus()
        page.keyboard.press("ArrowRight")
        assert explorer.state["tool"] == "hide"


def test_a_screen_reader_hears_what_changed_once_the_reader_pauses(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/one.html") as page:
        explorer = Explorer(page)
        spoken = explorer.figure.locator("[role=status]")
        page.wait_for_timeout(700)
        assert spoken.inner_text() == ""  # nothing is said unasked
        explorer.patch(8).focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(700)
        assert spoken.inner_text() == explorer.readout
        assert spoken.get_attribute("aria-live") == "polite"


def test_reduced_motion_is_obeyed(chromium: Any, figures: Path) -> None:
    times = "() => [...document.querySelector('[data-ready]').shadowRoot.querySelectorAll('*')].map(n => getComputedStyle(n).transitionDuration)"
    with opened(chromium, f"{figures.as_uri()}/one.html", reduced_motion="reduce") as page:
        Explorer(page)
        assert set(page.evaluate(times)) == {"0s"}
    with opened(chromium, f"{figures.as_uri()}/one.html", reduced_motion="no-preference") as page:
        Explorer(page)
        assert set(page.evaluate(times)) != {"0s"}


def test_without_javascript_there_is_a_picture_with_a_caption(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/one.html", java_script_enabled=False) as page:
        picture = page.locator("figure svg[role=img]")
        assert picture.is_visible()
        assert "attention of the patch 24 in layer 2, head 1" in picture.get_attribute("aria-label")
        assert picture.bounding_box()["height"] > 150
        assert page.locator("figcaption").inner_text() == "The caption."
        assert page.faults == []


def test_print_shows_the_figure_as_it_is(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/one.html") as page:
        Explorer(page)
        page.emulate_media(media="print")
        assert page.locator(".panel.map").is_visible()
