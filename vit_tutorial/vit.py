"""The Vision Transformer (Dosovitskiy et al. 2021): patch tokens, positions, a stack of encoder blocks, a linear head.

One class serves every task: with ``num_classes=0`` it is a bare encoder, and heads and pre-training objectives are built on its tokens.
Module and argument names are timm's, so that a timm state dict loads as it is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vit_tutorial.blocks import EncoderBlock
from vit_tutorial.config import Config, setting
from vit_tutorial.patches import PatchEmbed
from vit_tutorial.positions import learned, resize_pos_embed, sinusoidal_2d

SIZES: dict[str, dict[str, int]] = {
    "tiny": {"embed_dim": 192, "depth": 12, "num_heads": 3},  # Touvron et al. 2021 (DeiT), table 1
    "small": {"embed_dim": 384, "depth": 12, "num_heads": 6},  # Touvron et al. 2021 (DeiT), table 1
    "base": {"embed_dim": 768, "depth": 12, "num_heads": 12},  # Dosovitskiy et al. 2021, table 1
    "large": {"embed_dim": 1024, "depth": 24, "num_heads": 16},  # Dosovitskiy et al. 2021, table 1
}


@dataclass(frozen=True)
class ViTConfig(Config):
    """Everything that fixes a ViT's shape; what is saved beside its weights. Names are timm's; lengths in pixels, widths in channels."""

    img_size: int | tuple[int, int] = setting(224, "side of the square input, or (height, width)", "[1, inf)")
    patch_size: int = setting(16, "side of a patch, a divisor of both sides of the input", "[1, inf)")
    in_chans: int = setting(3, "channels of the image", "[1, inf)")
    num_classes: int = setting(1000, "classes of the head; 0 for a bare encoder", "[0, inf)")
    embed_dim: int = setting(768, "width D of a token", "[1, inf)")
    depth: int = setting(12, "number of blocks", "[1, inf)")
    num_heads: int = setting(12, "heads a block, a divisor of D", "[1, inf)")
    mlp_ratio: float = setting(4.0, "hidden width of the FFN as a multiple of D", "(0, inf)")
    qkv_bias: bool = setting(True, "bias of the query, key and value maps")
    class_token: bool = setting(True, "put a learned token before the patches")
    reg_tokens: int = setting(0, "further learned tokens (registers, Darcet et al. 2024)", "[0, inf)")
    no_embed_class: bool = setting(False, "add positions to the patches only, not to class token and registers")
    pos_embed: Literal["learned", "sincos2d", "none"] = setting("learned", "sincos2d is fixed")
    # Small patches carry few numbers, and positions as loud as the patch tokens (about 0.5) are then learned from much sooner.
    pos_embed_std: float = setting(0.02, "spread of the learned positions before training", "[0, inf)")
    global_pool: Literal["token", "avg"] = setting(
        "token", "the head reads the class token, or the mean of the patches"
    )
    drop_rate: float = setting(0.0, "dropout in the FFN", "[0, 1)")
    drop_path_rate: float = setting(0.0, "stochastic depth, growing linearly from 0 to this over the blocks", "[0, 1)")
    patch_drop_rate: float = setting(
        0.0, "share of an image's patches left out of a training step, by chance (Liu et al. 2023)", "[0, 1)"
    )
    norm_eps: float = setting(1e-6, "epsilon of LayerNorm", "(0, inf)")
    init_values: float | None = setting(None, "start of layer scale; null for none")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.global_pool == "token" and not self.class_token:
            raise ValueError(
                "global_pool='token' reads the class token, but class_token is False; use global_pool='avg'"
            )

    @classmethod
    def named(cls, size: str, **overrides: Any) -> ViTConfig:
        """One of the field's sizes (tiny, small, base, large), with any field changed: ``ViTConfig.named("tiny", img_size=384)``."""
        if size not in SIZES:
            raise ValueError(f"unknown size {size!r}; choose one of {', '.join(SIZES)}")
        return cls.from_dict({**SIZES[size], **overrides})


