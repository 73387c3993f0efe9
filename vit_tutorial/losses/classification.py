"""Losses of classification: one class an image, a mixture of classes, or any number of classes at once.

Each is minus the logarithm of a likelihood: of one draw out of K classes (:func:`cross_entropy`), or of K yes-or-no answers
(:func:`binary_cross_entropy`). Each is a sum over the images of a batch divided by their number B, whatever the weights are: the mean of
equal parts of a batch is that of the batch, on one process or on several.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(
    logits: Tensor, targets: Tensor, weight: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """The mean over images i of -v_i sum_k q_ik log p_ik, with p_i = softmax of the logits and q_i the smoothed target (:func:`soft_labels`).

    v_i = sum_k w_k y_ik weighs the *image* by its class, before smoothing. ``F.cross_entropy(..., weight)`` weighs each term of the sum instead, so
    that what smoothing gives a rare class counts w times as much, for images of every class: the best prediction becomes w_k q_k / sum_j w_j q_j,
    which may be another class (pytorch/pytorch#104776). It also divides by the sum of the weights, which differs from batch to batch.

    Args:
        logits: [B, K]. targets: class numbers [B], or distributions [B, K].
        weight: w [K], 0 or more; of mean 1 over the training images where the step is to keep its size.
        label_smoothing: s, from 0 to 1.

    Returns:
        A scalar; float32 under autocast.

    Raises:
        ValueError: weight is not [K], or the targets do not fit the logits.
    """
    check(logits, targets, weight)
    if weight is None:
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
    of_images = weight[targets] if targets.ndim == 1 else targets @ weight  # [B]
    losses = F.cross_entropy(logits, targets, label_smoothing=label_smoothing, reduction="none")
    return (of_images * losses).mean()


def binary_cross_entropy(
    logits: Tensor, targets: Tensor, positive_weight: Tensor | None = None, label_smoothing: float = 0.0
) -> Tensor:
    """The mean over images of the *sum* over classes of -w_k y_ik log p_ik - (1 - y_ik) log(1 - p_ik), with p_ik = sigmoid of the logit.

    K questions, each with an answer of its own: an image may have several classes, or none. ``F.binary_cross_entropy_with_logits`` takes the mean over
    the classes as well, as do timm and DeiT III by default: the same directions, K times smaller.

    Args:
        logits: [B, K]. targets: class numbers [B], or [B, K] from 0 to 1.
        positive_weight: w [K], above 0; the best probability becomes w p / (w p + 1 - p).
        label_smoothing: s; class numbers become (1 - s) one-hot + s / K, and [B, K] answers y become (1 - s) y + s / 2.

    Raises:
        ValueError: as :func:`cross_entropy`.
    """
    check(logits, targets, positive_weight)
    if targets.ndim == 1:
        answers = soft_labels(targets, logits.shape[1], label_smoothing)
    else:
        answers = (1 - label_smoothing) * targets + label_smoothing / 2
    losses = F.binary_cross_entropy_with_logits(
        logits, answers.to(logits.dtype), pos_weight=positive_weight, reduction="sum"
    )
    return losses / len(logits)


def soft_labels(targets: Tensor, num_classes: int, label_smoothing: float = 0.0) -> Tensor:
    """q = (1 - s) y + s / K: the distribution that a target stands for (Szegedy et al. 2016, section 7).

    Args:
        targets: class numbers [B], or distributions y [B, K].
        num_classes: K. label_smoothing: s, from 0 to 1.

    Returns:
        [B, K] whose rows sum to 1 if those of y do; float32 of class numbers.
    """
    y = F.one_hot(targets, num_classes).float() if targets.ndim == 1 else targets
    return (1 - label_smoothing) * y + label_smoothing / num_classes


def check(logits: Tensor, targets: Tensor, weight: Tensor | None) -> None:
    """Refuse what does not belong together. Raises ValueError."""
    B, K = logits.shape if logits.ndim == 2 else (0, 0)
    if logits.ndim != 2 or tuple(targets.shape) not in ((B,), (B, K)):
        raise ValueError(
            f"expected logits [B, K] and targets [B] or [B, K], got {list(logits.shape)} and {list(targets.shape)}"
        )
    if targets.ndim == 2 and not targets.is_floating_point():
        raise ValueError(f"targets [B, K] are {targets.dtype}; they are shares from 0 to 1: targets.float()")
    if weight is not None and weight.shape != (K,):
        raise ValueError(f"weight is {list(weight.shape)}; it must be [{K}], a number for each of the {K} classes")
