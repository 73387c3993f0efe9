"""The pictures of pre-training and fine-tuning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vit_tutorial.figures.pretraining import compare_methods, published_runs, reconstructions, short

RUNS = {"ViT-B": ("labels", 86e6, 1.3e9), "MAE": ("hidden patches", 304e6, 2e9), "DeiT": ("labels", 86e6, 4e8)}


def test_each_run_stands_at_its_numbers_and_has_its_name() -> None:
    axes = published_runs(RUNS).axes[0]
    drawn = {(x, y) for line in axes.lines for x, y in zip(line.get_xdata(), line.get_ydata())}
    assert drawn == {(p, n) for _, p, n in RUNS.values()}
    assert {text.get_text() for text in axes.texts} == set(RUNS)
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_each_way_of_pre_training_is_one_entry_of_the_legend() -> None:
    legend = published_runs(RUNS).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["labels", "hidden patches"]


def test_runs_that_no_logarithm_can_show_are_refused() -> None:
    with pytest.raises(ValueError, match="no run"):
        published_runs({})
    with pytest.raises(ValueError, match="above 0"):
        published_runs({"x": ("labels", 0, 1e9)})


def test_hidden_patches_are_covered_in_the_middle_row_only() -> None:
    images, mask = torch.rand(2, 1, 4, 6), torch.zeros(2, 6, dtype=torch.bool)
    mask[0, 4] = mask[1, 0] = mask[1, 5] = True
    fig = reconstructions(images, mask, images, patch_size=2)
    rows = np.array(fig.axes).reshape(3, -1)
    assert [len(axes.patches) for axes in rows[1][:2]] == [1, 2]
    assert not any(axes.patches for axes in [*rows[0], *rows[2]])
    assert rows[1][0].patches[0].get_xy() == (1.5, 1.5)  # patch 4 of a 2x3 grid: row 1, column 1


def test_what_is_painted_is_shown_within_the_range_of_pixels() -> None:
    images = torch.rand(1, 1, 4, 4)
    fig = reconstructions(images, torch.ones(1, 4, dtype=torch.bool), images * 3 - 1, patch_size=2)
    painted = np.array(fig.axes).reshape(3, -1)[2, 0].images[0].get_array()
    assert painted.min() >= 0
    assert painted.max() <= 1


def test_a_mask_of_another_grid_is_refused() -> None:
    images = torch.rand(1, 1, 4, 4)
    with pytest.raises(ValueError, match=r"need as many painted ones and a mask \[1, 4\]"):
        reconstructions(images, torch.ones(1, 9, dtype=torch.bool), images, patch_size=2)


def test_each_method_has_a_dot_a_seed_and_a_bar_at_the_mean() -> None:
    scores = {"probe": [0.5, 0.7], "full": [0.8]}
    axes = compare_methods(scores, {"probe": "10 numbers"}).axes[0]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == list(scores.values())
    bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 2.4]
    assert [bar[0] for bar in bars] == pytest.approx([0.6, 0.8])
    assert "10 numbers" in [text.get_text() for text in axes.texts]


def test_a_method_without_scores_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one score"):
        compare_methods({"probe": []})


@pytest.mark.parametrize(("value", "text"), [(86e6, "86 M"), (1.2e9, "1.2 B"), (1500, "1.5 k"), (12, "12")])
def test_large_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
