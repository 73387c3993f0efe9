"""A recipe that trains in a second, for the tests of training."""

from __future__ import annotations

from typing import Any

from vit_tutorial.tasks import Classification
from vit_tutorial.training import Recipe, load_recipe

TINY: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 256,  # 4 steps an epoch
    "model.embed_dim": 16,
    "model.depth": 2,
    "model.num_heads": 2,
    "warmup_epochs": 1,
    "eval_every": 1,
}


def tiny(**changes: Any) -> Recipe:
    """The digits recipe, small. Fields of the model as model__depth=3."""
    return load_recipe("digits", **{**TINY, **{key.replace("__", "."): value for key, value in changes.items()}})


def tiny_task(**changes: Any) -> tuple[Classification, Recipe]:
    recipe = tiny(**changes)
    return Classification(recipe), recipe


def as_options(**changes: Any) -> list[str]:
    """The same recipe for the command line."""
    fields = {**TINY, **{key.replace("__", "."): value for key, value in changes.items()}}
    return [
        word for field, value in fields.items() for word in ("--set", f"{field}={'null' if value is None else value}")
    ]
