"""A recipe: every choice of a training run, in one flat YAML file that states what differs from the defaults."""

from __future__ import annotations

import difflib
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import yaml

from vit_tutorial.cnn import CNNConfig, UNetConfig
from vit_tutorial.config import Config, setting
from vit_tutorial.heads.config import SegmenterConfig
from vit_tutorial.heads.multitask import MultiTaskConfig
from vit_tutorial.pretraining.config import PretrainingConfig
from vit_tutorial.vit import SIZES, ViTConfig

RECIPES = Path(__file__).parent.parent / "recipes"
TRAINED, STEP, AUGMENTED, CHOSEN = (
    "what is trained",
    "how long, and with what step",
    "regularisation and augmentation",
    "selection",
)
WORDS, MACHINE = "for people", "machine"  # these two groups do not enter a run's definition
CLASSES, MASKS, UNLABELLED, SEVERAL = "classification", "segmentation", "pretraining", "multitask"
IMAGES = f"{CLASSES} or {UNLABELLED}"  # tasks that read whole images with a class each
FOLDERS = f"{IMAGES} or {SEVERAL}"  # tasks that read folders of such
NESTED = ("model", "pretraining", "multitask")  # fields that hold fields of their own


class RecipeError(ValueError):
    """A recipe is unknown, or a field of it is, or a value of a field; the message names what is known or allowed."""


