"""What heads do, in numbers: how far they look, how widely they spread, and what is missing without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from vit_tutorial.blocks import EncoderBlock
from vit_tutorial.vit import VisionTransformer


def attention_entropy(weights: Tensor) -> Tensor:
    """-sum_j a_ij log a_ij in nats, mean over the queries i: 0 where one key takes all, log N where all count alike.

    Args:
        weights: [B, h, M, N], rows that sum to 1.

    Returns:
        [B, h].
    """
    return torch.special.entr(weights).sum(-1).mean(-1)


def attention_distance(weights: Tensor, grid_size: tuple[int, int], patch_size: int) -> Tensor:
    """Mean distance in pixels between the patch that asks and the patches it looks at (Dosovitskiy et al. 2021, section 4.5).

    sum_j a_ij |c_i - c_j| with patch centres c, mean over the query patches i. Class token and registers have no place: they are left
    out, and a patch's weights on patches are brought to the sum 1.

    Args:
        weights: [B, h, N, N]; the patches are the last rows * columns of the N tokens.
        grid_size: (rows, columns) of patches. patch_size: P, the side of a patch in pixels.

    Returns:
        [B, h], in pixels. 0 where each patch looks at itself only.

    Raises:
        ValueError: fewer tokens than patches.
    """
    rows, columns = grid_size
    patches, N = rows * columns, weights.shape[-1]
    if weights.shape[-2] != N or patches > N:
        raise ValueError(
            f"weights {list(weights.shape)} are not [B, h, N, N] with the {patches} patches of a {rows}x{columns} grid"
        )
    centres = patch_size * torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).to(weights)  # [patches, 2]
    between = torch.linalg.vector_norm(centres[:, None] - centres[None], dim=-1)  # [patches, patches]
    on_patches = weights[..., N - patches :, N - patches :]
    total = on_patches.sum(-1)
    return ((on_patches * between).sum(-1) / total.clamp_min(torch.finfo(weights.dtype).tiny)).mean(-1)


@contextmanager
def heads_off(model: VisionTransformer, heads: Iterable[tuple[int, int]]) -> Iterator[None]:
    """Inside the ``with``, these heads write nothing: their d numbers are zero before the output map mixes the heads.

        with heads_off(model, [(0, 2), (3, 1)]):  # (layer, head), from 0
            logits = model(images)

    The explorer's ``heads_off`` does the same. The bias of the output map stays.

    Raises:
        ValueError: there is no such layer or head.
    """
    handles = []
    try:
        for layer, head in heads:
            c = model.config
            if not (0 <= layer < c.depth and 0 <= head < c.num_heads):
                raise ValueError(
                    f"there is no head {head} in layer {layer}; the model has {c.depth} layers of {c.num_heads} heads, from 0"
                )
            proj, d = cast(EncoderBlock, model.blocks[layer]).attn.proj, c.embed_dim // c.num_heads
            handles.append(proj.register_forward_pre_hook(_silence(head * d, (head + 1) * d)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _silence(start: int, stop: int) -> Any:
    """A hook that sets channels start .. stop-1 of a module's input to zero."""

    def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor]:
        (x,) = inputs
        keep = torch.ones(x.shape[-1], dtype=x.dtype, device=x.device)
        keep[start:stop] = 0
        return (x * keep,)

    return hook
