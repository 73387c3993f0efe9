"""The benchmark of a training step of segmentation: every candidate takes its step."""

from __future__ import annotations

import pytest

from benchmarks.segmentation import SIZE, candidates
from vit_tutorial.vit import ViTConfig

CONFIG = ViTConfig(img_size=SIZE, patch_size=60, embed_dim=8, depth=2, num_heads=2, num_classes=0)


@pytest.mark.parametrize("name", candidates(CONFIG, 1))
def test_every_candidate_takes_a_step(name: str) -> None:
    candidates(CONFIG, 1)[name]()()
