"""What the guided steps of chapter 1 say of the model's answers, computed with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml

from vit_tutorial.patches import patchify, unpatchify
from vit_tutorial.widgets import load_page_model, open_picture
from vit_tutorial.widgets.models.page_model import read_page_model

STEPS = yaml.safe_load(
    (Path(__file__).parents[2] / "chapters" / "01_overview" / "look_inside.yml").read_text(encoding="utf-8")
)


@torch.no_grad()
def answers(state: dict[str, Any]) -> dict[str, float]:
    """The probability of each class for what a state shows, the largest first."""
    model, image = load_page_model("photos32"), open_picture("photos32", state["image"])
    if state["move"]:
        moved = patchify(image, model.config.patch_size)[:, state["move"]]
        image = unpatchify(moved, model.config.patch_size, model.grid_size)
    if not state["positions"]:
        model.pos_embed.data.zero_()
    tokens = model.embed(image)
    tokens = tokens[:, [token for token in range(tokens.shape[1]) if token - 1 not in state["hide"]]]
    for block in model.blocks:
        tokens = block(tokens)
    probabilities = model.forward_head(model.norm(tokens))[0].softmax(-1)
    pairs = zip(read_page_model("photos32")[0]["classes"], probabilities.tolist(), strict=True)
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def state_after(number: int) -> dict[str, Any]:
    """The state of a step, counted from 1 as on the page, with what the steps before it set."""
    return {key: value for step in STEPS[:number] for key, value in step["state"].items()}


def test_the_model_is_sure_of_the_frog_that_the_tour_begins_with() -> None:
    first, second = list(answers(state_after(1)).items())[:2]
    assert first[0] == "frog"
    assert first[1] > 5 * second[1]


def test_without_five_patches_it_says_cat_by_a_little() -> None:
    (first, p), (second, q) = list(answers(state_after(3)).items())[:2]
    assert len(state_after(3)["hide"]) == 5
    assert (first, second) == ("cat", "frog")
    assert 0 < p - q < 0.1


def test_shuffled_it_says_frog() -> None:
    first, second = list(answers(state_after(4)).items())[:2]
    assert first[0] == "frog"
    assert first[1] > second[1] + 0.2


def test_nearly_every_order_of_the_patches_is_a_frog() -> None:
    torch.manual_seed(0)
    orders = [{**state_after(4), "move": torch.randperm(64).tolist()} for _ in range(100)]
    frogs = sum(next(iter(answers(order))) == "frog" for order in orders)
    assert 85 < frogs < 100


def test_without_positions_dog_cat_and_frog_come_close_to_each_other() -> None:
    found = answers(state_after(5))
    assert next(iter(found)) == "dog"
    assert set(list(found)[:3]) == {"dog", "cat", "frog"}
    assert found["dog"] - min(found["cat"], found["frog"]) < 0.15
