"""Several tasks at once: one encoder, a head and a loss a task, and one number in the end."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vit_tutorial.data import VOID, Splits, augment_pairs, normalize
from vit_tutorial.data.attributes import with_attributes
from vit_tutorial.data.scene_tasks import SCENE_TASKS, scene_tasks
from vit_tutorial.data.table import label_table
from vit_tutorial.enlarge import classes_of_pixels
from vit_tutorial.heads.multitask import MultiTask, MultiTaskConfig, Output
from vit_tutorial.losses.multitask import by_gradient_norm, by_uncertainty, mean_loss, summed_loss, weighted
from vit_tutorial.metrics.multitask import MAIN, answered, scores, sums, why_no_score
from vit_tutorial.patches import pair
from vit_tutorial.tasks.classification import fields_for_images, image_size
from vit_tutorial.tasks.classification import load_splits as load_classes
from vit_tutorial.training.evaluation import Task
from vit_tutorial.training.recipe import Recipe, RecipeError
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights.multitask import load_multitask, save_multitask

SCENES = (3000, 300, 1000)  # for training, validation and test
HIDDEN_SEED = 20260  # of the choice of images that keep a label; every training seed gets the same
Targets = dict[str, Tensor]


class MultiTaskLearning(Task):
    """The tasks of one data set, learned together; the mean of what each is judged by chooses the weights (see `metrics.multitask.MAIN`).

    Args:
        recipe: names the data, the model, and in ``multitask`` the tasks and how their losses are weighed (see `MultiTaskConfig`).
        root: the data root, or the folder of one's own data.
        download: let torchvision download what is missing.
        splits, outputs: data in place of the recipe's, whose targets are a dict, and what each of its tasks asks.

    Raises:
        ValueError: a task is unknown, has nothing to learn in the training split or no score in the validation split, or cannot be augmented as
            the recipe says; the images do not fit the model. FileNotFoundError: the data is not there.
    """

    best_by = "score"

    def __init__(
        self,
        recipe: Recipe,
        root: str | Path | None = None,
        download: bool = False,
        splits: Splits | None = None,
        outputs: dict[str, Output] | None = None,
    ) -> None:
        self.recipe, self.settings = recipe, MultiTaskConfig.from_dict(recipe.multitask)
        if splits is None or outputs is None:
            splits, outputs = load_tasks(recipe, root, download)
        chosen = self.settings.weights or dict.fromkeys(outputs, 1.0)
        if unknown := [name for name in {**chosen, **self.settings.labelled} if name not in outputs]:
            raise RecipeError(f"there is no task {unknown[0]!r} in {splits.name}; its tasks are {', '.join(outputs)}")
        if self.settings.weighting == "gradnorm" and recipe.micro_batch:
            raise RecipeError(
                f"micro_batch is {recipe.micro_batch}, but gradnorm compares the gradients of a whole batch; leave it out"
            )
        self.weights = {name: float(chosen[name]) for name in outputs if name in chosen}
        targets = {name: splits.train.targets[name] for name in self.weights}
        for name, share in self.settings.labelled.items():
            if name in targets:
                targets[name] = with_few_labels(outputs[name].kind, targets[name], share)
        train = replace(splits.train, targets=targets)
        val, test = (
            replace(s, targets={name: s.targets[name] for name in self.weights}) for s in (splits.val, splits.test)
        )
        self.splits = replace(splits, train=train, val=val, test=test)
        self.outputs = {name: standardised(outputs[name], targets[name], name) for name in self.weights}
        for name, output in self.outputs.items():
            if why := why_no_score(output.kind, val.targets[name]):
                raise RecipeError(
                    f"the task {name!r} has {why} in the validation split, so it has no {MAIN[output.kind]} there, and nothing could choose "
                    f"the weights; give some validation images answers, or leave it out of multitask.weights"
                )
        self.shares = {name: share_answered(self.outputs[name].kind, targets[name]) for name in self.weights}
        self.config = model_config(recipe, self.splits, self.outputs, self.settings)
        moves = [field for field in ("hflip", "shift", "rotate") if getattr(recipe, field)]
        fixed = [name for name, output in self.outputs.items() if output.kind == "numbers"]
        if moves and fixed:
            raise RecipeError(
                f"{moves[0]} moves the images, but nothing moves the numbers of {fixed[0]} with them; set it to 0"
            )

    def build_model(self) -> MultiTask:
        """The recipe's encoder and heads with fresh weights from torch's global random numbers."""
        s = self.settings
        return MultiTask(VisionTransformer(self.config), self.outputs, s.own_tokens, s.cells, s.weighting)

    def prepare(self, images: Tensor, targets: Targets, train: bool) -> tuple[Tensor, Targets]:
        """uint8 images [B, C, H, W] and targets -> normalised images, and targets with numbers as the model answers them."""
        mean, std, r = self.splits.mean, self.splits.std, self.recipe
        ready = {name: self._standardise(name, target) for name, target in targets.items()}
        if not train:
            return normalize(images, mean, std), ready
        masks = [name for name, output in self.outputs.items() if output.kind == "mask"]
        moved: Any = ready[masks[0]] if masks else torch.zeros_like(images[:, 0])
        inputs, moved = augment_pairs(images, moved, mean, std, hflip=r.hflip, shift=r.shift, rotate=r.rotate)
        return inputs, {**ready, **{name: moved for name in masks[:1]}}

    def losses(self, outputs: dict[str, Tensor], targets: Targets) -> dict[str, Tensor]:
        """Each task's mean loss of a batch, see `mean_loss`: 0 for one without a label in it."""
        return {
            name: mean_loss(output.kind, outputs[name], targets[name], self.shares[name])
            for name, output in self.outputs.items()
        }

    def loss(self, outputs: dict[str, Tensor], targets: Targets) -> Tensor:
        """The losses added up as the recipe says; outputs of a model in training."""
        losses = list(self.losses(outputs, targets).values())
        if self.settings.weighting == "uncertainty":
            return by_uncertainty(losses, outputs["task_weights"])
        if self.settings.weighting == "gradnorm":
            start = [first_loss(output) for output in self.outputs.values()]
            return by_gradient_norm(losses, outputs["task_weights"], outputs["shared"], start, self.settings.alpha)
        return weighted(losses, list(self.weights.values()))

    def counted(self, targets: Targets) -> float:
        """By what the mean of `loss` was divided: the number of images."""
        return len(next(iter(targets.values())))

    def count(self, outputs: dict[str, Tensor], targets: Targets) -> dict[str, Tensor]:
        """Sums over one batch, of each task: those of `metrics.multitask.sums`, the loss, and the units that have an answer."""
        found = {}
        for name, output in self.outputs.items():
            answers = outputs[name].float()
            if output.kind == "mask":
                answers = classes_of_pixels(answers, (targets[name].shape[-2], targets[name].shape[-1]))
            found[f"{name}/sums"] = sums(output.kind, answers, targets[name], len(output.names))
            found[f"{name}/loss"] = summed_loss(output.kind, outputs[name], targets[name])
            found[f"{name}/units"] = answered(output.kind, targets[name]).sum()
        return found

    def metrics(self, totals: dict[str, Tensor]) -> dict[str, float]:
        """Of each task what `scores` gives and its mean loss, as TASK_METRIC; ``score``, the mean of what each is judged by; the weighted loss.

        What the data's answers do not give (see `why_no_score`) is left out, and then also score and loss, which would be of other tasks than elsewhere.
        """
        found: dict[str, float] = {}
        loss = 0.0
        for name, output in self.outputs.items():
            if not totals[f"{name}/units"]:
                continue
            of_task = scores(output.kind, totals[f"{name}/sums"])
            if "error" in of_task:  # in standard deviations; in the numbers' own units
                of_task["error"] *= sum(output.std) / len(output.std)
            of_task["loss"] = (totals[f"{name}/loss"] / totals[f"{name}/units"]).item()
            loss += self.weights[name] * of_task["loss"]
            found |= {f"{name}_{metric}": value for metric, value in of_task.items() if math.isfinite(value)}
        keys = [f"{name}_{MAIN[output.kind]}" for name, output in self.outputs.items()]
        if any(key not in found for key in keys):
            return found
        judged = [found[key] for key in keys]
        return {"score": sum(judged) / len(judged), "loss": loss, **found}

    def remarks(self, seed: int) -> list[str]:
        """Of which tasks the test split can say nothing."""
        return [
            f"the task {name!r} has {why} in the test split, so it has no {MAIN[output.kind]} there, and the test split no score"
            for name, output in self.outputs.items()
            if (why := why_no_score(output.kind, self.splits.test.targets[name]))
        ]

    def save(self, model: nn.Module, path: Path) -> None:
        """Write the model with all that is needed to use it on an image: what its tasks ask, mean and std."""
        extra: dict[str, Any] = {
            "classes": self.splits.classes,
            "mean": list(self.splits.mean),
            "std": list(self.splits.std),
            "recipe": self.recipe.to_dict(),
            "data": self.splits.variant,
        }
        if self.splits.remembered is not None:
            extra["split"] = self.splits.remembered.to_dict()
        save_multitask(model, path, extra)

    def load(self, path: Path) -> MultiTask:
        """Read what `save` wrote."""
        return load_multitask(path)

    def _standardise(self, name: str, target: Tensor) -> Tensor:
        output = self.outputs[name]
        if output.kind != "numbers":
            return target.long()
        return (target - target.new_tensor(output.mean)) / target.new_tensor(output.std)


