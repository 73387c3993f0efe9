"""mixup and CutMix: training on mixtures of two images, with labels mixed to match."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2


def mix(
    images: Tensor, labels: Tensor, num_classes: int, mixup: float = 0.0, cutmix: float = 0.0
) -> tuple[Tensor, Tensor]:
    r"""Mix each image with the one before it in the batch by mixup or CutMix; if both are on, one at random.

    With :math:`\lambda \sim \mathrm{Beta}(\alpha, \alpha)`, drawn once a batch:

    - mixup (Zhang et al., 2018, section 2): :math:`\lambda x_i + (1 - \lambda) x_j`;
    - CutMix (Yun et al., 2019, section 3.1): a rectangle of share :math:`1 - \lambda` of :math:`x_i`, centred anywhere
      and clipped at the border, is replaced by the same place of :math:`x_j`; then :math:`\lambda` is set to the share
      that remains;

    and in both the label is :math:`\lambda y_i + (1 - \lambda) y_j`. torchvision's v2.MixUp and v2.CutMix do it. The
    partner is the neighbour in the batch, so the batch must be shuffled. Random numbers come from the global generator.

    Args:
        images: [B, C, H, W] float, normalised.
        labels: [B] int64.
        num_classes: K.
        mixup, cutmix: their :math:`\alpha`; 0 is off. Usual for ViT: mixup 0.8, cutmix 1.0 (Touvron et al., 2021).

    Returns:
        images [B, C, H, W] and soft labels float32 [B, K], whose rows sum to 1 (one-hot if both are off).

    Raises:
        ValueError: an alpha is negative.
    """
    if mixup < 0 or cutmix < 0:
        raise ValueError(f"mixup and cutmix must be at least 0 (0 is off), got {mixup} and {cutmix}")
    if not mixup and not cutmix:
        return images, F.one_hot(labels, num_classes).float()
    use_cutmix = cutmix > 0 and (mixup == 0 or bool(torch.rand(()) < 0.5))
    mixer = (
        v2.CutMix(alpha=cutmix, num_classes=num_classes)
        if use_cutmix
        else v2.MixUp(alpha=mixup, num_classes=num_classes)
    )
    mixed_images, mixed_labels = mixer(images, labels)
    return mixed_images, mixed_labels
