"""Heads: what reads an encoder's tokens. Each takes an encoder and adds as little as its task needs."""

from vit_tutorial.heads.any_size import input_size, predict_whole, predict_windows
from vit_tutorial.heads.classification import LinearClassifier
from vit_tutorial.heads.config import SegmenterConfig
from vit_tutorial.heads.mask_transformer import MaskSegmenter, MaskTransformer
from vit_tutorial.heads.multitask import MultiTask, MultiTaskConfig, Output
from vit_tutorial.heads.queries import ClassQueries, QuerySegmenter
from vit_tutorial.heads.segmentation import LinearSegmenter, Segmenter

__all__ = [
    "ClassQueries",
    "LinearClassifier",
    "LinearSegmenter",
    "MaskSegmenter",
    "MaskTransformer",
    "MultiTask",
    "MultiTaskConfig",
    "Output",
    "QuerySegmenter",
    "Segmenter",
    "SegmenterConfig",
    "input_size",
    "predict_whole",
    "predict_windows",
]
