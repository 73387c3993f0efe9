"""Metrics of classification: plain functions of tensors.

Over many batches, add up confusion matrices (they are counts) and divide once at the end: the mean of per-batch
accuracies is wrong when the last batch is smaller.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def topk_correct(logits: Tensor, targets: Tensor, k: int = 1) -> Tensor:
    """Which rows have the true class among the k largest logits.

    Args:
        logits: [B, K].
        targets: [B] class numbers.
        k: at most K.

    Returns:
        [B] of bool.

    Raises:
        ValueError: k is larger than the number of classes, or the shapes do not belong together.
    """
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(f"expected logits [B, K] and targets [B], got {list(logits.shape)} and {list(targets.shape)}")
    if not 1 <= k <= logits.shape[1]:
        raise ValueError(f"top-{k} of {logits.shape[1]} classes does not exist; choose k from 1 to {logits.shape[1]}")
    return (logits.topk(k, dim=1).indices == targets[:, None]).any(dim=1)


def accuracy(logits: Tensor, targets: Tensor, k: int = 1) -> float:
    """Top-k accuracy, the fraction of rows whose true class is among the k largest logits. Shapes as `topk_correct`."""
    return topk_correct(logits, targets, k).double().mean().item()


def confusion_matrix(predictions: Tensor, targets: Tensor, num_classes: int) -> Tensor:
    """M[i, j] = number of samples of class i that were called j.

    Args:
        predictions: [B] class numbers.
        targets: [B] class numbers.
        num_classes: K.

    Returns:
        [K, K] of int64; rows are true classes, columns predicted ones (scikit-learn's convention).
    """
    pairs = targets.flatten().long() * num_classes + predictions.flatten().long()  # bytes would overflow
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def accuracy_from_confusion(confusion: Tensor) -> float:
    """Accuracy from counts, trace(M) / sum(M)."""
    return confusion.trace().item() / confusion.sum().item()


def recall_per_class(confusion: Tensor) -> Tensor:
    """Recall of each class, M[i, i] / sum_j M[i, j]: [K]; NaN for a class with no sample."""
    return confusion.diag() / confusion.sum(dim=1)


def wilson_interval(share: float, n: int, q: float = 1.96) -> tuple[float, float]:
    """Interval for the true share of successes when a share of n trials succeeded.

    (a + q^2/2n -+ q sqrt(a(1-a)/n + q^2/4n^2)) / (1 + q^2/n); q = 1.96 covers the truth with a probability of about 0.95 (Wilson 1927).

    Args:
        share: a, from 0 to 1.
        n: trials, at least 1.
        q: quantile of the standard normal.

    Returns:
        (low, high), within 0 and 1.

    Raises:
        ValueError: the share is not from 0 to 1, or there is no trial.
    """
    if not 0 <= share <= 1 or n < 1:
        raise ValueError(f"a share from 0 to 1 of at least one trial is needed, got {share} of {n}")
    centre, half = share + q**2 / (2 * n), q * math.sqrt(share * (1 - share) / n + q**2 / (4 * n**2))
    scale = 1 + q**2 / n
    return max((centre - half) / scale, 0.0), min((centre + half) / scale, 1.0)
