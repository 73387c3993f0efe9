"""From scores of patches to scores of pixels, and sums over pixels that never hold all of them at once.

A segmenter scores patches; its loss and its metrics are about pixels, P*P times as many. On a CPU the scores of all pixels of a batch take
a good part of a small encoder's time and memory; in pieces that fit the processor's cache they take less of both
(``python -m benchmarks.segmentation`` measures how much).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

PIECE = {"cpu": 2**19}  # scores of pixels held at a time: 2 MiB, about a core's cache
PIECE_ELSEWHERE = 2**25  # 128 MiB: a GPU wants large pieces

PixelLoss = Callable[[Tensor, Tensor], Tensor]


def enlarge(scores: Tensor, size: tuple[int, int], rows: slice = slice(None)) -> Tensor:
    """Bilinear enlargement as two matrix products, U = R S C^T for the map S of each class.

    Row y of R [H, h] says how pixel row y mixes the rows of S: two neighbours, by the distance of its centre from theirs; C [W, w] does
    it for columns. The result is that of ``F.interpolate(mode="bilinear", align_corners=False)``, several times sooner on a CPU.

    Args:
        scores: [..., h, w].
        size: (H, W) of the result.
        rows: only these of its rows.

    Returns:
        [..., H, W], float32 (float64 if the scores are), also under autocast.
    """
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    if scores.shape[-2:] == size:
        return scores[..., rows, :]
    with torch.autocast(scores.device.type, enabled=False):
        down = interpolation(scores.shape[-2], size[0], scores)[rows]  # R: [H, h]
        across = interpolation(scores.shape[-1], size[1], scores)  # C: [W, w]
        return down @ (scores @ across.T)


def interpolation(n: int, length: int, like: Tensor) -> Tensor:
    """The matrix [length, n] of linear interpolation from n points to ``length``, in the type and on the device of ``like``."""
    unit_vectors = torch.eye(n, dtype=like.dtype, device=like.device)[None]
    return F.interpolate(unit_vectors, size=length, mode="linear", align_corners=False)[0].T.contiguous()


def sum_over_pixels(loss: PixelLoss, scores: Tensor, targets: Tensor) -> Tensor:
    """sum_i loss(U_i, t_i) over pieces i of the enlarged scores U, whose gradient is found piece by piece along with it.

    Args:
        loss: (scores [n, K, r, W] of some pixels in float32, their targets [n, r, W]) -> the sum of their losses, a scalar.
        scores: [B, K, h, w], of pixels or of patches.
        targets: [B, H, W].

    Returns:
        A scalar, float32. Beside the scores it needs memory for one piece and for the gradient [B, K, h, w]. It can be differentiated once.
    """
    if scores.shape[-2:] == targets.shape[-2:]:  # the scores of all pixels are there already
        with torch.autocast(scores.device.type, enabled=False):
            return loss(enlarge(scores, (targets.shape[-2], targets.shape[-1])), targets)
    return _SumOverPieces.apply(scores, targets, loss)


def classes_of_pixels(scores: Tensor, size: tuple[int, int]) -> Tensor:
    """The class with the largest enlarged score, pixel by pixel: [B, K, h, w] -> int64 [B, H, W], in pieces."""
    found = scores.new_empty(len(scores), *size, dtype=torch.int64)
    for images, rows in pieces(scores, size):
        found[images, rows] = enlarge(scores[images], size, rows).argmax(1)
    return found


def pieces(scores: Tensor, size: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """(images, rows of pixels) that together cover all pixels: several whole images, or some rows of one."""
    (B, K), (H, W) = scores.shape[:2], size
    budget = PIECE.get(scores.device.type, PIECE_ELSEWHERE)
    images = max(budget // (K * H * W), 1)
    rows = min(max(budget // (K * W), 1), H)
    for first in range(0, B, images):
        for row in range(0, H, rows):
            yield slice(first, first + images), slice(row, row + rows)


class _SumOverPieces(torch.autograd.Function):
    """The gradient of a sum is known up to a factor before anything is made of the sum, so each piece is enlarged only once."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, targets: Tensor, loss: PixelLoss) -> Tensor:
        size = (targets.shape[-2], targets.shape[-1])
        total = torch.zeros((), dtype=torch.promote_types(scores.dtype, torch.float32), device=scores.device)
        gradient = torch.zeros_like(scores, dtype=total.dtype) if ctx.needs_input_grad[0] else None
        for images, rows in pieces(scores, size):
            piece = scores[images].to(total.dtype).detach().requires_grad_(gradient is not None)
            with torch.set_grad_enabled(gradient is not None), torch.autocast(scores.device.type, enabled=False):
                value = loss(enlarge(piece, size, rows), targets[images, rows])
                if gradient is not None:  # here, since autocast would round the products of the way back as well
                    gradient[images] += torch.autograd.grad(value, piece)[0]
            total += value.detach()
        ctx.save_for_backward(gradient)
        ctx.type = scores.dtype
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, factor: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return (factor * gradient).to(ctx.type), None, None
