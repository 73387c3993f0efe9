"""What a recipe's head promises is what its record says."""

from __future__ import annotations

import copy

import pytest

from book import recipe_heads
from vit_tutorial.training.record import read_record


def test_every_recipe_says_first_what_it_buys(capsys: pytest.CaptureFixture[str]) -> None:
    assert recipe_heads.main(["--check"]) == 0, f"{capsys.readouterr().out}run: python -m book.recipe_heads --write"


def test_another_result_time_or_command_of_the_record_is_another_head() -> None:
    record = read_record("digits")
    heads = [recipe_heads.head("digits", record)]
    for metric, key in (("test_accuracy", "mean"), ("train_seconds", "mean")):
        changed = copy.deepcopy(record)
        changed["metrics"][metric][key] *= 0.9
        heads.append(recipe_heads.head("digits", changed))
    heads.append(recipe_heads.head("digits", {**record, "command": "vit-tutorial train digits"}))
    assert len({tuple(lines) for lines in heads}) == len(heads)


def test_a_new_head_takes_the_place_of_the_old_one_and_nothing_else() -> None:
    text = "# an old head\n# of two lines\ntitle: A recipe\n# a remark\nlr: 1\n"
    assert recipe_heads.written(text, ["# new"]) == "# new\ntitle: A recipe\n# a remark\nlr: 1\n"


def test_a_recipe_without_a_record_says_what_it_waits_for_or_that_it_depends_on_the_images() -> None:
    assert "it waits for a GPU" in recipe_heads.head("cifar10", None)[0]
    assert recipe_heads.head("image_folder", None)[1] == "# vit-tutorial train image_folder --data FOLDER"
