"""Scaled dot-product attention, and the layer that runs several of them side by side.

    attention(Q, K, V) = softmax(Q K^T / sqrt(d)) V          (Vaswani et al. 2017, equation 1)

There are two paths with one result. The fused path never stores the N x N weights and is what runs; the explicit path computes them
as the formula says, and runs while somebody records them (see ``vit_tutorial.interpret``) and where it is the faster one (see
:func:`fused_is_slow`).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Recorder = Callable[[Tensor], None]


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(Q K^T / sqrt(d)): how much each query takes from each key.

    Args:
        q: queries [..., M, d].
        k: keys [..., N, d].
        mask: bool, broadcastable to [..., M, N]; True where a query may look. A query that may look nowhere gets zeros.

    Returns:
        [..., M, N], non-negative, each row summing to 1.
    """
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # [..., M, N]
    if mask is None:
        return scores.softmax(dim=-1)
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1).nan_to_num(0.0)


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """The explicit path: softmax(Q K^T / sqrt(d)) V.

    Args:
        q, k, v: [..., M, d], [..., N, d], [..., N, e].
        mask: as in :func:`attention_weights`.

    Returns:
        [..., M, e]. Equal to ``torch.nn.functional.scaled_dot_product_attention`` in values and gradients.
    """
    return attention_weights(q, k, mask) @ v


def causal_mask(num_tokens: int, device: torch.device | str | None = None) -> Tensor:
    """Bool [N, N], True on and below the diagonal: token i may look at tokens 0 .. i."""
    return torch.ones(num_tokens, num_tokens, dtype=torch.bool, device=device).tril()


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """[B, N, D] -> [B, h, N, D/h]: the width is cut into h consecutive pieces, one a head."""
    B, N, D = x.shape
    return x.reshape(B, N, num_heads, D // num_heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """[B, h, N, d] -> [B, N, h*d]: the inverse of :func:`split_heads`."""
    B, h, N, d = x.shape
    return x.transpose(1, 2).reshape(B, N, h * d)


def check_heads(dim: int, num_heads: int) -> None:
    """Raises ValueError where the width cannot be cut into equal heads."""
    if num_heads < 1 or dim % num_heads:
        fitting = [h for h in range(1, min(dim, 16) + 1) if dim % h == 0]
        raise ValueError(f"width {dim} is not divisible by {num_heads} heads; choose {', '.join(map(str, fitting))}")


def fused_is_slow(q: Tensor) -> bool:
    """Whether the explicit path trains faster: on a processor, in bfloat16, up to 512 queries.

    There torch's fused attention computes its gradient several times slower than the formula written out, which goes through the
    processor's matrix units (torch 2.12.1: 64 ms against 7 for [128, 4, 64, 32]; ``findings/torch_cpu_bf16_attention.sh``).
    Longer sequences keep the fused path: their weights would need more memory than the rest of the block.
    """
    return q.device.type == "cpu" and q.dtype == torch.bfloat16 and q.requires_grad and q.shape[-2] <= 512


class _Attend(nn.Module):
    """What self- and cross-attention share: the choice between the fused and the explicit path."""

    num_heads: int
    recorder: Recorder | None = None

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        """[B, h, M, d], [B, h, N, d], [B, h, N, d] -> [B, M, h*d]."""
        if self.recorder is None and not fused_is_slow(q):
            return merge_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
        weights = attention_weights(q, k, mask)
        if self.recorder is not None:
            self.recorder(weights)
        return merge_heads(weights @ v)


class Attention(_Attend):
    """Multi-head self-attention: h attentions of width d = D/h, side by side, mixed by one linear map.

    Args:
        dim: width D.
        num_heads: h, a divisor of D.
        qkv_bias: whether the maps to queries, keys and values have a bias.

    Shape:
        x [B, N, D] -> [B, N, D]; mask bool, broadcastable to [B, h, N, N], True where a token may look.

    Parameters carry timm's names: ``qkv`` holds W_q, W_k and W_v stacked in that order, [3D, D]; ``proj`` is the output map.
    """

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = True) -> None:
        super().__init__()
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q, k, v = (split_heads(part, self.num_heads) for part in self.qkv(x).chunk(3, dim=-1))  # [B, h, N, d] each
        return self.proj(self.attend(q, k, v, mask))


class CrossAttention(_Attend):
    """Multi-head cross-attention: the queries come from x, the keys and values from another sequence, the memory.

    Shape:
        x [B, M, D], memory [B, N, D] -> [B, M, D]; mask bool, broadcastable to [B, h, M, N].
    """

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = True) -> None:
        super().__init__()
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        self.q = nn.Linear(dim, dim, bias=qkv_bias)
        self.kv = nn.Linear(dim, 2 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        q = split_heads(self.q(x), self.num_heads)  # [B, h, M, d]
        k, v = (split_heads(part, self.num_heads) for part in self.kv(memory).chunk(2, dim=-1))  # [B, h, N, d]
        return self.proj(self.attend(q, k, v, mask))
