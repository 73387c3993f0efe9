"""Losses whose target is another model's answer.

Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"; Touvron et al. 2021, "Training data-efficient image transformers &
distillation through attention", section 4.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def hard_distillation(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """The mean cross-entropy against the class that the teacher names, argmax of its logits, without smoothing (Touvron et al. 2021, equation 3).

    Args:
        logits, teacher_logits: [B, K], of the same images.

    Returns:
        A scalar in nat. Raises ValueError: the shapes differ.
    """
    _check(logits, teacher_logits)
    return F.cross_entropy(logits, teacher_logits.argmax(dim=1))


def soft_distillation(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T^2 KL(q || p) with q = softmax(teacher / T), p = softmax(logits / T), the mean over the images of a batch (Touvron et al. 2021, equation 2).

    The gradient by the logits is T (p - q), of about the same size for every T that is large against the logits: hence the T^2. DeiT's code
    divides by B K where this, as the formula, divides by B, so that its soft loss is K times smaller.

    Args:
        logits, teacher_logits: [B, K], of the same images.
        temperature: T above 0.

    Returns:
        A scalar in nat. Raises ValueError: the shapes differ, or the temperature is not above 0.
    """
    _check(logits, teacher_logits)
    if not temperature > 0:
        raise ValueError(
            f"temperature is {temperature}; a soft target needs one above 0, and hard_distillation is what 0 would be"
        )
    p, q = F.log_softmax(logits / temperature, dim=1), F.log_softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * F.kl_div(p, q, reduction="batchmean", log_target=True)


def _check(logits: Tensor, teacher_logits: Tensor) -> None:
    if logits.ndim != 2 or logits.shape != teacher_logits.shape:
        raise ValueError(
            f"expected logits [B, K] of student and teacher, got {list(logits.shape)} and {list(teacher_logits.shape)}"
        )
