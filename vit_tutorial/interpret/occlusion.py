"""Occlusion: hide a patch, and see what the answer loses."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_tutorial.patches import check_divisible


@torch.no_grad()
def occlusion(model: nn.Module, images: Tensor, target: Tensor, patch_size: int, fill: float | Tensor = 0.0) -> Tensor:
    """p(target | image) - p(target | image without patch n), for every patch n (after Zeiler and Fergus 2014, section 4.2).

    It asks the whole model, values and FFNs included, and costs one forward pass a patch. It sees each patch alone: where two patches
    say the same, hiding either changes little. And an image with a hole is not an image the model was trained on.

    Args:
        model: images [B, C, H, W] -> logits [B, K], in evaluation mode.
        images: [B, C, H, W], normalised.
        target: [B] class numbers, usually the predicted ones.
        patch_size: side P in pixels of the square that is hidden; need not be the model's.
        fill: what stands in its place, a number or something that broadcasts to [C, P, P]. 0 is the mean colour of normalised images.

    Returns:
        [B, H/P, W/P]: positive where the model answers less surely without the patch, negative where the patch spoke against.

    Raises:
        ValueError: the model is in training mode, the patch size does not divide the image, or there is not one target an image.
    """
    if model.training:
        raise ValueError("the model is in training mode, so its answers may be random; call model.eval() first")
    B, _, H, W = images.shape
    rows, columns = check_divisible(H, W, patch_size)
    if target.shape != (B,):
        raise ValueError(f"{B} images need {B} targets, got shape {list(target.shape)}")

    def probability(batch: Tensor) -> Tensor:
        scores: Tensor = model(batch).softmax(-1)
        return scores.gather(-1, target[:, None])[:, 0]  # [B]

    whole, drops = probability(images), []
    for n in range(rows * columns):
        top, left = patch_size * (n // columns), patch_size * (n % columns)
        holed = images.clone()
        holed[:, :, top : top + patch_size, left : left + patch_size] = fill
        drops.append(whole - probability(holed))
    return torch.stack(drops, dim=1).reshape(B, rows, columns)