def load_tasks(
    recipe: Recipe, root: str | Path | None = None, download: bool = False
) -> tuple[Splits, dict[str, Output]]:
    """The data that a recipe names, whose targets are a dict, and what each task asks.

    Raises:
        RecipeError: an unknown name. FileNotFoundError: the data is not there.
    """
    if recipe.data == "digit_scenes":
        return scene_tasks(SCENES), SCENE_TASKS
    if recipe.data in ("cifar10", "image_folder"):
        return with_attributes(load_classes(recipe, root, download))
    if recipe.data == "table":
        if root is None:
            raise RecipeError("data: table needs to know the folder with labels.csv; give it with --data FOLDER")
        size = pair(image_size(recipe.model["img_size"])) if "img_size" in recipe.model else None
        kinds = MultiTaskConfig.from_dict(recipe.multitask).kinds
        return label_table(root, kinds, size, recipe.model.get("in_chans", 3))
    raise RecipeError(
        f"unknown data {recipe.data!r}; for several tasks choose digit_scenes, cifar10, image_folder or table"
    )


def model_config(recipe: Recipe, splits: Splits, outputs: dict[str, Output], settings: MultiTaskConfig) -> ViTConfig:
    """The recipe's model fields with the data's size and channels, and with ``own_tokens`` as many registers as tasks want a token.

    Raises:
        ValueError: a field is unknown, or img_size is not the images' size.
    """
    fields = fields_for_images(recipe, splits.name, splits.train[0][0])
    fields["num_classes"] = 0
    if settings.own_tokens:
        of_image = sum(output.kind != "mask" for output in outputs.values())
        fields.setdefault("reg_tokens", max(of_image - int(fields.get("class_token", True)), 0))
    size = fields.pop("size", None)
    return ViTConfig.named(size, **fields) if size else ViTConfig.from_dict(fields)


