"""The pictures of the case studies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from figure_helpers import assert_nothing_sticks_out, assert_page_wide
from matplotlib.patches import Rectangle

from vit_tutorial.figures.cases import crop_boxes, stopping_point, two_readings

HISTORY = [
    {"epoch": epoch, "train_loss": 2 / epoch, "val_loss": 2.2 / epoch, "val_accuracy": accuracy}
    for epoch, accuracy in enumerate((0.2, 0.5, 0.7, 0.6, 0.65), start=1)
]


def test_each_box_is_drawn_where_it_was_cut_and_each_group_is_named() -> None:
    fig = crop_boxes(
        np.zeros((40, 60), np.uint8), {"train": [(0, 5, 10, 20), (20, 0, 30, 40)], "test": [(50, 0, 60, 9)]}
    )
    axes = fig.axes[0]
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [(f.get_x(), f.get_y(), f.get_width(), f.get_height()) for f in frames] == [
        (-0.5, 4.5, 10, 15),
        (19.5, -0.5, 10, 40),
        (49.5, -0.5, 10, 9),
    ]
    assert frames[0].get_linestyle() != frames[2].get_linestyle()  # told apart in grey
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == ["train", "test"]
    assert_nothing_sticks_out(fig)


def test_boxes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="boxes is empty"):
        crop_boxes(np.zeros((4, 4), np.uint8), {})
    with pytest.raises(ValueError, match=r"box \(0, 0, 5, 4\) is not within the picture of 4 x 4 pixels"):
        crop_boxes(np.zeros((4, 4), np.uint8), {"train": [(0, 0, 5, 4)]})


def test_the_kept_epoch_is_marked_and_what_was_not_run_is_grey() -> None:
    fig = stopping_point(HISTORY, best_epoch=3, limit=12)
    for axes in fig.axes:
        (marked,) = [line for line in axes.lines if len(line.get_xdata()) == 2]
        assert list(marked.get_xdata()) == [3, 3]
        (grey,) = axes.patches
        assert (grey.get_x(), grey.get_x() + grey.get_width()) == (5, 12)  # type: ignore[attr-defined]
    assert list(fig.axes[1].lines[0].get_ydata()) == [row["val_accuracy"] for row in HISTORY]
    assert_page_wide(fig)
    assert_nothing_sticks_out(fig)


def test_an_epoch_that_was_not_run_cannot_be_the_best() -> None:
    with pytest.raises(ValueError, match="epoch 9 is not in the history"):
        stopping_point(HISTORY, best_epoch=9, limit=12)


def test_the_two_readings_keep_their_values_and_zero_is_the_middle_of_the_colours() -> None:
    lost = torch.tensor([[0.5, -0.1], [0.0, 0.2]])
    fig = two_readings(torch.rand(3, 8, 8), torch.tensor([0.1, 0.2, 0.3, 0.4]), lost, (2, 2), "a title")
    drawn = fig.axes[2].images[-1]
    np.testing.assert_allclose(np.asarray(drawn.get_array()), lost)
    assert drawn.get_clim() == (-0.5, 0.5)
    assert fig.axes[0].get_title(loc="left") == "a title"
    assert_page_wide(fig)
    assert_nothing_sticks_out(fig)


def test_maps_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lost is \[2, 3\], the grid of patches \[2, 2\]"):
        two_readings(torch.rand(3, 8, 8), torch.ones(4), torch.zeros(2, 3), (2, 2))
