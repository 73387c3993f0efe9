"""Losses of several tasks: one for each kind of answer, and the ways of adding them up.

A unit is what has one answer: an image, a yes-or-no question, a number, a pixel (see ``metrics.multitask``). Each task's loss is a mean over
units, so that what one weighs does not depend on how many it has.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_tutorial.losses import segmentation
from vit_tutorial.metrics.multitask import answered


def summed_loss(kind: str, answers: Tensor, targets: Tensor) -> Tensor:
    """The sum over the units that have an answer: a scalar, float32; 0 with gradient 0 where there is none.

    class, mask: -log p(t) with p = softmax of the logits. labels: -y log p - (1 - y) log(1 - p) with p = sigmoid of the logit. numbers:
    (answer - y)^2 / 2, which is -log N(y; answer, 1) without its constant.

    Args:
        kind: "class", "labels", "numbers" or "mask". answers, targets: see ``heads.multitask.Output``.
    """
    if kind == "mask":
        return segmentation.cross_entropy(answers, targets.long(), reduction="sum")
    answers, known = answers.float(), answered(kind, targets)
    if kind == "class":
        return F.cross_entropy(answers, targets, ignore_index=-1, reduction="sum")
    if kind == "labels":
        yes = targets.clamp(min=0).float()
        return F.binary_cross_entropy_with_logits(answers, yes, known.float(), reduction="sum")
    return ((answers - targets.float()).where(known, 0).square() / 2).sum()


def mean_loss(kind: str, answers: Tensor, targets: Tensor, share: float = 1.0) -> Tensor:
    """The sum over a batch's answered units, divided by ``share`` times *all* its units.

    With ``share`` that part of all training units that has an answer, its expectation over random batches is the mean over the answered
    units. Divided by their number in the batch instead, an image's weight would depend on how many others of its batch happen to be
    labelled, and the mean over equal parts of a batch would not be that of the batch.
    """
    return summed_loss(kind, answers, targets) / (targets.numel() * share)


def weighted(losses: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """sum_t w_t L_t. A scalar; of T losses and T weights."""
    return torch.stack([w * loss for w, loss in zip(weights, losses, strict=True)]).sum()


def by_uncertainty(losses: Sequence[Tensor], log_variances: Tensor) -> Tensor:
    """sum_t exp(-s_t) L_t + s_t / 2, with s_t = log sigma_t^2 learned along with the model.

    Where a loss is a negative log likelihood of a model with noise, (y - f)^2 / 2 of a Gaussian or a cross-entropy, sigma_t^2 is the variance of
    the noise or the temperature of the softmax (Kendall et al. 2018, equation 10; for the softmax it is their approximation). With s_t
    at its best, exp(-s_t) = 1 / (2 L_t), and the sum is sum_t (1 + log(2 L_t)) / 2: it falls without bound as a loss nears 0, so a
    negative total is no mistake. Multiplying a loss by a constant then changes nothing but a constant in the sum.

    Args:
        losses: T scalars. log_variances: s [T].
    """
    stacked = torch.stack(list(losses))
    return ((-log_variances).exp() * stacked + log_variances / 2).sum()


def by_gradient_norm(
    losses: Sequence[Tensor], weights: Tensor, shared: Tensor, initial: Sequence[float], alpha: float = 1.5
) -> Tensor:
    """sum_t w_t L_t, whose gradient for the weights w is that of GradNorm's own loss (Chen et al. 2018).

    G_t = w_t |dL_t / dW| is how hard task t pulls at the shared matrix W. Each is to pull as hard as the mean, times r_t^alpha, where
    r_t = (L_t / L_t(0)) / mean_j (L_j / L_j(0)) is above 1 for a task that lags behind: the loss for w is
    sum_t |G_t - mean(G) r_t^alpha| with the goal held fixed. The value is sum_t w_t L_t; this other loss adds only its gradient.

    Args:
        losses: T scalars. weights: w [T]; they are to be made T together after each step. shared: W, the last matrix that all tasks share.
        initial: L_t(0): at the start the log of the number of classes, say. alpha: 0 asks for equal norms.
    """
    stacked = torch.stack(list(losses))
    norms = torch.stack([torch.autograd.grad(loss, shared, retain_graph=True)[0].norm() for loss in losses])
    rate = stacked.detach() / stacked.new_tensor(initial)
    pull = weights * norms  # G [T]
    goal = pull.detach().mean() * (rate / rate.mean().clamp(min=1e-12)) ** alpha
    balance = (pull - goal).abs().sum()
    return (weights.detach() * stacked).sum() + balance - balance.detach()