class VisionTransformer(nn.Module):
    """Images in, class scores out.

    z_0 = [x_class; x_1 E; ...; x_N E] + E_pos, then ``depth`` encoder blocks, a LayerNorm, and a linear head on the class token or on
    the mean of the patch tokens (Dosovitskiy et al. 2021, equations 1 to 4).

    Shape:
        [B, C, H, W] -> [B, K]; with ``num_classes=0`` -> [B, D], the pooled features. The scores are logits: no activation follows.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        c = self.config = config
        D = c.embed_dim
        self.num_prefix_tokens = int(c.class_token) + c.reg_tokens
        self.patch_drop_rate = c.patch_drop_rate  # may be changed while it is trained
        self.patch_embed = PatchEmbed(c.img_size, c.patch_size, c.in_chans, D)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, D)) if c.class_token else None
        self.reg_token = nn.Parameter(torch.zeros(1, c.reg_tokens, D)) if c.reg_tokens else None
        self.pos_embed: Tensor | None
        self._make_pos_embed()
        rates = [c.drop_path_rate * i / max(c.depth - 1, 1) for i in range(c.depth)]
        self.blocks = nn.ModuleList(
            EncoderBlock(D, c.num_heads, c.mlp_ratio, c.qkv_bias, c.drop_rate, rate, c.norm_eps, c.init_values)
            for rate in rates
        )
        # As in timm: the mean is normalised after pooling (fc_norm), the class token before (norm).
        average = c.global_pool == "avg"
        self.norm = nn.Identity() if average else nn.LayerNorm(D, eps=c.norm_eps)
        self.fc_norm = nn.LayerNorm(D, eps=c.norm_eps) if average else nn.Identity()
        self.head = nn.Linear(D, c.num_classes) if c.num_classes else nn.Identity()
        self.init_weights()
        self.register_state_dict_post_hook(_say_grid)

    @property
    def grid_size(self) -> tuple[int, int]:
        """(rows, columns) of patches."""
        return self.patch_embed.grid_size

    def init_weights(self) -> None:
        """Linear maps by Glorot's uniform rule and the patch map by its fan-in, as in the original code; biases 0; a quiet head."""
        if self.patch_embed.proj.weight.is_meta:
            return  # shapes without numbers, to be filled by a file's
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        projection = self.patch_embed.proj
        nn.init.trunc_normal_(projection.weight, std=projection.weight[0].numel() ** -0.5)
        if projection.bias is not None:
            nn.init.zeros_(projection.bias)
        for token in (self.cls_token, self.reg_token):
            if token is not None:
                nn.init.normal_(token, std=1e-6)
        self._init_head()

    def _init_head(self) -> None:
        if isinstance(self.head, nn.Linear):  # small logits: the first loss is near log K
            nn.init.trunc_normal_(self.head.weight, std=0.02)
            nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(images))

    def forward_features(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] -> tokens [B, prefix + N, D]: class token first, then registers, then the patches row by row.

        In training with a ``patch_drop_rate`` r only (1 - r) N of the patches are there, others for each image.
        """
        x = self.embed(images)
        if self.training and self.patch_drop_rate:
            x = drop_patches(x, self.patch_drop_rate, self.num_prefix_tokens)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def embed(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] -> the input of the first block [B, prefix + N, D]."""
        x = self.patch_embed(images)  # [B, N, D]
        positions = self._positions(
            images.shape[-2] // self.config.patch_size, images.shape[-1] // self.config.patch_size
        )
        if positions is not None and self._positions_on_patches_only:
            x = x + positions
        prefix = [token.expand(x.shape[0], -1, -1) for token in (self.cls_token, self.reg_token) if token is not None]
        x = torch.cat([*prefix, x], dim=1)  # [B, prefix + N, D]
        if positions is not None and not self._positions_on_patches_only:
            x = x + positions
        return x

    def _positions(self, rows: int, columns: int) -> Tensor | None:
        """The position embedding, resized to another grid where `patch_embed.strict_img_size` is off and the images are of another size."""
        if self.pos_embed is None or (rows, columns) == self.grid_size:
            return self.pos_embed
        if self.config.pos_embed == "sincos2d":
            return sinusoidal_2d((rows, columns), self.config.embed_dim)[None].to(self.pos_embed)
        prefix = self.pos_embed.shape[1] - self.patch_embed.num_patches
        return resize_pos_embed(self.pos_embed, self.grid_size, (rows, columns), prefix)

    def pool(self, tokens: Tensor) -> Tensor:
        """Tokens [B, prefix + N, D] -> one vector an image [B, D]: the class token, or the mean of the patches."""
        if self.config.global_pool == "token":
            return tokens[:, 0]
        return tokens[:, self.num_prefix_tokens :].mean(dim=1)

    def forward_head(self, tokens: Tensor) -> Tensor:
        """Tokens [B, prefix + N, D] -> logits [B, K] (or features [B, D] without a head)."""
        return self.head(self.fc_norm(self.pool(tokens)))

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the head by a fresh one for ``num_classes`` classes (0: none), as before fine-tuning.

        Device and type are the model's. The new head is frozen where the old one was: ``model.head.requires_grad_(True)``
        frees it. (timm 1.0 keeps device and type, too, but a new head is always trained there.)
        """
        self.config = dataclasses.replace(self.config, num_classes=num_classes)
        frozen = isinstance(self.head, nn.Linear) and not any(p.requires_grad for p in self.head.parameters())
        self.head = nn.Linear(self.config.embed_dim, num_classes) if num_classes else nn.Identity()
        self._init_head()
        weight = self.patch_embed.proj.weight
        self.head.to(weight.device, weight.dtype).train(self.training).requires_grad_(not frozen)

    def set_input_size(self, img_size: int | tuple[int, int], **resize: Any) -> None:
        """Take images of another size: the grid changes, and with it the position embedding (see ``resize_pos_embed``).

        The new positions keep device and type of the old ones, and stay frozen if those were.

        Raises:
            ValueError: a side is not divisible by the patch size.
        """
        patches, old = self.patch_embed, self.pos_embed
        sized = PatchEmbed(img_size, patches.patch_size, patches.in_chans, 1)
        if old is not None and self.config.pos_embed == "learned":
            prefix = old.shape[1] - patches.num_patches
            table = resize_pos_embed(old.detach(), self.grid_size, sized.grid_size, prefix, **resize)
            self.pos_embed = nn.Parameter(table, old.requires_grad)
        patches.img_size, patches.grid_size, patches.num_patches = sized.img_size, sized.grid_size, sized.num_patches
        self.config = dataclasses.replace(self.config, img_size=img_size)
        if old is not None and self.config.pos_embed == "sincos2d":
            self.pos_embed = sinusoidal_2d(self.grid_size, self.config.embed_dim)[None].to(old)

    @property
    def _positions_on_patches_only(self) -> bool:
        return self.config.no_embed_class or self.config.pos_embed == "sincos2d"

    def _make_pos_embed(self) -> None:
        patches, D = self.patch_embed.num_patches, self.config.embed_dim
        if self.config.pos_embed == "learned":
            tokens = patches + (0 if self.config.no_embed_class else self.num_prefix_tokens)
            self.pos_embed = learned(tokens, D, self.config.pos_embed_std)
        elif self.config.pos_embed == "sincos2d":
            self.register_buffer("pos_embed", sinusoidal_2d(self.grid_size, D)[None])
        else:
            self.pos_embed = None


def drop_patches(tokens: Tensor, rate: float, prefix: int = 0) -> Tensor:
    """Keep a random (1 - rate) N of each image's N patches, rounded down and at least one; the prefix tokens stay.

    What a token knows of its place was added before, so no other has to stand for it. A step's cost falls with the tokens: that of attention
    with their square. Liu et al. 2023, "PatchDropout", section 3; the same patches as timm's `PatchDropout` at the same random numbers.

    Shape:
        [B, prefix + N, D] -> [B, prefix + max(1, floor((1 - rate) N)), D].
    """
    first, patches = tokens[:, :prefix], tokens[:, prefix:]
    B, N, D = patches.shape
    keep = max(1, int(N * (1 - rate)))
    kept = torch.argsort(torch.randn(B, N, device=tokens.device), dim=1)[:, :keep]  # [B, keep]
    return torch.cat([first, patches.gather(1, kept[..., None].expand(B, keep, D))], dim=1)


def _say_grid(model: nn.Module, state: dict[str, Tensor], prefix: str, metadata: dict[str, Any]) -> None:
    """Put the grid into a state dict's metadata, which torch.save keeps: 4x4 and 2x8 positions have the same shape."""
    assert isinstance(model, VisionTransformer)
    metadata["grid_size"] = model.grid_size


def count_parameters(model: nn.Module) -> int:
    """Numbers that training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
