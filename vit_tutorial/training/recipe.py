"""A recipe: every choice of a training run, in one flat YAML file that states what differs from the defaults."""

from __future__ import annotations

import difflib
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import yaml

from vit_tutorial.cnn import CNNConfig, UNetConfig
from vit_tutorial.config import Config
from vit_tutorial.heads.config import SegmenterConfig
from vit_tutorial.heads.multitask import MultiTaskConfig
from vit_tutorial.pretraining.config import PretrainingConfig
from vit_tutorial.training.recipe_fields import (
    CLASSES,
    MACHINE,
    MASKS,
    NESTED,
    SEVERAL,
    UNLABELLED,
    WORDS,
    RecipeFields,
)
from vit_tutorial.training.yaml_text import read_yaml
from vit_tutorial.vit import SIZES, ViTConfig

RECIPES = Path(__file__).parent.parent / "recipes"


class RecipeError(ValueError):
    """A recipe is unknown, or a field of it is, or a value of a field; the message names what is known or allowed."""


@dataclass(frozen=True)
class Recipe(RecipeFields):
    """Every choice of a training run. The defaults are plain: no augmentation, no regularisation but weight decay.

    The fields define the experiment, except those of the groups "for people" and "machine": these may change between two halves of a
    run. `vit-tutorial train --fields` prints them all.
    """

    error: ClassVar[type[ValueError]] = RecipeError

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.seeds)) < len(self.seeds):
            raise RecipeError(f"seeds is {list(self.seeds)}; each seed can be there once")
        if self.min_lr > self.lr:
            raise RecipeError(f"min_lr is {self.min_lr:g}; it must be at most lr, which is {self.lr:g}")
        if self.schedule == "plateau" and self.patience is not None and self.patience <= self.plateau_patience:
            raise RecipeError(
                f"patience is {self.patience}: training stops before plateau ever cuts, which takes {self.plateau_patience + 1} "
                f"evaluations without a better one; set patience to {self.plateau_patience + 2} or more, or plateau_patience lower"
            )
        if self.class_balance and self.logit_adjustment:
            raise RecipeError(
                f"class_balance is {self.class_balance:g} and logit_adjustment {self.logit_adjustment:g}: both take out how frequent the classes are, "
                "together twice; set one of them to 0"
            )
        for name in ("teacher_weight", "teacher_temperature", "teacher_token"):
            if not self.teacher and getattr(self, name) != self.known(name).default:
                raise RecipeError(f"{name} is {getattr(self, name)}, but there is no teacher; set teacher, too")
        if self.teacher_token and (self.arch == "cnn" or not self.model.get("reg_tokens")):
            raise RecipeError("teacher_token needs a vit with a register token to read; set model.reg_tokens=1")
        if self.arch == "cnn" and (self.pretrained or self.frozen):
            raise RecipeError("pretrained and frozen are for the encoder of a vit; leave them out for arch cnn")
        if self.arch == "cnn" and self.layer_decay != 1:
            raise RecipeError(f"layer_decay is {self.layer_decay}, but only a vit knows it; leave it out for arch cnn")
        if self.patch_drop_until != 1 and not self.model.get("patch_drop_rate"):
            raise RecipeError(
                f"patch_drop_until is {self.patch_drop_until}, but no patches are dropped; set model.patch_drop_rate, too"
            )
        if self.task != CLASSES and self.model.get("patch_drop_rate"):
            raise RecipeError(
                f"model.patch_drop_rate is {self.model['patch_drop_rate']}, but a {self.task} needs every patch; leave it out"
            )
        if self.shuffle_shards and self.data != "shards":
            raise RecipeError(f"shuffle_shards is {self.shuffle_shards}, but {self.data} has no shards; leave it out")
        for f in fields(self):
            known = f.metadata.get("of") or self.task
            default = f.default if f.default_factory is MISSING else f.default_factory()
            if self.task not in known.split(" or ") and getattr(self, f.name) != default:
                raise RecipeError(
                    f"{f.name} is {getattr(self, f.name)!r}, but only {known} knows it; leave it out of a {self.task}"
                )
        if self.task == UNLABELLED:
            if self.arch == "cnn":
                raise RecipeError("pretraining trains the encoder of a vit; leave arch: cnn out")
            for name in ("shift", "rotate", "class_balance"):
                if getattr(self, name):
                    raise RecipeError(
                        f"{name} is {getattr(self, name):g}, but pretraining knows neither classes nor other changes of an image than its views' "
                        "(pretraining.view_scale, jitter) and hflip; leave it out"
                    )
        if self.task == SEVERAL and self.arch == "cnn":
            raise RecipeError("arch is cnn, but several tasks share a vit; leave it out")
        object.__setattr__(self, "model", checked_model(self.task, self.arch, self.model))
        if self.task == UNLABELLED:
            object.__setattr__(self, "pretraining", checked(PretrainingConfig, "pretraining", self.pretraining))
        object.__setattr__(self, "multitask", checked(MultiTaskConfig, "multitask", self.multitask))

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Recipe:
        """The inverse of `to_dict`. Raises RecipeError for an unknown field or a wrong value."""
        return cls(name=str(content["name"])).with_(**{key: value for key, value in content.items() if key != "name"})

    def with_(self, **overrides: Any) -> Recipe:
        """A copy with some fields changed; `with_(**{"model.depth": 6})` changes one field of the model."""
        changes: dict[str, Any] = {}
        for key, value in overrides.items():
            key, _, inner = key.replace("__", ".").partition(".")
            self.known(key)
            if inner and key not in NESTED:
                raise RecipeError(
                    f"field {key!r} has no inner fields; only {', '.join(NESTED[:-1])} and {NESTED[-1]} have, as in model.depth"
                )
            changes[key] = {**changes.get(key, getattr(self, key)), inner: value} if inner else value
        return replace(self, **changes)

    def experiment(self) -> dict[str, Any]:
        """The fields that define the computation: two halves of a run have to agree in them. As `to_dict`."""
        beside = [f.name for f in fields(self) if f.metadata.get("group") in (WORDS, MACHINE)]
        return {name: value for name, value in self.to_dict().items() if name not in beside}


