"""What fixes an objective of pre-training, as fields of a recipe: the encoder has its own, ``ViTConfig``."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal

from vit_tutorial.config import Config, setting
from vit_tutorial.pretraining.contrastive import Contrastive
from vit_tutorial.pretraining.dino import DINO
from vit_tutorial.pretraining.mae import MaskedAutoencoder
from vit_tutorial.vit import VisionTransformer

Objective = MaskedAutoencoder | DINO | Contrastive
VIEWS = "dino or contrastive"


@dataclass(frozen=True)
class PretrainingConfig(Config):
    """The method, its settings, and the views of an image that it compares."""

    method: Literal["mae", "dino", "contrastive"] = setting("mae", "what is learned from images without labels")
    mask_ratio: float = setting(0.75, "share of hidden patches", "(0, 1)", of="mae")
    norm_targets: bool = setting(True, "predict each patch without its own mean and spread", of="mae")
    decoder_dim: int = setting(32, "width of the decoder, a multiple of 4 and of its heads", "[1, inf)", of="mae")
    decoder_depth: int = setting(1, "blocks of the decoder", "[1, inf)", of="mae")
    decoder_heads: int = setting(4, "heads of each", "[1, inf)", of="mae")
    hidden_dim: int = setting(256, "width inside projector and predictor", "[1, inf)", of=VIEWS)
    out_dim: int = setting(
        256, "outputs K that the teacher's probabilities are over; length of queries and keys", "[1, inf)", of=VIEWS
    )
    bottleneck_dim: int = setting(64, "length of the vector before the last layer", "[1, inf)", of="dino")
    student_temp: float = setting(0.1, "tau_s, of the student's softmax", "(0, inf)", of="dino")
    teacher_temp: float = setting(0.04, "tau_t, of the teacher's softmax", "(0, inf)", of="dino")
    centre_momentum: float = setting(0.9, "of the mean that is taken off the teacher's logits", "[0, 1]", of="dino")
    temperature: float = setting(0.2, "tau of InfoNCE", "(0, inf)", of="contrastive")
    frozen_patches: bool = setting(False, "leave the patch projection as it was drawn", of="contrastive")
    momentum: float = setting(0.99, "of the network that follows, at the first step; it grows to 1", "[0, 1]", of=VIEWS)
    view_scale: tuple[float, float] = setting(
        (0.5, 1.0), "smallest and largest share of an image that a view shows", "(0, 1]", ascending=True
    )
    small_views: int = setting(0, "further, smaller views of each image", "[0, inf)", of="dino")
    small_size: int = setting(0, "their side in pixels, a multiple of the patch size", "[0, inf)", of="dino")
    small_scale: tuple[float, float] = setting(
        (0.15, 0.5), "smallest and largest share of an image that they show", "(0, 1]", ascending=True, of="dino"
    )
    jitter: float = setting(0.0, "largest relative change of brightness, contrast and saturation of a view", "[0, 1]")

    def __post_init__(self) -> None:
        super().__post_init__()
        for f in fields(self):
            methods = f.metadata.get("of") or self.method
            if self.method not in methods.split(" or ") and getattr(self, f.name) != f.default:
                raise ValueError(
                    f"{f.name} is {getattr(self, f.name)!r}, but only {methods} knows it; leave it out of {self.method}"
                )
        if self.small_views and not self.small_size:
            raise ValueError(f"small_views is {self.small_views}, but not how large they are; set small_size, too")

    def build(self, encoder: VisionTransformer) -> Objective:
        """The objective on this encoder, everything else with fresh weights.

        Raises:
            ValueError: it does not fit the encoder.
        """
        if self.method == "mae":
            if self.decoder_dim % 4 or self.decoder_dim % self.decoder_heads:
                raise ValueError(
                    f"decoder_dim is {self.decoder_dim}, but it must be a multiple of 4, for its positions, and of decoder_heads, which is "
                    f"{self.decoder_heads}; choose a multiple of {math.lcm(4, self.decoder_heads)}"
                )
            return MaskedAutoencoder(
                encoder,
                self.decoder_dim,
                self.decoder_depth,
                self.decoder_heads,
                mask_ratio=self.mask_ratio,
                norm_targets=self.norm_targets,
            )
        if self.method == "contrastive":
            return Contrastive(
                encoder, self.hidden_dim, self.out_dim, self.temperature, self.momentum, self.frozen_patches
            )
        if self.small_views:
            P, (H, W) = encoder.config.patch_size, encoder.patch_embed.img_size
            if self.small_size % P or self.small_size > min(H, W):
                raise ValueError(
                    f"small_size is {self.small_size}, but views must be a multiple of the patch size {P} and at most "
                    f"{min(H, W)}, the images' shorter side; choose one of {', '.join(str(s) for s in range(P, min(H, W) + 1, P))}"
                )
        return DINO(
            encoder,
            self.out_dim,
            self.hidden_dim,
            self.bottleneck_dim,
            self.student_temp,
            self.teacher_temp,
            self.momentum,
            self.centre_momentum,
        )

    def given(self) -> dict[str, Any]:
        """The method, and the fields that differ from their defaults, as JSON knows them."""
        return {"method": self.method, **super().given()}


def kept_encoder(model: Objective) -> VisionTransformer:
    """The ViT that pre-training is for: of DINO the teacher's, of the others the one that was trained."""
    return model.teacher if isinstance(model, DINO) else model.encoder