def with_few_labels(kind: str, targets: Tensor, share: float, seed: int = HIDDEN_SEED) -> Tensor:
    """The targets of a training split with those of all but a share of the images taken away: a smaller share is a part of a larger one.

    Raises:
        ValueError: no image would keep its label.
    """
    n = len(targets)
    if (keep := round(share * n)) < 1:
        raise ValueError(f"a share of {share} leaves none of {n} images a label; use at least {1 / n:.2g}")
    hidden = torch.from_numpy(np.random.RandomState(seed).permutation(n)[keep:])
    few = targets.clone()
    few[hidden] = {"mask": VOID, "numbers": math.nan}.get(kind, -1)
    return few


def share_answered(kind: str, targets: Tensor) -> float:
    """The share of all units (images, questions, numbers, pixels) that have an answer."""
    return answered(kind, targets).double().mean().item()


def standardised(output: Output, targets: Tensor, name: str) -> Output:
    """What a task asks, with the mean and the spread of its numbers in the training split.

    Raises:
        ValueError: the training split has no answer of the task, or of a number always the same.
    """
    known = answered(output.kind, targets)
    if not known.any():
        raise ValueError(
            f"the task {name!r} has no label in the training split, so nothing can be learned of it; label some images, or leave it "
            f"out of multitask.weights"
        )
    if output.kind != "numbers":
        return output
    if not known.any(0).all():
        missing = output.names[int((~known.any(0)).nonzero()[0])]
        raise ValueError(
            f"the number {missing!r} of the task {name!r} is never given in the training split; leave it out"
        )
    columns = [column[of_column].double() for column, of_column in zip(targets.T, known.T)]
    std = tuple(column.std(correction=0).item() for column in columns)
    if 0 in std:
        raise ValueError(
            f"the number {output.names[std.index(0)]!r} of the task {name!r} is the same in all training images, so there is nothing to learn; "
            f"leave it out"
        )
    return replace(output, mean=tuple(column.mean().item() for column in columns), std=std)


def first_loss(output: Output) -> float:
    """The loss of a model that knows nothing: log K of K classes, log 2 of yes or no, and 1/2 of numbers of variance 1."""
    if output.kind == "numbers":
        return 0.5
    return math.log(2 if output.kind == "labels" else max(len(output.names), 2))
