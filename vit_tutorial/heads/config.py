"""What fixes a segmenter's head, as fields of a recipe and of a file of weights: the encoder has its own, ``ViTConfig``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vit_tutorial.blocks import DropPath, EncoderBlock
from vit_tutorial.config import Config, setting
from vit_tutorial.heads.mask_transformer import MaskSegmenter
from vit_tutorial.heads.queries import QuerySegmenter
from vit_tutorial.heads.segmentation import LinearSegmenter, Segmenter
from vit_tutorial.vit import VisionTransformer


@dataclass(frozen=True)
class SegmenterConfig(Config):
    """A segmenter's head. No name but ``num_classes`` is one of ``ViTConfig``'s, so both may stand in one list of fields."""

    num_classes: int = setting(21, "classes K, background included", "[1, inf)")
    head: Literal["linear", "mask_transformer", "queries"] = setting(
        "linear", "a linear map, a mask transformer, or class queries in the encoder"
    )
    head_cells: int = setting(1, "linear, mask transformer: scores a class in each direction of a patch", "[1, inf)")
    head_depth: int = setting(
        2, "mask transformer: its blocks; queries: the encoder's last blocks that they join", "[1, inf)"
    )
    head_num_heads: int | None = setting(None, "mask transformer: heads a block; null for the encoder's", "[1, inf)")
    head_drop_path_rate: float = setting(0.0, "mask transformer: stochastic depth of its last block", "[0, 1)")

    def build(self, encoder: VisionTransformer, pixels: bool = True) -> Segmenter:
        """The segmenter on this encoder, its head with fresh weights.

        Raises:
            ValueError: the head does not fit the encoder, or queries are to have cells.
        """
        if self.head == "linear":
            return LinearSegmenter(encoder, self.num_classes, self.head_cells, pixels)
        if self.head == "queries":
            if self.head_cells > 1:
                raise ValueError(
                    f"head_cells is {self.head_cells}; queries score whole patches, so set it to 1, or take the head "
                    "linear or mask_transformer"
                )
            return QuerySegmenter(encoder, self.num_classes, self.head_depth, pixels)
        depth, num_heads, drop_path_rate = self.head_depth, self.head_num_heads, self.head_drop_path_rate
        return MaskSegmenter(encoder, self.num_classes, depth, num_heads, drop_path_rate, pixels, self.head_cells)

    @classmethod
    def of(cls, model: Segmenter) -> SegmenterConfig:
        """The configuration that :meth:`build` makes this segmenter's head of.

        Raises:
            ValueError: its head is another one.
        """
        if isinstance(model, LinearSegmenter):
            return cls(model.head.out_features // model.cells**2, "linear", model.cells)
        if isinstance(model, MaskSegmenter):
            first, last = model.head.blocks[0], model.head.blocks[-1]
            assert isinstance(first, EncoderBlock)
            assert isinstance(last, EncoderBlock)
            assert isinstance(last.drop_path1, DropPath)
            return cls(
                model.head.cls_emb.shape[1],
                "mask_transformer",
                model.cells,
                head_depth=len(model.head.blocks),
                head_num_heads=first.attn.num_heads,
                head_drop_path_rate=last.drop_path1.drop_prob,
            )
        if isinstance(model, QuerySegmenter):
            return cls(model.head.queries.shape[1], "queries", head_depth=model.depth)
        raise ValueError(
            f"a {type(model).__name__} is no LinearSegmenter, MaskSegmenter or QuerySegmenter, and has no SegmenterConfig"
        )