@dataclass(frozen=True)
class Recipe(Config):
    """Every choice of a training run. The defaults are plain: no augmentation, no regularisation but weight decay.

    The fields define the experiment, except those of the groups "for people" and "machine": these may change between two halves of a
    run. `vit-tutorial train --fields` prints them all.
    """

    error: ClassVar[type[ValueError]] = RecipeError

    name: str
    title: str = setting("", "one line about it", group=WORDS)
    variant: str = setting("", "for an image folder, a sentence that says exactly which images these are", group=WORDS)
    seeds: tuple[int, ...] = setting((0, 1, 2), "seeds of the recorded runs", "[0, inf)", group=WORDS)

    task: str = setting(CLASSES, "what the model learns", one_of=(CLASSES, MASKS, UNLABELLED, SEVERAL), group=TRAINED)
    data: str = setting(
        "digits",
        "for classification and pretraining digits, digits_blocks, mnist, mnist_10k, fashion_mnist, cifar10, digit_photos, or image_folder for one's own images; "
        "for segmentation digit_scenes, camvid, voc, coco, or mask_folder for one's own images with masks, in a folder or a COCO file; for multitask "
        "digit_scenes, cifar10 or image_folder for CIFAR-10's classes with attributes, or table for one's own images in a folder with labels.csv",
        group=TRAINED,
    )
    train_share: float = setting(
        1.0,
        "share of the training split that is used, the same of each class; the other splits stay whole",
        "(0, 1]",
        group=TRAINED,
        of=IMAGES,
    )
    on_bad: str = setting(
        "stop",
        "what to do at an image file that cannot be read, or at a faulty annotation of a COCO file",
        one_of=("stop", "skip"),
        group=TRAINED,
    )
    on_leak: str = setting(
        "stop",
        "what to do at an image that is in two splits or in two classes of a folder; drop it where it does harm",
        one_of=("stop", "drop"),
        group=TRAINED,
        of=FOLDERS,
    )
    split: str = setting(
        "shuffle",
        "how the missing splits of a folder are cut: by the images' contents, so that none moves when others are added (a recipe of a "
        "folder that does not say), or by chance (runs from before there was a choice)",
        one_of=("hash", "shuffle"),
        group=TRAINED,
        of=FOLDERS,
    )
    group_by: str = setting(
        "",
        "keeps images of a folder that have one origin in one split: folder for those of one folder below their class, or a regular "
        "expression of their paths, such as patient[0-9]+; empty for none",
        group=TRAINED,
        of=FOLDERS,
    )
    mask_suffix: str = setting(
        "", "what stands behind an image's name in its mask's: _mask for a.jpg and a_mask.png", group=TRAINED, of=MASKS
    )
    drawn_on: str = setting(
        "ask",
        "of photographs that a camera turned: whether masks lie on them as they are seen (upright) or as their file has them (stored); "
        "ask stops where their sizes do not tell",
        one_of=("ask", "upright", "stored"),
        group=TRAINED,
        of=MASKS,
    )
    value_range: str = setting(
        "auto",
        "of 16-bit images, what becomes black and white: full is 0 to 65535, data what the training images hold, auto is data where full "
        "would leave fewer than 64 of 256 levels",
        one_of=("auto", "full", "data"),
        group=TRAINED,
        of=FOLDERS,
    )
    arch: str = setting(
        "vit",
        "a ViT, or the convolutional network to compare with: for segmentation a U-Net",
        one_of=("vit", "cnn"),
        group=TRAINED,
    )
    model: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {},
        "its fields: of ViTConfig (img_size, patch_size, embed_dim, depth, num_heads, drop_path_rate, ...), or size (tiny, small, base, large) and "
        "the fields that differ; of CNNConfig (widths, depth) or UNetConfig (widths) for a cnn; a segmenter also has those of SegmenterConfig (head, "
        "head_cells, head_depth, ...). in_chans and num_classes come from the data",
        group=TRAINED,
    )
    multitask: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {},
        "several tasks at once: fields of MultiTaskConfig (weights, weighting, own_tokens, labelled, ...)",
        group=TRAINED,
        of=SEVERAL,
    )

    pretraining: dict[str, Any] = setting(  # noqa: RUF009 - it is copied
        {},
        "what is learned without labels: method (mae, dino, contrastive) and the other fields of PretrainingConfig that differ",
        group=TRAINED,
        of=UNLABELLED,
    )
    pretrained: str = setting(
        "",
        "a file of weights, or the folder of a run, from which the encoder starts; {seed} in it stands for the run's seed; empty for none",
        group=TRAINED,
        of=CLASSES,
    )
    frozen: bool = setting(
        False, "train the head alone on the encoder as it is (a linear probe)", group=TRAINED, of=CLASSES
    )
    teacher: str = setting(
        "",
        "a trained classifier, ViT or CNN, whose answers are learnt beside the labels: its file or its run's folder; {seed} as in pretrained; empty for none",
        group=TRAINED,
        of=CLASSES,
    )
    teacher_weight: float = setting(
        0.5, "share of the teacher's part in the loss, the labels have the rest", "[0, 1]", group=TRAINED, of=CLASSES
    )
    teacher_temperature: float = setting(
        0.0,
        "T of the teacher's softened probabilities; 0 takes the class that it names as a second label",
        "[0, inf)",
        group=TRAINED,
        of=CLASSES,
    )
    teacher_token: bool = setting(
        False,
        "the teacher's answer is learnt by a second head, from the first register token (see DistilledClassifier; model.reg_tokens of at least 1)",
        group=TRAINED,
        of=CLASSES,
    )

    epochs: int = setting(10, "passes over the training split", "[1, inf)", group=STEP)
    batch_size: int = setting(
        64,
        "images a step, over all processes together; an epoch's last, smaller batch is left out",
        "[1, inf)",
        group=STEP,
    )
    optimizer: str = setting(
        "adamw",
        "muon takes Muon for the blocks' matrices and AdamW for the rest (see MuonAdamW)",
        one_of=("adamw", "adam", "sgd", "muon"),
        group=STEP,
    )
    lr: float = setting(1e-3, "peak learning rate", "(0, inf)", group=STEP)
    weight_decay: float = setting(0.05, "on matrices only (see parameter_groups)", "[0, inf)", group=STEP)
    layer_decay: float = setting(
        1.0,
        "d: layer l of L learns with lr * d^(L + 1 - l), the head with lr (see parameter_groups)",
        "(0, 1]",
        group=STEP,
    )
    betas: tuple[float, float] = setting(
        (0.9, 0.999), "AdamW's averaging factors; SGD takes the first as its momentum", "[0, 1)", group=STEP
    )
    schedule: str = setting(
        "cosine",
        "of the learning rate, after the warm-up; wsd is warm-up, stable, decay",
        one_of=("cosine", "constant", "step", "linear", "plateau", "one_cycle", "wsd"),
        group=STEP,
    )
    warmup_epochs: float = setting(
        0.0,
        "length of the linear warm-up, may be a fraction; of one_cycle the length of its rise",
        "[0, inf)",
        group=STEP,
    )
    min_lr: float = setting(
        0.0,
        "last learning rate of a schedule that falls smoothly, lowest of plateau; at most lr",
        "[0, inf)",
        group=STEP,
    )
    milestones: tuple[float, ...] = setting(
        (0.6, 0.8),
        "step multiplies by gamma when these shares of the training have passed",
        "(0, 1)",
        ascending=True,
        group=STEP,
    )
    gamma: float = setting(0.1, "factor at each milestone, or at each cut of plateau", "(0, 1]", group=STEP)
    plateau_patience: int = setting(
        10, "plateau cuts when more evaluations in a row than these brought no better score", "[0, inf)", group=STEP
    )
    decay_share: float = setting(0.2, "share of the training, at its end, in which wsd falls", "(0, 1]", group=STEP)
    clip_grad: float = setting(1.0, "largest global norm of the gradient; 0 does not clip", "[0, inf)", group=STEP)
    precision: str = setting("fp32", "number format of matrix products", one_of=("fp32", "bf16"), group=STEP)
    compile: bool = setting(False, "compile the model with torch.compile", group=STEP)

    patch_drop_until: float = setting(
        1.0,
        "model.patch_drop_rate ends when this share of the training has passed, and the rest sees whole images",
        "(0, 1]",
        group=AUGMENTED,
        of=CLASSES,
    )
    label_smoothing: float = setting(0.0, "e in (1 - e) * one-hot + e / K", "[0, 1)", group=AUGMENTED, of=CLASSES)
    dice: float = setting(0.0, "weight of the Dice loss beside cross-entropy", "[0, inf)", group=AUGMENTED, of=MASKS)
    focal_gamma: float = setting(
        0.0,
        "pixels that are right count less, by (1 - p)^gamma; 0 is cross-entropy",
        "[0, inf)",
        group=AUGMENTED,
        of=MASKS,
    )
    class_balance: float = setting(
        0.0,
        "a class weighs (median frequency / its frequency)^this in the loss; 0 weighs all images, or pixels, alike",
        "[0, 1]",
        group=AUGMENTED,
    )
    logit_adjustment: float = setting(
        0.0,
        "while training, this times the log of a class's frequency is added to its logit; 1 for classes of unequal number that are to "
        "count alike, 0 for none",
        "[0, inf)",
        group=AUGMENTED,
        of=CLASSES,
    )
    ema_decay: float = setting(
        0.0,
        "d of the weights' moving average, which is then what is evaluated and saved; 0 for none",
        "[0, 1)",
        group=AUGMENTED,
    )
    shift: float = setting(0.0, "largest translation in pixels", "[0, inf)", group=AUGMENTED)
    rotate: float = setting(0.0, "largest rotation in degrees", "[0, 180]", group=AUGMENTED)
    hflip: float = setting(0.0, "probability of mirroring", "[0, 1]", group=AUGMENTED)
    crop_padding: int = setting(0, "pixels of padding before a random crop", "[0, inf)", group=AUGMENTED, of=CLASSES)
    rand_augment: tuple[int, int] | None = setting(
        None, "operations an image, and their magnitude", ("[1, inf)", "[0, 30]"), group=AUGMENTED, of=CLASSES
    )
    random_resized_crop: tuple[float, float] | None = setting(
        None,
        "smallest and largest share of an image that is cut out and resized",
        "(0, 1]",
        ascending=True,
        group=AUGMENTED,
        of=CLASSES,
    )
    scale_jitter: tuple[float, float] | None = setting(
        None,
        "smallest and largest factor by which an image is scaled with its mask before a window is laid at random",
        "(0, inf)",
        ascending=True,
        group=AUGMENTED,
        of=MASKS,
    )
    color_jitter: float = setting(
        0.0, "largest relative change of brightness, contrast and saturation", "[0, 1]", group=AUGMENTED, of=MASKS
    )
    mixup: float = setting(0.0, "alpha of its Beta distribution, 0 for none", "[0, inf)", group=AUGMENTED, of=CLASSES)
    cutmix: float = setting(0.0, "alpha of its Beta distribution, 0 for none", "[0, inf)", group=AUGMENTED, of=CLASSES)
    random_erasing: float = setting(0.0, "probability of erasing a rectangle", "[0, 1]", group=AUGMENTED, of=CLASSES)

    eval_every: int = setting(1, "epochs between two evaluations on the validation split", "[1, inf)", group=CHOSEN)
    patience: int | None = setting(
        None, "stop after so many evaluations without a better one; null never stops early", "[1, inf)", group=CHOSEN
    )

    device: str = setting(
        "auto", "where to compute: cpu, cuda, cuda:1, mps; auto takes a GPU where there is one", group=MACHINE
    )
    micro_batch: int | None = setting(
        None,
        "images that go through the model at a time, in each process, where a whole batch needs too much memory; their gradients are added up to "
        "that of the batch (gradient accumulation), so only batch normalisation, Dice and what is random inside the model see it",
        "[1, inf)",
        group=MACHINE,
    )
    threads: int | None = setting(None, "threads of the CPU; null leaves torch its choice", "[1, inf)", group=MACHINE)
    workers: int = setting(0, "processes that decode images of a folder", "[0, inf)", group=MACHINE)
    checkpoint_every_seconds: float | None = setting(
        60.0, "seconds between two checkpoints; null for none by time", "[0, inf)", group=MACHINE
    )
    checkpoint_every_steps: int | None = setting(
        None, "steps between two checkpoints; null for none by steps", "[1, inf)", group=MACHINE
    )

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
            object.__setattr__(self, "pretraining", checked_pretraining(self.pretraining))
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


def checked_pretraining(fields: dict[str, Any]) -> dict[str, Any]:
    """The objective's fields that differ from their defaults, and its method. Raises RecipeError for an unknown field or a wrong value."""
    try:
        return PretrainingConfig.from_dict(fields).given()
    except ValueError as error:
        raise RecipeError(str(error) if str(error).startswith("unknown") else f"pretraining.{error}") from error


def checked(config: type[Config], field: str, values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a nested mapping that are given, converted to their types. Raises RecipeError for an unknown field or a wrong value."""
    try:
        whole = config.from_dict(values).to_dict()
    except ValueError as error:
        raise RecipeError(f"{field}: {error}") from error
    return {name: whole[name] for name in values}


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


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RecipeError(f"expected fields and values (lr: 0.001), got {value!r}")
    return dict(value)
