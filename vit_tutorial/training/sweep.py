"""A sweep: one recipe at several settings, each trained with several seeds on the same budget, and chosen by validation.

    title: Learning rate and batch size
    recipe: digits_blocks
    overrides: {epochs: 20}                               # in all runs
    grid: {lr: [1e-3, 3e-3], batch_size: [32, 64]}        # every combination
    seeds: [0, 1, 2]

The sweeps of this package are in `sweeps`; `sweep_runs` trains them, `sweep_record` keeps what came out.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import yaml

from vit_tutorial.config import Config, setting
from vit_tutorial.training.recipe import Recipe, RecipeError, load_recipe
from vit_tutorial.training.yaml_text import read_yaml

SWEEPS = Path(__file__).parent.parent / "sweeps"
SPENDS = ("epochs", "patience", "train_share")  # fields that change how much a run sees


class SweepError(ValueError):
    """A sweep is unknown, or something in it is wrong; the message says what is known or allowed."""


@dataclass(frozen=True)
class Point:
    """One setting of a sweep: the fields that distinguish it, and the recipe with them in it."""

    fields: dict[str, Any]
    recipe: Recipe

    @property
    def name(self) -> str:
        """Its fields as a folder's name: ``lr=0.001,batch_size=32``; ``recipe`` where there are none."""
        words = ",".join(f"{field}={_word(value)}" for field, value in self.fields.items())
        return re.sub(r"[^\w.,=+-]+", "_", words) or "recipe"


