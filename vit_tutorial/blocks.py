"""Transformer blocks, pre-norm: each sub-layer reads the normalised tokens and adds what it found to the residual stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vit_tutorial.attention import Attention, CrossAttention, causal_mask
from vit_tutorial.feedforward import FeedForward


class DropPath(nn.Module):
    """Stochastic depth: leave out a sub-layer for a random part of the batch (Huang et al. 2016).

    While training, each image keeps its branch with probability 1 - p and the kept ones are divided by 1 - p, so that the expected
    value is unchanged; in evaluation it does nothing.

    Args:
        drop_prob: p, at least 0 and below 1.
    """

    def __init__(self, drop_prob: float = 0.0) -> None:
        super().__init__()
        if not 0.0 <= drop_prob < 1.0:
            raise ValueError(f"drop path probability {drop_prob} must be at least 0 and below 1")
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.drop_prob == 0.0:
            return x
        keep = 1.0 - self.drop_prob
        mask = torch.empty(x.shape[0], *[1] * (x.ndim - 1), dtype=x.dtype, device=x.device).bernoulli_(keep)
        return x * mask / keep


class LayerScale(nn.Module):
    """x -> gamma * x, one learned gain a channel, small at the start (Touvron et al. 2021, CaiT, section 2)."""

    def __init__(self, dim: int, init_values: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(init_values * torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class EncoderBlock(nn.Module):
    """x <- x + Attention(LayerNorm(x)), then x <- x + FFN(LayerNorm(x)) (Dosovitskiy et al. 2021, equations 2 and 3).

    Args:
        dim: width D.
        num_heads: h, a divisor of D.
        mlp_ratio: hidden width of the FFN as a multiple of D.
        qkv_bias: bias in the maps to queries, keys and values.
        drop_rate: dropout in the FFN. drop_path_rate: probability of leaving out a sub-layer.
        norm_eps: epsilon of LayerNorm. init_values: start of layer scale; None for none.

    Shape:
        [B, N, D] -> [B, N, D].
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        norm_eps: float = 1e-6,
        init_values: float | None = None,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=norm_eps)
        self.attn = Attention(dim, num_heads, qkv_bias)
        self.ls1 = LayerScale(dim, init_values) if init_values is not None else nn.Identity()
        self.drop_path1 = DropPath(drop_path_rate)
        self.norm2 = nn.LayerNorm(dim, eps=norm_eps)
        self.mlp = FeedForward(dim, int(dim * mlp_ratio), drop_rate)
        self.ls2 = LayerScale(dim, init_values) if init_values is not None else nn.Identity()
        self.drop_path2 = DropPath(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path1(self.ls1(self.attn(self.norm1(x))))
        return x + self.drop_path2(self.ls2(self.mlp(self.norm2(x))))


class DecoderBlock(nn.Module):
    """Masked self-attention, cross-attention to a memory, FFN, each pre-norm and added to the residual stream.

    A ViT that classifies has none of these: decoders appear where something is generated or asked for, as in mask transformers.
    Vaswani et al. 2017, section 3.1, in pre-norm order; equal to ``torch.nn.TransformerDecoderLayer(norm_first=True)``.

    Args:
        dim, num_heads, mlp_ratio, qkv_bias, norm_eps: as in :class:`EncoderBlock`.
        causal: token i sees tokens 0 .. i only. False for queries that have no order.

    Shape:
        x [B, M, D], memory [B, N, D] -> [B, M, D].
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        norm_eps: float = 1e-6,
        causal: bool = True,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.norm1 = nn.LayerNorm(dim, eps=norm_eps)
        self.self_attn = Attention(dim, num_heads, qkv_bias)
        self.norm2 = nn.LayerNorm(dim, eps=norm_eps)
        self.cross_attn = CrossAttention(dim, num_heads, qkv_bias)
        self.norm3 = nn.LayerNorm(dim, eps=norm_eps)
        self.mlp = FeedForward(dim, int(dim * mlp_ratio))

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        mask = causal_mask(x.shape[1], x.device) if self.causal else None
        x = x + self.self_attn(self.norm1(x), mask)
        x = x + self.cross_attn(self.norm2(x), memory)
        return x + self.mlp(self.norm3(x))
