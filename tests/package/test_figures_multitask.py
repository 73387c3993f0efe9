"""The figures of several tasks show what they are given."""

from __future__ import annotations

import numpy as np
import torch

from vit_tutorial.data import scene_tasks
from vit_tutorial.figures.multitask import (
    by_budget,
    conflict_by_layer,
    price_of_a_variance,
    scenes_with_answers,
    settled,
)


def test_a_ring_lies_where_the_largest_digit_does_and_a_cross_where_the_model_says() -> None:
    splits = scene_tasks((3, 2, 2))
    y = splits.train.targets
    fig = scenes_with_answers(
        splits.train.images, y["mask"], y["largest"], ["a", "b", "c"], splits.classes, y["largest"] + 1
    )
    above = fig.axes[:3]
    assert [axes.get_title() or axes.get_title("left") for axes in above] == ["a", "b", "c"]
    for axes, (row, column) in zip(above, y["largest"].tolist()):
        ring, cross = axes.lines
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (column, row)
        assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (column + 1, row + 1)


def test_the_marks_stand_where_each_way_settled() -> None:
    axes = settled({"sum": 0.9, "uncertainty": 0.5}, 10).axes[0]
    assert [line.get_xdata()[0] for line in axes.lines if line.get_marker() != "None"] == [0.9, 0.5]


def test_a_line_for_each_pair_over_the_layers() -> None:
    fig = conflict_by_layer({"a, b": [0.1, -0.2], "a, c": [0.0, 0.3]}, ["embedding", "block 1"], [0.5, 0.5], "now")
    labels = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert labels == ["a task and itself, on other images", "a, b", "a, c"]


def test_the_lowest_point_of_each_price_is_marked() -> None:
    lines = price_of_a_variance([2.0, 0.02]).axes[0].lines
    marks = [line for line in lines if len(np.atleast_1d(line.get_xdata())) == 1]
    found = torch.tensor([[float(m.get_xdata()[0]), float(m.get_ydata()[0])] for m in marks])
    s = (2 * torch.tensor([2.0, 0.02])).log()
    torch.testing.assert_close(found, torch.stack([s, 0.5 * (1 + s)], 1))


def test_a_panel_a_task_and_a_bar_at_each_mean() -> None:
    fig = by_budget({"mask": {"one": [0.1, 0.3], "four": [0.5, 0.7]}, "count": {"one": [1.0, 1.0], "four": [0.9, 1.0]}})
    assert len(fig.axes) == 2
    bars = [line for line in fig.axes[0].lines if line.get_marker() == "None"]
    assert [round(bar.get_ydata()[0], 6) for bar in bars] == [0.2, 0.6]
