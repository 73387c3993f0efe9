"""Image classification with a teacher: the labels, and what another trained classifier says of the same image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vit_tutorial.cnn import ConvNet
from vit_tutorial.data import Splits
from vit_tutorial.heads.distillation import DistilledClassifier
from vit_tutorial.losses.distillation import hard_distillation, soft_distillation
from vit_tutorial.patches import in_pixels, pair
from vit_tutorial.tasks.classification import Classification
from vit_tutorial.training.recipe import Recipe
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.weights import load_classifier, read_extra

Answers = Tensor | tuple[Tensor, Tensor]


class Teacher(nn.Module):
    """A trained classifier that takes a student's inputs [B, C, H, W]: it sees the same pixels by the mean and std that it knows itself.

    Args:
        model: gives logits [B, K] of images normalised by ``mean`` and ``std``; never trained.
        mean, std: of each channel, those that the teacher was trained with.
        of_student: (mean, std) of each channel by which the student's inputs were normalised.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        model: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
        of_student: tuple[Sequence[float], Sequence[float]],
    ) -> None:
        super().__init__()
        self.model = model.requires_grad_(False)
        own_mean, own_std, mean_there, std_there = (
            torch.tensor(values).view(1, -1, 1, 1) for values in (mean, std, *of_student)
        )
        self.register_buffer("scale", std_there / own_std)
        self.register_buffer("shift", (mean_there - own_mean) / own_std)
        self.eval()

    def train(self, mode: bool = True) -> Teacher:
        """Stays in evaluation mode."""
        return super().train(False)

    def forward(self, inputs: Tensor) -> Tensor:
        answers: Tensor = self.model(inputs * self.scale + self.shift)
        return answers


class Distillation(Classification):
    """(1 - w) cross-entropy against the labels + w of the teacher's part: its class as a label, or with a temperature its softened probabilities.

    The teacher sees the image as the student does, augmented and mixed, and is never trained. Where labels are smoothed, weighed or adjusted,
    the teacher's answers are not (Touvron et al. 2021, section 4). In validation and test there are labels only.

    Args:
        recipe, root, download, splits: as of :class:`Classification`.

    Raises:
        FileNotFoundError: there is no such teacher.
        ValueError: its classes or images are not those of the data; as :class:`Classification`.
    """

    def __init__(
        self,
        recipe: Recipe,
        root: str | Path | None = None,
        download: bool = False,
        splits: Splits | None = None,
    ) -> None:
        super().__init__(recipe, root, download, splits)
        self.teacher: Teacher | None = None  # read when the run begins, which knows its seed
        if "{seed}" not in recipe.teacher:  # a wrong one shows now
            self.read_teacher(recipe.teacher)

    def read_teacher(self, path: str) -> Teacher:
        """The teacher, which takes images as this task prepares them, without gradients. Raises as the class."""
        file = teacher_file(path)
        if not file.is_file():
            raise FileNotFoundError(f"no teacher {file}; train one first, and set teacher to its run's folder")
        model, about = load_classifier(file), read_extra(file)
        config = model.config
        classes = about.get("classes", [])
        if classes != self.splits.classes:
            raise ValueError(
                f"the teacher {file} names {len(classes)} classes ({', '.join(classes[:3])}, ...), the data has {len(self.splits.classes)} "
                f"({', '.join(self.splits.classes[:3])}, ...); take a teacher that was trained on these classes in this order"
            )
        size, wanted = pair(config.img_size), self.splits.train[0][0].shape
        if (not isinstance(model, ConvNet) and size != tuple(wanted[1:])) or config.in_chans != wanted[0]:
            raise ValueError(
                f"the teacher {file} takes images of {config.in_chans} x {in_pixels(size)}, the data has {wanted[0]} x "
                f"{in_pixels((wanted[1], wanted[2]))}; take a teacher that was trained on such images"
            )
        return Teacher(model, about["mean"], about["std"], (self.splits.mean, self.splits.std))

    def sources(self, seed: int) -> dict[str, str]:
        """The SHA-256 of the teacher's file: a run that goes on with another teacher would be neither's student."""
        file = teacher_file(self.recipe.teacher.replace("{seed}", str(seed)))
        return {"teacher": hashlib.sha256(file.read_bytes()).hexdigest()} if file.is_file() else {}

    def build_model(self) -> nn.Module:
        """The student: the recipe's model, with a second head where the teacher has a token of its own."""
        seed = torch.initial_seed()  # the seed that was set last is the run's
        model = super().build_model()
        self.teacher = self.read_teacher(self.recipe.teacher.replace("{seed}", str(seed)))
        if not self.recipe.teacher_token:
            return model
        assert isinstance(model, VisionTransformer)  # the recipe has asked for a vit
        return DistilledClassifier(model)

    def prepare(self, images: Tensor, labels: Tensor, train: bool) -> tuple[Tensor, Any]:
        """As of classification; while training the targets are {"labels", "images"}, for the teacher to look at."""
        inputs, targets = super().prepare(images, labels, train)
        return inputs, {"labels": targets, "images": inputs} if train else targets

    def loss(self, outputs: Answers, targets: Any) -> Tensor:
        """The two parts of the loss, of logits [B, K] of one head or of (head, second head)."""
        by_label, by_teacher = outputs if isinstance(outputs, tuple) else (outputs, outputs)
        w, temperature = self.recipe.teacher_weight, self.recipe.teacher_temperature
        answers = self.ask(targets["images"])
        if temperature:
            taught = soft_distillation(by_teacher.float(), answers.float(), temperature)
        else:
            taught = hard_distillation(by_teacher, answers)
        return (1 - w) * super().loss(by_label, targets["labels"]) + w * taught

    @torch.no_grad()
    def ask(self, inputs: Tensor) -> Tensor:
        """The teacher's logits [B, K] of the student's inputs."""
        assert self.teacher is not None
        answers: Tensor = self.teacher.to(inputs.device)(inputs)
        return answers

    def counted(self, targets: Any) -> float:
        """By what the mean of `loss` was divided: the number of images."""
        return len(targets["labels"])


def teacher_file(path: str) -> Path:
    """The model in a run's folder, or the file itself."""
    return Path(path) / "model.safetensors" if Path(path).is_dir() else Path(path)
