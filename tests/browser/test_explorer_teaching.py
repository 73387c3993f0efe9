"""The explorer as a teacher: guided steps, predictions before results, links to a state, and code that computes the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from explorer_page import Explorer, opened

from vit_tutorial.interpret import record_attention
from vit_tutorial.widgets import load_page_model, open_picture


@pytest.fixture
def guided(chromium: Any, figures: Path) -> Iterator[Explorer]:
    with opened(chromium, f"{figures.as_uri()}/guided.html") as page:
        yield Explorer(page)
        assert page.faults == []


@pytest.fixture(scope="module")
def page(chromium: Any, figures: Path) -> Iterator[Any]:
    with opened(chromium, f"{figures.as_uri()}/one.html") as page:
        yield page


def test_a_guided_step_drives_the_figure(guided: Explorer) -> None:
    text = guided.figure.locator(".guide-text")
    assert "What the class token looks at" in text.inner_text()
    assert text.locator("code").inner_text() == "blocks[2]"
    assert (guided.state["layer"], guided.state["head"], guided.state["query"]) == (2, "mean", "class")


def test_a_question_hides_its_result_until_the_reader_has_chosen(guided: Explorer) -> None:
    guided.button("Next").click()
    assert guided.state["hide"] == []
    assert guided.button("Next").is_disabled()
    guided.button("Nothing").click()
    assert len(guided.state["hide"]) == 24
    assert "Not quite. It sees less." in guided.figure.locator(".guide-text").inner_text()
    guided.button("Next").click()
    assert guided.state["hide"] == []
    guided.button("Back").click()
    assert len(guided.state["hide"]) == 24  # an answered question shows its result again


def test_going_back_takes_back_what_a_step_changed_and_leaves_what_the_reader_chose(guided: Explorer) -> None:
    guided.button("eight").click()
    guided.button("Next").click()
    guided.button("Nothing").click()
    assert len(guided.state["hide"]) == 24
    guided.button("Back").click()
    assert (guided.state["hide"], guided.state["layer"], guided.state["image"]) == ([], 2, "eight")


def test_the_right_choice_is_said_to_be_right(guided: Explorer) -> None:
    guided.button("Next").click()
    guided.button("The prediction").click()
    assert "Right. It sees less." in guided.figure.locator(".guide-text").inner_text()


def test_a_link_leads_back_to_the_state(chromium: Any, figures_base: str) -> None:
    address = f"{figures_base}/one.html"
    wanted = {
        "view": "prediction",
        "layer": 0,
        "head": "mean",
        "query": "class",
        "hide": [1, 2],
        "headsOff": ["0.1", "3.2"],
        "temperature": 2,
    }
    with opened(chromium, address) as page:
        explorer = Explorer(page)
        explorer.set(**wanted, move=list(range(48, -1, -1)), image="seven", positions=False)
        link, state, probabilities = explorer.js("e.link()"), explorer.state, explorer.probabilities
    with opened(chromium, f"{address}#explorer:{link}") as page:
        again = Explorer(page)
        assert again.state == state
        np.testing.assert_array_equal(again.probabilities, probabilities)


def test_a_link_into_a_guided_figure_is_stronger_than_its_first_step(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/guided.html#guided:layer=3&query=20") as page:
        assert (Explorer(page).state["layer"], Explorer(page).state["query"]) == (3, 20)


def test_a_link_carries_the_reader_s_drawing(chromium: Any, figures: Path) -> None:
    address = f"{figures.as_uri()}/one.html"
    with opened(chromium, address) as page:
        explorer = Explorer(page)
        explorer.radio("Tool", "draw")
        explorer.drag(10, 17, 24, 31, 38)
        link, probabilities = explorer.js("e.link()"), explorer.probabilities
    with opened(chromium, f"{address}#explorer:{link}") as page:
        again = Explorer(page)
        assert again.state["image"] == "drawn"
        np.testing.assert_array_equal(again.probabilities, probabilities)


def test_a_spoilt_link_opens_the_figure_as_far_as_it_can(chromium: Any, figures: Path) -> None:
    with opened(
        chromium, f"{figures.as_uri()}/one.html#explorer:layer=99&head=x&query=-4&move=1-1&view=nowhere&hide=a&evil=1"
    ) as page:
        explorer = Explorer(page)
        assert (explorer.state["layer"], explorer.state["view"], explorer.state["query"], explorer.state["move"]) == (
            3,
            "attention",
            "class",
            None,
        )
        assert page.faults == []


def test_the_link_button_offers_the_address(page: Any) -> None:
    explorer = Explorer(page)
    explorer.set(layer=1)
    explorer.figure.evaluate(
        "f => f.querySelector('[data-ready]').addEventListener('vt-copied', (e) => { globalThis.copied = e.detail; })"
    )
    explorer.button("Link").click()
    page.wait_for_function("() => globalThis.copied")
    assert page.evaluate("copied").endswith("one.html#explorer:layer=1")


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"layer": 3, "head": "mean", "query": "class"},
        {"show": "received", "layer": 1, "head": 2},
        {"show": "received", "layer": 1, "head": "mean"},
        {"show": "rollout", "layer": 3, "query": "class"},
        {"view": "positions", "query": 8},
        {"view": "positions", "query": "class"},
        {"hide": [3, 4, 24], "temperature": 2},
        {"move": list(range(48, -1, -1)), "positions": False},
        {"headsOff": ["0.0", "2.3"], "scale": 0},
        {"scale": 1, "temperature": 0.5, "hide": [0], "headsOff": ["1.1"], "positions": False, "move": [1, 0, *range(2, 49)]},
    ],
    ids=str,
)  # fmt: skip
def test_the_copied_python_computes_what_the_page_shows(page: Any, state: dict[str, Any]) -> None:
    explorer = Explorer(page)
    defaults = {
        "view": "attention",
        "show": "query",
        "image": "three",
        "layer": 2,
        "head": 1,
        "query": 24,
        "temperature": 1,
        "scale": 0.5,
    }
    explorer.set(**{**defaults, "hide": [], "move": None, "positions": True, "headsOff": [], **state})
    code = explorer.js("e.python()")
    names: dict[str, Any] = {}
    with torch.no_grad():
        exec(code, names)
    shown = names["shown"].reshape(-1)[-49:].numpy()
    np.testing.assert_allclose(explorer.map_values(), shown, atol=6e-4, err_msg=code)
    np.testing.assert_allclose(explorer.probabilities, names["probabilities"], atol=1e-4, err_msg=code)


def test_the_copied_python_contains_the_reader_s_drawing(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/one.html") as page:
        explorer = Explorer(page)
        explorer.radio("Tool", "draw")
        explorer.drag(10, 17, 24, 31, 38)
        names: dict[str, Any] = {}
        with torch.no_grad():
            exec(explorer.js("e.python()"), names)
        np.testing.assert_allclose(explorer.probabilities, names["probabilities"], atol=1e-4)


@pytest.mark.parametrize(("name", "model", "image"), [("one", "digits28", "three"), ("photos", "photos32", "coffee")])
def test_the_page_shows_pytorch_s_attention(chromium: Any, figures: Path, name: str, model: str, image: str) -> None:
    with opened(chromium, f"{figures.as_uri()}/{name}.html") as page:
        explorer = Explorer(page)
        vit = load_page_model(model)
        with torch.no_grad(), record_attention(vit) as maps:
            probabilities = vit(open_picture(model, image))[0].softmax(-1)
        explorer.set(image=image)
        np.testing.assert_allclose(explorer.probabilities, probabilities, atol=1e-4)
        for layer, head, query in [(0, 0, 0), (1, 2, 20), (3, 3, 48)]:
            explorer.set(layer=layer, head=head, query=query)
            np.testing.assert_allclose(explorer.map_values(), maps[layer][0, head, 1 + query, 1:], atol=6e-4)
