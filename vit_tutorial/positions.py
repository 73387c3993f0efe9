"""Position embeddings: what tells a Transformer where a patch stands.

Attention is blind to order (permuting its inputs permutes its outputs), so a vector that depends on the position is added to every
token. ViT learns that vector (Dosovitskiy et al. 2021, section 3.1); the sinusoidal one is fixed (Vaswani et al. 2017, section 3.5).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def sinusoidal_1d(positions: int | Tensor, dim: int, base: float = 10_000.0) -> Tensor:
    """Sine-cosine position embedding on a line.

    With frequencies w_i = base^(-2i/D), i = 0 .. D/2 - 1, position p is embedded as

        e(p) = [sin(w_0 p), ..., sin(w_{D/2-1} p), cos(w_0 p), ..., cos(w_{D/2-1} p)].

    Vaswani et al. 2017 interleave sines and cosines; here they stand in two blocks, which is the same embedding with its coordinates
    in another order. A shift of p by s rotates every pair (sin, cos) by the angle w_i s.

    Args:
        positions: a count N (positions 0 .. N-1) or a tensor [N] of positions, whole or not.
        dim: width D, even.

    Returns:
        [N, D], float32, each entry between -1 and 1.

    Raises:
        ValueError: D is odd.
    """
    if dim <= 0 or dim % 2:
        raise ValueError(f"a sinusoidal embedding pairs a sine with a cosine: width {dim} must be even and positive")
    p = torch.arange(positions) if isinstance(positions, int) else positions
    frequencies = base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)  # [D/2]
    angles = p.to(torch.float64)[:, None] * frequencies  # [N, D/2]
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def sinusoidal_2d(grid_size: tuple[int, int], dim: int, base: float = 10_000.0) -> Tensor:
    """Sine-cosine position embedding on a grid: half of the width for the row, half for the column.

    Args:
        grid_size: (rows, columns).
        dim: width D, a multiple of 4.

    Returns:
        [rows*columns, D], row by row: ``[e(row), e(column)]`` with the 1-D embedding e of width D/2.

    Raises:
        ValueError: D is not a multiple of 4.
    """
    if dim <= 0 or dim % 4:
        raise ValueError(f"a 2-D sinusoidal embedding splits the width in four: {dim} must be a positive multiple of 4")
    rows, columns = grid_size
    row = sinusoidal_1d(rows, dim // 2, base)[:, None].expand(rows, columns, dim // 2)
    column = sinusoidal_1d(columns, dim // 2, base)[None].expand(rows, columns, dim // 2)
    return torch.cat([row, column], dim=-1).reshape(rows * columns, dim)


def learned(num_tokens: int, dim: int, std: float = 0.02) -> nn.Parameter:
    """A learned position embedding [1, N, D], drawn from a normal distribution (0.02 in the original code, as in BERT)."""
    return nn.Parameter(std * torch.randn(1, num_tokens, dim))


def resize_pos_embed(
    pos_embed: Tensor,
    old_grid: tuple[int, int],
    new_grid: tuple[int, int],
    num_prefix_tokens: int = 1,
    mode: Literal["bicubic", "bilinear"] = "bicubic",
    antialias: bool = True,
    align_corners: bool = False,
) -> Tensor:
    """Resize a position embedding to another grid, as when the image grows (Dosovitskiy et al. 2021, section 3.2).

    The embeddings of the patches form an image of D channels, which is resized like one; those of the prefix tokens (class token,
    registers) have no place on the grid and stay. Libraries differ: timm uses bicubic with antialias, Hugging Face bicubic without,
    torchvision bicubic with ``align_corners``; the results differ, for learned tables visibly.

    Args:
        pos_embed: [1, prefix + rows*columns, D].
        old_grid, new_grid: (rows, columns) before and after.
        num_prefix_tokens: tokens before the patches that have an embedding.

    Returns:
        [1, prefix + new rows * new columns, D], in the same type.

    Raises:
        ValueError: the number of tokens does not fit ``old_grid``.
    """
    expected = num_prefix_tokens + old_grid[0] * old_grid[1]
    if pos_embed.shape[1] != expected:
        raise ValueError(
            f"the position embedding has {pos_embed.shape[1]} tokens, but {num_prefix_tokens} prefix tokens and a"
            f" {old_grid[0]}x{old_grid[1]} grid make {expected}"
        )
    if old_grid == new_grid:
        return pos_embed
    prefix, grid = pos_embed[:, :num_prefix_tokens], pos_embed[:, num_prefix_tokens:]
    grid = grid.reshape(1, *old_grid, -1).permute(0, 3, 1, 2).float()  # [1, D, rows, columns]
    grid = F.interpolate(
        grid, size=new_grid, mode=mode, antialias=antialias and not align_corners, align_corners=align_corners
    )
    grid = grid.permute(0, 2, 3, 1).flatten(1, 2).to(pos_embed.dtype)  # [1, N, D]
    return torch.cat([prefix, grid], dim=1)
