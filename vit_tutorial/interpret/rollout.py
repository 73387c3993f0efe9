"""Attention rollout: how much of each input token reached each output token, if attention were all that moved."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def attention_rollout(maps: Sequence[Tensor]) -> Tensor:
    """R = A_L ... A_2 A_1 with A_l = (mean over heads of layer l's weights + I) / 2 (Abnar and Zuidema 2020, section 3).

    The identity stands for the residual stream, on which each token keeps what it has; half and half is the paper's choice, not
    something measured. Values, output maps and FFNs are left out, so R says where information could have come from, not what it did.

    Args:
        maps: the layers' weights in order, each [B, h, N, N] with rows that sum to 1, as ``record_attention`` collects them. A part
            of them, ``maps[:3]``, gives the rollout up to that layer.

    Returns:
        [B, N, N]: row i holds the shares of token i's final state by input token. Rows sum to 1. R[:, 0, 1:] is the class token's.

    Raises:
        ValueError: no maps, maps of different or not square shapes, or rows that do not sum to 1.
    """
    if not maps:
        raise ValueError("there are no attention maps to roll out; record them with record_attention")
    shape = maps[0].shape
    for layer, weights in enumerate(maps):
        if weights.ndim != 4 or weights.shape[-1] != weights.shape[-2] or weights.shape != shape:
            raise ValueError(
                f"maps are [B, h, N, N], the same in all layers; layer {layer} has {list(weights.shape)}, layer 0 {list(shape)}"
            )
        if not torch.allclose(weights.sum(-1), torch.ones_like(weights[..., 0]), atol=1e-3):
            raise ValueError(
                f"the rows of layer {layer} do not sum to 1: these are scores, or weights that were changed"
            )
    identity = torch.eye(shape[-1], dtype=maps[0].dtype, device=maps[0].device)
    rollout = identity.expand(shape[0], -1, -1)
    for weights in maps:
        rollout = 0.5 * (weights.mean(dim=1) + identity) @ rollout  # [B, N, N]
    return rollout
