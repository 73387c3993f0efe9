"""Two heads on one encoder: one learns from labels, the other from a teacher, each from a token of its own."""

from __future__ import annotations

from torch import Tensor, nn

from vit_tutorial.vit import VisionTransformer, ViTConfig


class DistilledClassifier(nn.Module):
    """A ViT whose own head reads the class token or the mean of the patches, and whose second head reads its first register token.

    That register is the distillation token of Touvron et al. 2021, section 4: a token with no patch behind it, trained to answer what a teacher
    answers. In use the two heads' logits are averaged.

    Args:
        encoder: a ViT with a head and with ``reg_tokens`` of at least 1.

    Shape:
        [B, C, H, W] -> in training two tensors of logits [B, K], the head's and the second head's; else their mean [B, K].

    Raises:
        ValueError: the encoder has no register token, or no head.
    """

    def __init__(self, encoder: VisionTransformer) -> None:
        super().__init__()
        c = encoder.config
        if c.reg_tokens < 1 or c.num_classes < 1:
            missing = "reg_tokens is 0: it has no token for the teacher; build it with reg_tokens=1"
            raise ValueError(f"the encoder's {missing if c.reg_tokens < 1 else 'num_classes is 0: it has no head'}")
        self.encoder = encoder
        self.head_dist = nn.Linear(c.embed_dim, c.num_classes)
        nn.init.trunc_normal_(self.head_dist.weight, std=0.02)
        nn.init.zeros_(self.head_dist.bias)

    @property
    def config(self) -> ViTConfig:
        """The encoder's configuration."""
        return self.encoder.config

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        tokens = self.encoder.forward_features(images)  # [B, prefix + N, D]
        place = int(self.encoder.config.class_token)  # registers stand behind the class token
        by_label = self.encoder.forward_head(tokens)
        by_teacher = self.head_dist(self.encoder.fc_norm(tokens[:, place]))
        return (by_label, by_teacher) if self.training else (by_label + by_teacher) / 2
