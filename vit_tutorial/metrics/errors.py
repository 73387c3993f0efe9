"""Where a classifier is wrong: each class by itself, what is mixed up, and the mistakes it was surest of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClassScore:
    """One class: its images, how many were called so, how many of both, and the two shares (None where there is no image to divide by)."""

    name: str
    images: int
    called: int
    right: int

    @property
    def recall(self) -> float | None:
        """Share of the class's images that were found."""
        return self.right / self.images if self.images else None

    @property
    def precision(self) -> float | None:
        """Share of what was called so that is so."""
        return self.right / self.called if self.called else None


@dataclass(frozen=True)
class Mistake:
    """One image that was called wrongly: its place in the data set, both names, and the probability of the wrong one."""

    index: int
    true: str
    called: str
    confidence: float


def class_scores(confusion: Tensor, classes: list[str]) -> list[ClassScore]:
    """The scores of each class from a confusion matrix [K, K] (rows are true classes)."""
    counts = zip(confusion.sum(1).tolist(), confusion.sum(0).tolist(), confusion.diag().tolist())
    return [ClassScore(name, *numbers) for name, numbers in zip(classes, counts, strict=True)]


def worst_confusions(confusion: Tensor, classes: list[str], limit: int) -> list[tuple[str, str, int]]:
    """(true class, what it was called, how often), the most frequent first; at most `limit`, none that never happened."""
    off = confusion.clone().fill_diagonal_(0)
    order = off.flatten().argsort(descending=True, stable=True)[:limit].tolist()
    pairs = [divmod(index, len(classes)) for index in order]
    return [(classes[i], classes[j], int(off[i, j])) for i, j in pairs if off[i, j]]


def confident_mistakes(logits: Tensor, targets: Tensor, classes: list[str], limit: int) -> list[Mistake]:
    """The wrong answers with the highest probability, the surest first.

    These are worth a look one by one: many of them are wrong labels, odd crops, or images of two things.

    Args:
        logits: [N, K].
        targets: [N] class numbers.
        limit: how many at most.
    """
    confidence, called = logits.float().softmax(1).max(1)
    wrong = torch.nonzero(called != targets)[:, 0]
    order = wrong[confidence[wrong].argsort(descending=True, stable=True)][:limit].tolist()
    return [Mistake(i, classes[targets[i]], classes[called[i]], confidence[i].item()) for i in order]
