"""Heads: what reads an encoder's tokens. Each takes an encoder and adds as little as its task needs."""

from vit_tutorial.heads.classification import LinearClassifier
from vit_tutorial.heads.segmentation import LinearSegmenter

__all__ = ["LinearClassifier", "LinearSegmenter"]
