"""A scene's masks during training: one figure an epoch, and a slider over all of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

from vit_tutorial.data.digit_scenes import digit_scenes
from vit_tutorial.figures.segmentation import mask_of_epoch
from vit_tutorial.widgets import live

SCENE = digit_scenes(1, split="test", seed=2)
TRUTH = SCENE.class_masks[0].numpy()
MASKS = {0: np.zeros_like(TRUTH), 3: np.where(TRUTH == 2, 0, TRUTH), 12: TRUTH}


def texts(epoch: int) -> list[str]:
    fig = mask_of_epoch(SCENE.images[0], MASKS, TRUTH, SCENE.classes, epoch)
    return [text.get_text() for text in fig.findobj(Text)]


def test_the_scores_are_those_of_the_epoch_that_is_shown() -> None:
    assert {"pixels right 1.000", "mIoU 1.000", "mask, epoch 12"} <= set(texts(12))
    background = (TRUTH == 0).mean()
    kinds = len(np.unique(TRUTH))
    assert {f"pixels right {background:.3f}", f"mIoU {background / kinds:.3f}"} <= set(texts(0))


def test_an_epoch_without_a_mask_is_named() -> None:
    with pytest.raises(ValueError, match="there is no mask of epoch 5; there are 0, 3, 12"):
        texts(5)


def test_a_slider_over_the_epochs_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    draw = partial(mask_of_epoch, SCENE.images[0], MASKS, TRUTH, SCENE.classes)
    figure: Any = live(
        draw, epoch=list(MASKS), start={"epoch": 3}, labels={"epoch": "Epoch"}, alt=lambda epoch: f"Epoch {epoch}."
    )
    html = figure._repr_mimebundle_()["text/html"]
    assert 'data-vt-figure="live"' in html
    assert all(f"Epoch {epoch}." in html for epoch in MASKS)
