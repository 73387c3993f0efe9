"""What the guided steps of chapter 1 say of the model's answers, computed with the same weights."""

from __future__ import annotations

import yaml

from book import look_inside

STEPS = yaml.safe_load(look_inside.STEPS.read_text(encoding="utf-8"))


def test_the_guided_steps_are_what_the_model_answers() -> None:
    assert look_inside.main(["--check"]) == 0


def test_every_question_s_picture_is_answered_as_the_step_says() -> None:
    """The class that the reveal names is the one that the figure then shows."""
    asked = [step for step in STEPS if "question" in step]
    assert len(asked) == 4
    for step in asked:
        state = step["state"]
        found = look_inside.answer(state["image"], state["hide"], state["move"], state["positions"])
        assert look_inside.said(found) in step["reveal"].lower()


def test_one_picture_keeps_its_answer_in_most_orders_of_its_patches_and_another_loses_it() -> None:
    """What the page asks of: a model that uses positions for something, and not for everything."""
    firm, loose = look_inside.firm_and_loose()
    shares = {name: sum(look_inside.kept(name)) / look_inside.ORDERS for name in (firm, loose)}
    print(shares)
    assert shares[firm] > 0.8
    assert shares[loose] < 0.5


def test_the_steps_know_the_layers_of_the_model() -> None:
    assert STEPS[0]["state"]["layer"] == look_inside.load_page_model(look_inside.MODEL).config.depth - 1
