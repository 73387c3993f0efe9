"""Scores of several tasks: which answers are known, sums over a batch, and what is divided from them at the end.

The kinds of task and their targets are those of ``heads.multitask.Output``: class [B], labels [B, K], numbers [B, K], mask [B, H, W]. A unit
is what has one answer: an image, a yes-or-no question, a number, a pixel. A unit without an answer (-1, NaN, 255) counts nowhere.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vit_tutorial.metrics.classification import accuracy_from_confusion, confusion_matrix
from vit_tutorial.metrics.segmentation import VOID, mean_iou, pixel_accuracy, pixel_confusion

MAIN = {"class": "accuracy", "labels": "f1", "numbers": "r2", "mask": "miou"}  # by which a task is judged: 1 is perfect


def answered(kind: str, targets: Tensor) -> Tensor:
    """Which units have an answer: bool, the shape of the targets."""
    if kind == "mask":
        return targets != VOID
    return ~targets.isnan() if kind == "numbers" else targets >= 0


def why_no_score(kind: str, targets: Tensor) -> str:
    """What keeps the targets of a whole split from giving the score of `MAIN`, in words; empty where nothing does."""
    known = answered(kind, targets)
    if not known.any():
        return "no label"
    if kind == "labels" and not (targets > 0).any():
        return "no yes"
    if kind == "numbers" and any(len(column[a].unique()) < 2 for column, a in zip(targets.T, known.T)):
        return "fewer than two different values of a number"
    return ""


def sums(kind: str, answers: Tensor, targets: Tensor, num_classes: int) -> Tensor:
    """The sums of one batch from which :func:`scores` divides; they may be added over batches.

    Args:
        answers: of the model; of a mask the class that each pixel is called, [B, H, W].
        num_classes: K, of a class or a mask.

    Returns:
        class: the confusion matrix [K, K]; labels: true positives, false positives, false negatives and true negatives [4, K]; numbers, in the
        targets' units: n, sum y, sum y^2, sum e^2 and sum |e| with e = answer - y [5, K]; mask: the confusion matrix of pixels [K, K].
    """
    known = answered(kind, targets)
    if kind == "class":
        return confusion_matrix(answers[known].argmax(1), targets[known], num_classes)
    if kind == "mask":
        return pixel_confusion(answers, targets, num_classes)
    if kind == "labels":
        called, true = answers > 0, targets > 0
        return torch.stack(
            [(a & b & known).sum(0) for a, b in ((called, true), (called, ~true), (~called, true), (~called, ~true))]
        )
    y = targets.double().where(known, 0)
    e = (answers.double() - y) * known
    return torch.stack([known.double().sum(0), y.sum(0), y.square().sum(0), e.square().sum(0), e.abs().sum(0)])


def scores(kind: str, totals: Tensor) -> dict[str, float]:
    """What a task is judged by.

    class: accuracy. labels: F1 = 2 TP / (2 TP + FP + FN) over all questions together, and the accuracy of the answers. numbers:
    R^2 = 1 - sum e^2 / sum (y - mean y)^2, the mean over the numbers, and the mean of |e|. mask: mIoU and accuracy of pixels. Not finite where
    :func:`why_no_score` has a reason.
    """
    if kind == "class":
        return {"accuracy": accuracy_from_confusion(totals) if totals.sum() else float("nan")}
    if kind == "mask":
        return {"miou": mean_iou(totals), "accuracy": pixel_accuracy(totals)}
    if kind == "labels":
        tp, fp, fn, tn = totals.double().sum(1)
        f1 = (
            (2 * tp / (2 * tp + fp + fn)).item() if tp + fn else float("nan")
        )  # without a yes to be found there is none
        return {"f1": f1, "accuracy": ((tp + tn) / (tp + fp + fn + tn)).item()}
    n, y, y2, e2, e1 = totals
    r2 = 1 - e2 / (y2 - y.square() / n)
    return {"r2": r2.mean().item(), "error": (e1.sum() / n.sum()).item()}
