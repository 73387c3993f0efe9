"""Losses of segmentation: each pixel is a classification, void pixels do not count, and the masks as a whole may count, too.

Logits come as [B, K, H, W], a score a class a pixel, or as a segmenter's ``patch_logits`` [B, K, rows, columns]. Those are enlarged to the
size of the targets, bilinearly and in pieces: the same loss for a fraction of the time and memory (see ``vit_tutorial.enlarge``).

Targets are class numbers [B, H, W], or void. Everything is computed in float32, also under autocast.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_tutorial.enlarge import PixelLoss, enlarge, pieces, sum_over_pixels
from vit_tutorial.metrics.segmentation import VOID


def cross_entropy(
    logits: Tensor,
    targets: Tensor,
    weight: Tensor | None = None,
    void: int = VOID,
    label_smoothing: float = 0.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """The mean over counted pixels i of -log p_i(t_i), with p_i = softmax of the pixel's logits.

    With class weights w it is sum_i -w(t_i) log p_i(t_i) / sum_i w(t_i). It is ``F.cross_entropy(..., ignore_index=void)``, except where
    every pixel is void: there it is 0 with gradient 0, and not NaN.

    Args:
        logits: [B, K, H, W] or [B, K, rows, columns]. targets: [B, H, W].
        weight: [K], 0 or more.
        void: the label that does not count.
        label_smoothing: s, from 0 to 1; the target is (1 - s) times the true class and s / K of every class.
        reduction: "sum" leaves out the division, for sums over several batches; divide by the sum of their :func:`count_pixels`.

    Returns:
        A scalar, float32.

    Raises:
        ValueError: shapes do not belong together, a label is neither a class nor void, or the weights are not of K classes.
    """
    check(logits, targets, void, weight)

    def of_pixels(scores: Tensor, labels: Tensor) -> Tensor:
        class_weight = None if weight is None else weight.to(scores.dtype)
        return F.cross_entropy(
            scores, labels, class_weight, ignore_index=void, label_smoothing=label_smoothing, reduction="sum"
        )

    return _mean_or_sum(of_pixels, logits, targets, weight, void, reduction)


def focal_loss(
    logits: Tensor,
    targets: Tensor,
    gamma: float = 2.0,
    weight: Tensor | None = None,
    void: int = VOID,
    reduction: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """Cross-entropy that looks away from what is already right: the mean of -(1 - p_i(t_i))^gamma log p_i(t_i).

    Lin et al. 2017, "Focal Loss for Dense Object Detection", equations 4 and 5, with a softmax over K classes in place of their sigmoid;
    ``weight`` is their alpha. With gamma = 0 it is :func:`cross_entropy`, by whose number it is divided as well.

    Args:
        gamma: 0 or more; 2 in the paper. The others, the result and what it raises: as in :func:`cross_entropy`.

    Raises:
        ValueError: gamma is negative.
    """
    check(logits, targets, void, weight)
    if not gamma >= 0:
        raise ValueError(f"gamma is {gamma}; it must be 0 or more (2 in the paper)")

    def of_pixels(scores: Tensor, labels: Tensor) -> Tensor:
        plain = F.cross_entropy(scores, labels, ignore_index=void, reduction="none")  # [n, r, W], 0 where void
        # 1 - p, exact also for p near 1; at p = 1 a gamma below 1 would have an infinite slope
        missing = (-torch.expm1(-plain)).clamp(min=1e-7)
        losses = missing**gamma * plain
        return (losses if weight is None else losses * _weight_of_pixels(weight, labels, void)).sum()

    return _mean_or_sum(of_pixels, logits, targets, weight, void, reduction)


def dice_loss(logits: Tensor, targets: Tensor, weight: Tensor | None = None, void: int = VOID) -> Tensor:
    """1 - the mean over classes k of D_k = 2 sum_i p_i(k) [t_i = k] / (sum_i p_i(k) + sum_i [t_i = k]): the overlap of soft masks.

    The sums run over the counted pixels of the whole batch, not image by image, so the loss of a batch is not the mean of its images'. A
    class that none of them shows is left out of the mean: its overlap would be 0 whatever is predicted, and pixels that are called so
    are missed by their own classes. With no class left (all void) the loss is 0 with gradient 0.

    Milletari et al. 2016, "V-Net", section 3, for K classes, and with p in the denominator instead of its square.

    Args:
        logits: [B, K, H, W] or [B, K, rows, columns]. targets: [B, H, W].
        weight: [K], 0 or more: of the classes in the mean.
        void: the label that does not count.

    Returns:
        A scalar from 0 to 1, float32.

    Raises:
        ValueError: as :func:`cross_entropy`.
    """
    check(logits, targets, void, weight)
    K, size = logits.shape[1], (targets.shape[1], targets.shape[2])

    def overlaps(p: Tensor, labels: Tensor) -> Tensor:
        """[2, K]: the sum of p(k) where t = k, and that of all p(k)."""
        counted = labels != void  # [n, r, W]
        index = labels.where(counted, 0)
        p_true = p.gather(1, index[:, None])[:, 0] * counted
        both = p.new_zeros(K).index_add(0, index.flatten(), p_true.flatten())
        return torch.stack([both, torch.einsum("nkrw,nrw->k", p, counted.to(p.dtype))])

    # Dice needs the sums over all pixels before the gradient of any: one round for the sums S, then, with the slopes dDice / dS, one for
    # the gradient, which is that of the linear function sum(dDice / dS * S).
    with torch.no_grad(), torch.autocast(logits.device.type, enabled=False):
        parts = [overlaps(enlarge(logits[i], size, r).softmax(1), targets[i, r]) for i, r in pieces(logits, size)]
    true = torch.bincount(targets[targets != void], minlength=K)
    with torch.enable_grad():
        sums = torch.stack(parts).sum(0).requires_grad_()
        share = (true > 0).to(sums.dtype) if weight is None else (true > 0) * weight.to(sums)
        dice = 2 * sums[0] / (sums[1] + true).clamp(min=1e-7)
        loss = (share * (1 - dice)).sum() / _or_one(share.sum())
        (slopes,) = torch.autograd.grad(loss, sums)
    if not (torch.is_grad_enabled() and logits.requires_grad):
        return loss.detach()
    linear = sum_over_pixels(
        lambda scores, labels: (slopes * overlaps(scores.softmax(1), labels)).sum(), logits, targets
    )
    return loss.detach() + linear - linear.detach()


def combined_loss(
    logits: Tensor,
    targets: Tensor,
    cross_entropy_weight: float = 1.0,
    dice_weight: float = 1.0,
    focal_weight: float = 0.0,
    gamma: float = 2.0,
    weight: Tensor | None = None,
    void: int = VOID,
) -> Tensor:
    """A sum of the three losses above, each times its weight; one of weight 0 is not computed.

    Cross-entropy sees every pixel alone and is dominated by what covers most of them; Dice sees a class's mask as a whole, however small.

    Args:
        cross_entropy_weight, dice_weight, focal_weight: 0 or more, not all 0.
        gamma: of the focal loss. weight: [K], of the classes, for all three. The others as in :func:`cross_entropy`.

    Raises:
        ValueError: a weight is negative, or all are 0.
    """
    amounts = (cross_entropy_weight, dice_weight, focal_weight)
    if min(amounts) < 0 or max(amounts) == 0:
        raise ValueError(
            f"the weights of cross-entropy, Dice and focal loss are {amounts}; they must be 0 or more, one above 0"
        )
    parts = []
    if cross_entropy_weight:
        parts.append(cross_entropy_weight * cross_entropy(logits, targets, weight, void))
    if dice_weight:
        parts.append(dice_weight * dice_loss(logits, targets, weight, void))
    if focal_weight:
        parts.append(focal_weight * focal_loss(logits, targets, gamma, weight, void))
    return torch.stack(parts).sum()


def count_pixels(targets: Tensor, weight: Tensor | None = None, void: int = VOID) -> Tensor:
    """By what the mean is divided: the number of pixels that are not void, or the sum of their classes' weights. A scalar, float32."""
    if weight is None:
        return (targets != void).sum().float()
    return _weight_of_pixels(weight, targets, void).sum()