@dataclass(frozen=True)
class Sweep(Config):
    """What is compared. Every combination of the grid's values, or draws at random, or neither: the recipe alone."""

    error: ClassVar[type[ValueError]] = SweepError

    name: str
    title: str = setting("", "one line about it")
    recipe: str = setting("", "the recipe that is changed, by its name")
    overrides: dict[str, Any] = setting({}, "fields that are changed in all runs")  # noqa: RUF009 - it is copied
    grid: dict[str, Any] = setting({}, "field -> list of values; all combinations are trained")  # noqa: RUF009
    random: dict[str, Any] = setting(  # noqa: RUF009
        {}, "field -> {low, high, scale: linear or log}; whole numbers as ends draw whole numbers"
    )
    draws: int = setting(10, "how many settings a random search draws", "[1, inf)")
    draw_seed: int = setting(0, "of the random search", "[0, inf)")
    seeds: tuple[int, ...] = setting((0, 1, 2), "each setting is trained with each of them", "[0, inf)")
    budget: str = setting(
        "epochs",
        "what all runs have in common: epochs are equal numbers of images seen, whatever the batch size; steps are equal numbers of updates, "
        "for which epochs, eval_every and warm-up are stretched with the batch size; free leaves the budget to the grid",
        one_of=("epochs", "steps", "free"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.recipe:
            raise SweepError("recipe is not given; name the recipe that is changed, as in recipe: digits_blocks")
        if len(set(self.seeds)) < len(self.seeds):
            raise SweepError(f"seeds is {list(self.seeds)}; each seed can be there once")
        if self.grid and self.random:
            raise SweepError("grid and random are both given; take one of them")
        for field, values in self.grid.items():
            if not isinstance(values, list) or not values:
                raise SweepError(f"grid {field} is {values!r}; it must be a list with at least one value")
        for field, limits in self.random.items():
            object.__setattr__(self, "random", {**self.random, field: _range(field, limits)})
        changing = [field for field in SPENDS if field in {**self.grid, **self.random}]
        if self.budget != "free" and changing:
            raise SweepError(
                f"{changing[0]} changes the budget that budget: {self.budget} holds equal; leave it out, or set budget: free"
            )
        names = [point.name for point in self.points()]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise SweepError(f"the setting {twice} is there twice; give each value once")

    def base(self) -> Recipe:
        """The recipe with what is changed in all runs. Raises SweepError: no such recipe, field or value."""
        try:
            return load_recipe(self.recipe, **self.overrides)
        except RecipeError as error:
            raise SweepError(str(error)) from error

    def points(self, n_train: int | None = None) -> list[Point]:
        """The settings in the order of the file.

        Args:
            n_train: images of the training split, for which a budget of equal steps is worked out; None leaves it out.
        """
        base = self.base()
        points = []
        for fields in self._drawn() if self.random else _combinations(self.grid):
            try:
                recipe = base.with_(**fields)
            except RecipeError as error:
                raise SweepError(str(error)) from error
            if self.budget == "steps" and n_train is not None:
                recipe = at_equal_steps(recipe, base, n_train)
            points.append(Point({field: _read_back(recipe, field) for field in fields}, recipe))
        if self.budget != "free" and base.patience is not None:
            raise SweepError("patience stops runs early, so their budgets differ; set patience: null, or budget: free")
        return points

    def _drawn(self) -> list[dict[str, Any]]:
        """Settings at random: one number a field and draw, from a generator of their own. What is drawn again counts once."""
        shares = np.random.default_rng(self.draw_seed).random((self.draws, len(self.random)))
        drawn: list[dict[str, Any]] = []
        for row in shares:
            fields = {field: _between(limits, float(share)) for (field, limits), share in zip(self.random.items(), row)}
            drawn += [fields] if fields not in drawn else []
        return drawn


def at_equal_steps(recipe: Recipe, base: Recipe, n_train: int) -> Recipe:
    """The recipe with as many steps as the base has, as nearly as whole epochs allow.

    A batch k times as large needs k times the epochs; the warm-up and the time between two evaluations are stretched alike.
    """
    stretch = (n_train // base.batch_size) / max(1, n_train // recipe.batch_size)
    return recipe.with_(
        epochs=max(1, round(base.epochs * stretch)),
        warmup_epochs=recipe.warmup_epochs * stretch,
        eval_every=max(1, round(base.eval_every * stretch)),
    )


def load_sweep(name_or_path: str | Path) -> Sweep:
    """A sweep of this package by its name, or any by the path of its file. Raises SweepError: there is none, or it is faulty."""
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = SWEEPS / f"{name_or_path}.yaml"
    if not path.is_file():
        near = difflib.get_close_matches(path.stem, list_sweeps(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        known = ", ".join(list_sweeps())
        raise SweepError(
            f"no sweep {str(name_or_path)!r}{hint} (known sweeps: {known}; or give a path to a .yaml file)"
        )
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise SweepError(f"expected fields and values (recipe: digits_blocks), got {content!r}")
        return Sweep.from_dict({**content, "name": path.stem})
    except (yaml.YAMLError, UnicodeDecodeError, SweepError) as error:
        raise SweepError(f"{path} is not a sweep: {error}") from error


def list_sweeps() -> list[str]:
    """The names of the sweeps that come with the package."""
    return sorted(path.stem for path in SWEEPS.glob("*.yaml"))


def _combinations(grid: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(grid, values)) for values in itertools.product(*grid.values())]


def _read_back(recipe: Recipe, field: str) -> Any:
    """The value of a field after its conversion: the number 0.001 for the text "1e-3"."""
    return recipe.model[field.removeprefix("model.")] if field.startswith("model.") else recipe.to_dict()[field]


def _range(field: str, limits: Any) -> dict[str, Any]:
    """A range of the random search, checked; its ends as numbers."""
    try:
        low, high = (end if isinstance(end, int) else float(end) for end in (limits["low"], limits["high"]))
        scale = limits.get("scale", "linear")
        fine = low < high and scale in ("linear", "log") and (scale == "linear" or low > 0) and math.isfinite(high)
        if not fine or set(limits) - {"low", "high", "scale"}:
            raise ValueError
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise SweepError(
            f"random {field} is {limits!r}; it must be {{low: NUMBER, high: NUMBER, scale: linear or log}}, low below high, above 0 for log"
        ) from error
    return {"low": low, "high": high, "scale": scale}


def _between(limits: dict[str, Any], share: float) -> int | float:
    """The number at that share of the way from low to high, to three digits; whole between whole ends."""
    low, high = limits["low"], limits["high"]
    value = low * (high / low) ** share if limits["scale"] == "log" else low + (high - low) * share
    return round(value) if isinstance(low, int) and isinstance(high, int) else float(f"{value:.3g}")


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
