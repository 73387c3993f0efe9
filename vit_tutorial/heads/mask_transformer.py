"""The mask transformer: class embeddings go through some blocks together with the patches, and each then says where its class is.

Strudel et al. 2021, "Segmenter: Transformer for Semantic Segmentation", section 3.2, "Mask Transformer", and their code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.blocks import EncoderBlock
from vit_tutorial.heads.segmentation import Segmenter, check_classes
from vit_tutorial.vit import VisionTransformer


class MaskTransformer(nn.Module):
    """Patch tokens in, a score of each patch, or of each cell of it, for each class out.

    1. z = [z_1 W + b; ...; z_N W + b; c_1; ...; c_K]: the patches, and one learned embedding a class.
    2. Encoder blocks and a LayerNorm: patches and classes look at each other.
    3. s_n(k) = <p_n, q_k>, with p_n = P z_n / |P z_n| of a patch and q_k = Q c_k / |Q c_k| of a class: a cosine, from -1 to 1.
    4. A LayerNorm over the K scores of each patch spreads the cosines to logits.

    A linear head compares every image with the same K vectors; here the K vectors have seen the image. With s*s cells a patch has as many
    P, one a cell, and a cell's p_n has D // s numbers, as has q_k; in the paper s = 1.

    Args:
        dim: width D of a patch token.
        num_classes: K, at least 2: a LayerNorm of one number is always its shift.
        depth: blocks; 2 in the paper.
        num_heads: heads of each, a divisor of D.
        mlp_ratio, drop_path_rate, norm_eps: of the blocks, as in ``EncoderBlock``; drop_path_rate grows linearly from 0.
        cells: s, across and down a patch.

    Shape:
        [B, N, D] -> [B, N, K*s*s], logits, those of one class side by side.

    Raises:
        ValueError: fewer than two classes, or no block.
    """

    def __init__(
        self,
        dim: int,
        num_classes: int,
        depth: int = 2,
        num_heads: int = 3,
        mlp_ratio: float = 4.0,
        drop_path_rate: float = 0.0,
        norm_eps: float = 1e-6,
        cells: int = 1,
    ) -> None:
        super().__init__()
        if num_classes < 2 or depth < 1:
            raise ValueError(
                f"a mask transformer needs at least two classes and one block, got num_classes={num_classes}, depth={depth}; "
                "for one class, or without blocks, use LinearSegmenter"
            )
        self.proj_dec = nn.Linear(dim, dim)
        self.cls_emb = nn.Parameter(torch.empty(1, num_classes, dim))
        rates = [drop_path_rate * i / max(depth - 1, 1) for i in range(depth)]
        self.blocks = nn.ModuleList(
            EncoderBlock(dim, num_heads, mlp_ratio, drop_path_rate=rate, norm_eps=norm_eps) for rate in rates
        )
        self.decoder_norm = nn.LayerNorm(dim, eps=norm_eps)
        width = dim // max(cells, 1)  # of a cell
        self.proj_patch = nn.Parameter(torch.empty(dim, cells**2 * width))
        self.proj_classes = nn.Parameter(torch.empty(dim, width))
        self.mask_norm = nn.LayerNorm(num_classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.cls_emb, std=0.02)
        for projection in (self.proj_patch, self.proj_classes):
            nn.init.normal_(projection, std=dim**-0.5)  # keeps lengths

    def forward(self, tokens: Tensor) -> Tensor:
        B, N, _ = tokens.shape
        z = torch.cat([self.proj_dec(tokens), self.cls_emb.expand(B, -1, -1)], dim=1)  # [B, N + K, D]
        for block in self.blocks:
            z = block(z)
        z = self.decoder_norm(z)
        classes = F.normalize(z[:, N:] @ self.proj_classes, dim=-1)  # [B, K, width]
        cells = (z[:, :N] @ self.proj_patch).reshape(B, -1, classes.shape[-1])  # [B, N*s*s, width]
        lengths = cells.norm(dim=-1, keepdim=True).clamp_min(
            1e-12
        )  # dividing K scores by it is less work than a vector
        scores = self.mask_norm(cells @ classes.transpose(1, 2) / lengths)  # [B, N*s*s, K]
        return scores.unflatten(1, (N, -1)).transpose(2, 3).flatten(2)  # [B, N, K*s*s]


class MaskSegmenter(Segmenter):
    """A segmenter whose head is a mask transformer.

    Args:
        encoder, pixels, cells: as in :class:`Segmenter`.
        num_classes: K, background included, at least 2.
        depth: the head's blocks; 2 in the paper.
        num_heads: heads of each; None for as many as the encoder's.
        drop_path_rate: of the head's last block.

    Raises:
        ValueError: fewer than two classes, no block, or a width that the heads do not divide.
    """

    head: MaskTransformer

    def __init__(
        self,
        encoder: VisionTransformer,
        num_classes: int,
        depth: int = 2,
        num_heads: int | None = None,
        drop_path_rate: float = 0.0,
        pixels: bool = True,
        cells: int = 1,
    ) -> None:
        check_classes(num_classes, cells)
        c = encoder.config
        head = MaskTransformer(
            c.embed_dim,
            num_classes,
            depth,
            num_heads or c.num_heads,
            c.mlp_ratio,
            drop_path_rate,
            c.norm_eps,
            cells,
        )
        super().__init__(encoder, head, pixels, cells)