def checked_model(task: str, arch: str, model: dict[str, Any]) -> dict[str, Any]:
    """The model's fields, converted to their types. Raises RecipeError for an unknown field or a wrong value."""
    segments = task == MASKS
    whole: type[Config] = (UNetConfig if segments else CNNConfig) if arch == "cnn" else ViTConfig
    of_head = {f.name for f in fields(SegmenterConfig)} if segments and arch == "vit" else set()
    read = {}
    for name, value in model.items():
        if name == "size" and arch == "vit":
            if value not in SIZES:
                raise RecipeError(f"model.size is {value!r}; it must be one of {', '.join(SIZES)}")
            read[name] = value
            continue
        try:
            read[name] = (SegmenterConfig if name in of_head else whole).read(name, value)
        except ValueError as error:
            known = str(error).startswith(f"{name} is ")
            raise RecipeError(f"model.{error}" if known else str(error)) from error
    return {name: list(value) if isinstance(value, tuple) else value for name, value in read.items()}


def checked(config: type[Config], field: str, values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a nested mapping that say something (see `Config.given`), converted to their types.

    Raises:
        RecipeError: an unknown field or a wrong value.
    """
    try:
        return config.from_dict(values).given()
    except ValueError as error:
        raise RecipeError(str(error) if str(error).startswith("unknown") else f"{field}.{error}") from error


def load_recipe(name_or_path: str | Path, **overrides: Any) -> Recipe:
    """Read a recipe of this package by its name, or any recipe file by its path, and change some of its fields.

    >>> load_recipe("digits", epochs=3, **{"model.depth": 2})

    Raises:
        RecipeError: there is no such recipe or field, or a value has the wrong type; the message names the nearest.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = RECIPES / f"{name_or_path}.yaml"
    if not path.is_file():
        known = list_recipes()
        near = difflib.get_close_matches(path.stem, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise RecipeError(
            f"no recipe {str(name_or_path)!r}{hint} (known recipes: {', '.join(known)}; or give a path to a .yaml file)"
        )
    try:
        content = _mapping(read_yaml(path.read_text(encoding="utf-8")))
        recipe = Recipe.from_dict({**content, "name": path.stem})  # the file's name is the recipe's name
    except (yaml.YAMLError, UnicodeDecodeError, RecipeError) as error:
        raise RecipeError(f"{path} is not a recipe: {error}") from error
    recipe = recipe.with_(**overrides)
    if recipe.data in ("image_folder", "shards", "huggingface") and "split" not in {**content, **overrides}:
        recipe = recipe.with_(split="hash")  # the field's default is what runs did that do not know the field
    return recipe


def list_recipes() -> list[str]:
    """The names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RecipeError(f"expected fields and values (lr: 0.001), got {value!r}")
    return dict(value)
