"""A recipe: every choice of a training run, in one flat YAML file."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml

RECIPES = Path(__file__).parent.parent / "recipes"


class RecipeError(ValueError):
    """A recipe is unknown, or a field of it is; the message names what is known."""


@dataclass(frozen=True)
class Recipe:
    """Every choice of a training run. The defaults are plain: no augmentation, no regularisation but weight decay.

    What is trained:
        name: the recipe's name, which is its file's.
        title: one line for people.
        task: "classification".
        data: "digits", "digits_blocks", "mnist", "mnist_10k", "fashion_mnist", "cifar10", "digit_photos" or "image_folder".
        train_share: share of the training split that is used, in (0, 1], the same of each class; the other splits stay whole.
        variant: for an image folder, a sentence that says exactly which images these are.
        on_bad: "stop" at an image file that cannot be read, or "skip" it.
        on_leak: "stop" at an image that is in two splits or in two classes of a folder, or "drop" it where it does harm.
        split: how the missing splits of a folder are cut: "hash" by the images' contents, so that none moves when others are added (what a
            recipe file of a folder does if it does not say), or "shuffle" by chance (what runs did before there was a choice).
        group_by: keep images of a folder that have one origin in one split: "folder" for those of one folder below their class, or a
            regular expression of their paths, as "patient[0-9]+"; empty for none.
        value_range: of 16-bit images, what becomes black and white: "full" is 0 to 65535, "data" what the training images hold, "auto" is
            "data" where "full" would leave fewer than 64 of 256 levels.
        arch: "vit", or "cnn" for the convolutional network to compare with.
        model: fields of `ViTConfig` (img_size, patch_size, embed_dim, depth, num_heads, drop_path_rate, ...), or
            "size" (tiny, small, base, large) and the fields that differ; for a cnn, fields of `CNNConfig` (widths, depth).
            in_chans and num_classes come from the data.

    How long, and with what step:
        epochs: passes over the training split.
        batch_size: images a step, over all processes together; the last, smaller batch of an epoch is left out.
        optimizer: "adamw", "adam", "sgd", or "muon" (Muon for the blocks' matrices, AdamW for the rest; see `MuonAdamW`).
        lr: peak learning rate.
        weight_decay: on matrices only (see `parameter_groups`).
        layer_decay: layer l of L learns with lr * layer_decay^(L + 1 - l), the head with lr (see `parameter_groups`); 1 for none.
        betas: AdamW's two averaging factors; SGD takes the first as its momentum.
        schedule: "cosine", "constant" or "step", each after the warm-up.
        warmup_epochs: length of the linear warm-up, may be a fraction.
        min_lr: last learning rate of the cosine.
        milestones, gamma: "step" multiplies by gamma when these fractions of the training have passed.
        clip_grad: largest global norm of the gradient; 0 does not clip.

    Regularisation and augmentation (drop path and dropout are model fields):
        label_smoothing: e in (1 - e) * one-hot + e / K.
        ema_decay: d of the weights' moving average, which is then what is evaluated and saved; 0 for none.
        shift: largest translation in pixels. rotate: largest rotation in degrees. hflip: probability of mirroring.
        crop_padding: pixels of padding before a random crop. rand_augment: (operations, magnitude 0..30), or None.
        random_resized_crop: (smallest, largest) share of an image that is cut out and resized, or None.
        mixup, cutmix: alpha of their Beta distribution, 0 for none. random_erasing: probability.

    Selection (on the validation split; the test split is scored once, at the end):
        eval_every: epochs between two evaluations.
        patience: stop after so many evaluations without a better one; None never stops early.

    Machine:
        device: "auto", "cpu", "cuda" or "mps". precision: "fp32" or "bf16". compile: use torch.compile.
        threads: CPU threads, None for torch's choice. workers: processes that decode images of a folder.
        checkpoint_every_seconds, checkpoint_every_steps: whichever comes first; None switches one off.
        seeds: the seeds of the recorded runs.
    """

    name: str
    title: str = ""
    task: str = "classification"
    data: str = "digits"
    train_share: float = 1.0
    variant: str = ""
    on_bad: str = "stop"
    on_leak: str = "stop"
    split: str = "shuffle"
    group_by: str = ""
    value_range: str = "auto"
    arch: str = "vit"
    model: dict[str, Any] = field(default_factory=dict)

    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.05
    layer_decay: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "cosine"
    warmup_epochs: float = 0.0
    min_lr: float = 0.0
    milestones: tuple[float, ...] = (0.6, 0.8)
    gamma: float = 0.1
    clip_grad: float = 1.0

    label_smoothing: float = 0.0
    ema_decay: float = 0.0
    shift: float = 0.0
    rotate: float = 0.0
    hflip: float = 0.0
    crop_padding: int = 0
    rand_augment: tuple[int, int] | None = None
    random_resized_crop: tuple[float, float] | None = None
    mixup: float = 0.0
    cutmix: float = 0.0
    random_erasing: float = 0.0

    eval_every: int = 1
    patience: int | None = None

    device: str = "auto"
    precision: str = "fp32"
    compile: bool = False
    threads: int | None = None
    workers: int = 0
    checkpoint_every_seconds: float | None = 60.0
    checkpoint_every_steps: int | None = None
    seeds: tuple[int, ...] = (0, 1, 2)

    def to_dict(self) -> dict[str, Any]:
        """All fields, as JSON knows them (lists for tuples)."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Recipe:
        """The inverse of `to_dict`. Raises RecipeError for an unknown field or a wrong type."""
        return cls(name=str(content["name"])).with_(**{key: value for key, value in content.items() if key != "name"})

    def with_(self, **overrides: Any) -> Recipe:
        """A copy with some fields changed; `with_(**{"model.depth": 6})` changes one field of the model."""
        model = dict(self.model)
        changes: dict[str, Any] = {}
        for key, value in overrides.items():
            key, _, inner = key.replace("__", ".").partition(".")
            if inner and key != "model":
                raise RecipeError(f"field {key!r} has no inner fields; only model has, as in model.depth")
            if inner:
                model[inner] = _number(value)
            elif key == "model":
                model = {name: _number(item) for name, item in _mapping(value).items()}
            else:
                changes[key] = _convert(key, value)
        return _checked(replace(self, model=model, **changes))


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
        content = _mapping(yaml.safe_load(path.read_text(encoding="utf-8")))
        recipe = Recipe.from_dict({**content, "name": path.stem})  # the file's name is the recipe's name
    except (yaml.YAMLError, UnicodeDecodeError, RecipeError) as error:
        raise RecipeError(f"{path} is not a recipe: {error}") from error
    recipe = recipe.with_(**overrides)
    if recipe.data == "image_folder" and "split" not in {**content, **overrides}:
        recipe = recipe.with_(split="hash")  # the field's default is what runs did that do not know the field
    return recipe


def list_recipes() -> list[str]:
    """The names of the recipes that come with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


CHOICES = {
    "arch": ("vit", "cnn"),
    "optimizer": ("adamw", "adam", "sgd", "muon"),
    "schedule": ("cosine", "constant", "step"),
    "precision": ("fp32", "bf16"),
    "on_bad": ("stop", "skip"),
    "on_leak": ("stop", "drop"),
    "split": ("hash", "shuffle"),
    "value_range": ("auto", "full", "data"),
}
POSITIVE = ("epochs", "batch_size", "lr", "eval_every")


def _checked(recipe: Recipe) -> Recipe:
    for key, allowed in CHOICES.items():
        if getattr(recipe, key) not in allowed:
            raise RecipeError(f"{key} is {getattr(recipe, key)!r}; choose {', '.join(allowed)}")
    for key in POSITIVE:
        if getattr(recipe, key) <= 0:
            raise RecipeError(f"{key} is {getattr(recipe, key)}; it must be larger than 0")
    if not 0 <= recipe.ema_decay < 1:
        raise RecipeError(f"ema_decay is {recipe.ema_decay}; it must be in [0, 1)")
    if not 0 < recipe.train_share <= 1:
        raise RecipeError(f"train_share is {recipe.train_share}; it must be above 0 and at most 1")
    if not 0 < recipe.layer_decay <= 1:
        raise RecipeError(f"layer_decay is {recipe.layer_decay}; it must be above 0 and at most 1")
    if recipe.arch == "cnn" and recipe.layer_decay != 1:
        raise RecipeError(f"layer_decay is {recipe.layer_decay}, but only a vit knows it; leave it out for arch cnn")
    if not 0 <= recipe.label_smoothing < 1:
        raise RecipeError(f"label_smoothing is {recipe.label_smoothing}; it must be in [0, 1)")
    return recipe


def _convert(key: str, value: Any) -> Any:
    """A value from YAML or the command line as the field's type ("1e-3" is a string to YAML 1.1)."""
    hints = get_type_hints(Recipe)
    if key not in hints:
        near = difflib.get_close_matches(key, hints, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known fields: {', '.join(hints)}"
        raise RecipeError(f"unknown field {key!r} in a recipe; {remedy}")
    hint = hints[key]
    if type(None) in get_args(hint):  # "int | None"
        if value is None:
            return None
        hint = get_args(hint)[0]
    try:
        return _as(hint, value)
    except (TypeError, ValueError) as error:
        expected = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
        raise RecipeError(f"field {key!r} is {value!r}; expected {expected}") from error


def _as(kind: Any, value: Any) -> Any:
    """The value as str, bool, int, float or a tuple of those. Raises TypeError or ValueError if it is none."""
    if kind in (str, bool):
        if not isinstance(value, kind):
            raise TypeError
        return value
    if get_origin(kind) is tuple:
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        kinds = get_args(kind)
        if kinds[-1] is Ellipsis:
            kinds = kinds[:1] * len(items)
        return tuple(_as(inner, item) for inner, item in zip(kinds, items, strict=True))
    number = kind(value)
    if isinstance(value, bool) or number != float(value):  # shift: true, or epochs: 1.5
        raise ValueError
    return number


def _number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RecipeError(f"expected fields and values (lr: 0.001), got {value!r}")
    return dict(value)