def check(logits: Tensor, targets: Tensor, void: int, weight: Tensor | None) -> None:
    """Refuse what does not belong together. Raises ValueError."""
    if logits.ndim != 4 or targets.ndim != 3 or len(logits) != len(targets):
        raise ValueError(
            f"expected logits [B, K, H, W] and targets [B, H, W], got {list(logits.shape)} and {list(targets.shape)}"
        )
    if targets.dtype != torch.int64:
        raise ValueError(f"targets are {targets.dtype}; class numbers are int64: targets.long()")
    K = logits.shape[1]
    if weight is not None and weight.shape != (K,):
        raise ValueError(f"weight is {list(weight.shape)}; it must be [{K}], a number for each of the {K} classes")
    wrong = ((targets < 0) | (targets >= K)) & (targets != void)
    if wrong.any():
        raise ValueError(
            f"targets hold {int(targets[wrong][0])}, which is neither one of the {K} classes (0 to {K - 1}) nor void ({void}); "
            "map the labels to classes, name the right void label, or give the model more classes"
        )


def _mean_or_sum(
    loss: PixelLoss, logits: Tensor, targets: Tensor, weight: Tensor | None, void: int, reduction: str
) -> Tensor:
    total = sum_over_pixels(loss, logits, targets)
    return total if reduction == "sum" else total / _or_one(count_pixels(targets, weight, void))


def _weight_of_pixels(weight: Tensor, labels: Tensor, void: int) -> Tensor:
    """w(t) of each pixel, 0 where it is void."""
    counted = labels != void
    return weight.float()[labels.where(counted, 0)] * counted


def _or_one(count: Tensor) -> Tensor:
    """The count, or 1 where it is 0: nothing divided by it stays 0."""
    return count.where(count > 0, 1)
