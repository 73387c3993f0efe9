"""What the explorer says is so: of its positions, of silent heads, of an empty sheet, and at each step of a tour."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from explorer_page import Explorer, element, opened, page_html
from torch.nn.functional import cosine_similarity

from vit_tutorial.widgets import load_page_model

TOUR = [
    {"text": "A seven, with a patch hidden.", "state": {"image": "seven", "hide": [10], "view": "attention"}},
    {
        "question": "An eight without positions?",
        "choices": ["Eight", "Something else"],
        "answer": 1,
        "reveal": "So it is.",
        "state": {"image": "eight", "hide": [], "positions": False, "view": "prediction"},
    },
]
GUESS = [
    {"text": "A seven.", "state": {"image": "seven", "layer": 0}},
    {
        "question": "What will it say of a four?",
        "choices": ["Four", "Nine"],
        "answer": 0,
        "reveal": "There it is.",
        "state": {"image": "four", "layer": 2},
    },
]


@pytest.fixture
def digits(chromium: Any, figures: Path) -> Iterator[Explorer]:
    with opened(chromium, f"{figures.as_uri()}/one.html") as page:
        yield Explorer(page)
        assert page.faults == []


@pytest.fixture
def tour(chromium: Any, figures: Path) -> Iterator[Explorer]:
    path = figures / "tour.html"
    path.write_text(page_html(element(steps=TOUR, name="tour")), encoding="utf-8")
    with opened(chromium, path.as_uri()) as page:
        yield Explorer(page)
        assert page.faults == []


def found_beside(name: str) -> tuple[int, float]:
    """How many patches have their most similar other position beside them, and how many of random positions would."""
    model = load_page_model(name)
    rows, columns = model.grid_size
    places = model.pos_embed[0, -rows * columns :].detach()
    similar = cosine_similarity(places[:, None], places[None], dim=-1).fill_diagonal_(-2)
    at = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    beside = (at[:, None] - at).abs().amax(-1) == 1  # [N, N]
    chance = beside.sum() / (len(at) - 1)
    return int(beside[torch.arange(len(at)), similar.argmax(1)].sum()), chance.item()


@pytest.mark.parametrize(("page", "model"), [("one", "digits28"), ("photos", "photos32")])
def test_the_positions_say_how_many_neighbours_resemble_each_other_in_this_model(
    chromium: Any, figures: Path, page: str, model: str
) -> None:
    found, chance = found_beside(model)
    with opened(chromium, f"{figures.as_uri()}/{page}.html") as opened_page:
        explorer = Explorer(opened_page)
        explorer.radio("View", "positions")
        text = explorer.figure.locator(".place").inner_text()
    n = {"digits28": 49, "photos32": 64}[model]
    assert f"For {found} of the {n}, the most similar other position lies beside it" in text
    assert f"it would be about {chance:.1f}." in text


def test_an_empty_sheet_is_not_answered_and_a_stroke_is(digits: Explorer) -> None:
    digits.radio("Tool", "draw")
    assert digits.figure.locator(".bars .value").all_inner_texts() == [""] * 10
    assert digits.figure.locator(".bars .best").count() == 0
    assert "nothing drawn yet" in digits.figure.locator(".verdict-panel").inner_text()
    assert "%" not in digits.readout
    digits.drag(10, 17, 24, 31, 38)
    assert digits.figure.locator(".bars .best").count() == 1
    assert "%" in digits.figure.locator(".verdict-panel").inner_text()
    digits.button("Clear").click()
    assert "nothing drawn yet" in digits.figure.locator(".verdict-panel").inner_text()


def test_a_silent_head_is_marked_wherever_its_map_shows(digits: Explorer) -> None:
    digits.set(view="attention", layer=1, head=2, headsOff=["1.2"])
    assert "switched off" in digits.figure.locator(".panel.map .sub").inner_text()
    assert "thrown away" in digits.readout
    assert digits.figure.locator(".panel.map .board.silent").count() == 1
    marked = digits.figure.locator(".heads .head.silent")
    assert marked.count() == 1
    assert "layer 1, head 2, switched off" in str(marked.get_attribute("aria-label"))
    digits.set(head="mean")
    assert "1 of 4 switched off" in digits.figure.locator(".panel.map .sub").inner_text()
    digits.set(headsOff=[])
    assert digits.figure.locator(".silent").count() == 0
    assert "switched off" not in digits.readout


def test_a_question_shows_its_own_picture_untouched_until_it_is_answered(tour: Explorer) -> None:
    assert tour.state["hide"] == [10]
    tour.button("Next").click()
    state = copy.deepcopy(tour.state)
    assert (state["image"], state["view"], state["hide"], state["positions"]) == ("eight", "prediction", [], True)
    tour.button("Something else").click()
    assert (tour.state["image"], tour.state["positions"]) == ("eight", False)


def test_a_question_of_what_will_be_seen_shows_nothing_of_it_until_it_is_answered(chromium: Any, figures: Path) -> None:
    path = figures / "guess.html"
    path.write_text(page_html(element(steps=GUESS, name="guess")), encoding="utf-8")
    with opened(chromium, path.as_uri()) as page:
        guess = Explorer(page)
        guess.button("Next").click()
        assert (guess.state["image"], guess.state["layer"]) == ("seven", 0)
        guess.button("Nine").click()
        assert (guess.state["image"], guess.state["layer"]) == ("four", 2)
        assert page.faults == []


def test_the_end_of_a_tour_leads_to_its_beginning_with_the_questions_open_again(tour: Explorer) -> None:
    tour.button("Next").click()
    assert tour.button("Start again").is_disabled()
    tour.button("Eight").click()
    tour.button("Start again").click()
    assert "A seven" in tour.figure.locator(".guide-text").inner_text()
    assert (tour.state["image"], tour.state["hide"], tour.state["positions"]) == ("seven", [10], True)
    tour.button("Next").click()
    assert tour.figure.locator(".reveal").count() == 0
