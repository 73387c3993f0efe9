"""The numbers that are drawn of a training and its results, and in the examples (3.3) and the case studies (8)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from figure_helpers import written
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose

from vit_tutorial.figures import (
    accuracy_histogram,
    confusion,
    learning_curves,
    mistakes,
    reliability_diagram,
    schedule_plot,
    seed_curves,
)
from vit_tutorial.figures.cases import crop_boxes, stopping_point, two_readings
from vit_tutorial.figures.examples import look_closer, paired_differences, unread_pixels
from vit_tutorial.figures.images import to_picture
from vit_tutorial.figures.segmentation import ranked_masks

GREY = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8) * 4
CLASSES = ["zero", "one", "two", "three"]
HISTORY = [
    {"epoch": e, "train_loss": 2 / e, "val_loss": 2.1 / e, "val_accuracy": 1 - 0.8 / e, "lr": 1e-3} for e in (1, 2, 3)
]

# Training


def test_of_masks_the_miou_is_drawn_and_not_the_share_of_pixels() -> None:
    rows = [{**row, "val_miou": row["val_accuracy"] / 2} for row in HISTORY]
    loss, miou = learning_curves(rows).axes
    assert [axes.get_title(loc="left") for axes in (loss, miou)] == ["Loss", "mIoU"]
    assert_allclose(miou.lines[0].get_ydata(), [row["val_miou"] for row in rows])


def test_the_curves_are_the_history() -> None:
    loss, accuracy = learning_curves(HISTORY).axes
    lines = {line.get_label(): line for line in loss.lines}
    assert set(lines) == {"training", "validation"}
    assert_allclose(lines["training"].get_xydata(), [[1, 2], [2, 1], [3, 2 / 3]])
    assert_allclose(lines["validation"].get_ydata(), [2.1, 1.05, 0.7])
    assert_allclose(accuracy.lines[0].get_ydata(), [0.2, 0.6, 1 - 0.8 / 3])
    assert {t.get_text() for t in loss.texts} == {"—", "training", "validation"}


def test_training_and_validation_are_told_apart_without_colour() -> None:
    loss = learning_curves(HISTORY).axes[0]
    assert len({line.get_linestyle() for line in loss.lines}) == 2


def test_rows_may_lack_a_value() -> None:
    rows = [{"step": 0, "train_loss": 2.0}, {"step": 1, "train_loss": 1.0, "val_loss": 1.5}]
    (loss,) = learning_curves(rows).axes
    assert {line.get_label(): list(line.get_xdata()) for line in loss.lines} == {"training": [0, 1], "validation": [1]}


def test_several_runs_are_named_at_the_ends_of_their_lines_without_overlap() -> None:
    fig = learning_curves({"first": HISTORY, "second": HISTORY, "third": HISTORY})
    fig.canvas.draw()
    names = [t for t in fig.axes[0].texts if t.get_text() != "—"]
    assert [t.get_text() for t in names] == ["first", "second", "third"]
    boxes = sorted((t.get_window_extent() for t in names), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in itertools.pairwise(boxes))


def test_the_key_of_the_lines_stays_inside_the_figure_when_long_names_make_its_panel_narrow() -> None:
    fig = learning_curves({"crop, mirror": HISTORY, "and RandAugment": HISTORY})
    fig.canvas.draw()
    label = fig.axes[0].xaxis.label
    place = label.get_window_extent()
    assert "dashed: training" in label.get_text()
    assert place.x0 >= 0
    assert place.x1 < fig.axes[1].get_window_extent().x0


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([], "no rows"),
        ([{"val_loss": 1}], "'epoch' or 'step'"),
        ([{"epoch": 1, "loss": 1}], "the first has 'epoch', 'loss'"),
    ],
)
def test_a_history_without_curves_is_refused(history: list[dict[str, float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        learning_curves(history)


def test_the_schedule_is_drawn_step_by_step() -> None:
    (axes,) = schedule_plot({"a": torch.tensor([0.0, 1.0, 0.5]), "b": [1.0, 1.0, 1.0]}).axes
    assert_allclose(axes.lines[0].get_xydata(), [[0, 0], [1, 1], [2, 0.5]])
    assert axes.lines[1].get_label() == "b"


def history(*accuracies: float) -> list[dict[str, float]]:
    return [{"epoch": n + 1, "val_accuracy": a, "val_loss": 1 - a} for n, a in enumerate(accuracies)]


RUNS = {"ViT": [history(0.2, 0.5), history(0.4, 0.9)], "CNN": [history(0.6, 0.95)]}


def test_the_line_is_the_mean_of_the_seeds_and_the_band_their_range() -> None:
    fig = seed_curves(RUNS)
    axes = fig.axes[0]
    assert_allclose(axes.lines[0].get_xydata(), [[1, 0.3], [2, 0.7]])
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[band[:, 0] == 2][:, 1].min(), band[band[:, 0] == 2][:, 1].max()) == (0.5, 0.9)
    assert {"ViT", "CNN"} <= set(written(fig).splitlines())


def test_settings_whose_epochs_cost_unlike_are_drawn_over_minutes() -> None:
    plain, costly = (seed_curves(RUNS, minutes=dict.fromkeys(RUNS, m)).axes[0] for m in (1, 3))
    for one, three in zip(plain.lines, costly.lines, strict=True):
        assert_allclose(np.asarray(three.get_xdata()), 3 * np.asarray(one.get_xdata()))
    assert (plain.get_xlabel(), seed_curves(RUNS).axes[0].get_xlabel()) == ("minutes of one core", "epoch")
    uneven = seed_curves(RUNS, minutes={"ViT": [1, 4], "CNN": 2.5}).axes[0].lines
    assert [list(line.get_xdata()) for line in uneven[:2]] == [[1, 4], [2.5, 5]]


def test_settings_are_told_apart_without_colour() -> None:
    lines = seed_curves(RUNS, "val_loss").axes[0].lines
    assert lines[0].get_linestyle() != lines[1].get_linestyle()


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ({"a": [[{"epoch": 1, "train_loss": 2.0}]]}, "the first has epoch, train_loss"),
        ({"a": [history(0.1), history(0.1, 0.2)]}, "different epochs"),
    ],
)
def test_runs_that_have_no_common_curve_are_refused(runs: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        seed_curves(runs)


# Evaluation

PROBABILITIES = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.05, 0.05, 0.9, 0.0], [0.4, 0.3, 0.2, 0.1]])


def test_the_confusion_matrix_counts_and_colours_by_the_share_of_the_row() -> None:
    matrix = np.array([[8, 2], [0, 5]])
    axes = confusion(matrix, ["cat", "dog"]).axes[0]
    assert_allclose(axes.images[0].get_array(), [[0.8, 0.2], [0, 1]])
    assert {(t.get_position(), t.get_text()) for t in axes.texts} == {((0, 0), "8"), ((1, 0), "2"), ((1, 1), "5")}
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog"]


def test_a_class_without_images_leaves_an_empty_row() -> None:
    assert_allclose(confusion([[3, 0], [0, 0]], ["a", "b"]).axes[0].images[0].get_array(), [[1, 0], [0, 0]])


def test_a_matrix_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"4 classes need a \[4, 4\] matrix, got \[3, 3\]"):
        confusion(np.eye(3), CLASSES)


def test_only_mistakes_are_shown_the_most_confident_first() -> None:
    images = torch.stack([GREY, 255 - GREY, GREY])
    fig = mistakes(images, [0, 1, 3], PROBABILITIES, CLASSES)  # right, wrong with 0.9, wrong with 0.4
    first, bars, second, _ = fig.axes
    assert [first.get_title(loc="left"), second.get_title(loc="left")] == ["true: one", "true: three"]
    assert_allclose(first.images[0].get_array(), to_picture(255 - GREY))
    assert_allclose([bar.get_width() for bar in bars.patches[3:]], [0.9, 0.05, 0.05])
    assert [t.get_text() for t in bars.texts] == ["two", "90 %", "zero", "5 %", "one", "5 %"]


def test_the_true_class_among_the_three_is_bold() -> None:
    fig = mistakes(GREY[None], [1], PROBABILITIES[2:], CLASSES)
    assert [t.get_text() for t in fig.axes[1].texts if t.get_fontweight() == "bold"] == ["one"]


def test_where_nothing_is_wrong_the_figure_says_so() -> None:
    assert written(mistakes(GREY[None], [0], PROBABILITIES[:1], CLASSES)) == "No mistakes among 1 images."


def test_logits_in_place_of_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="sums to 6; apply softmax"):
        mistakes(GREY[None], [0], [[1.0, 2.0, 3.0, 0.0]], CLASSES)


def test_probabilities_of_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 images and 4 classes need labels \[2\] and probabilities \[2, 4\]"):
        mistakes(torch.stack([GREY] * 2), [0, 1, 2], PROBABILITIES, CLASSES)


def test_the_diagram_draws_a_gap_where_the_model_is_too_sure() -> None:
    axes = reliability_diagram([0.3, 0.9], [0.4, 0.5], [2, 8]).axes[0]
    bars = [patch.get_height() for patch in axes.patches]
    assert bars == pytest.approx([0.4, 0.5, 0.0, 0.4, 0.1, 0.0])


def test_a_histogram_of_accuracies_holds_them_all_and_marks_what_it_is_told() -> None:
    fig = accuracy_histogram([0.5, 0.5, 0.75], {"true": 0.6}, band=(0.4, 0.8))
    assert sum(patch.get_height() for patch in fig.axes[0].patches[1:]) == 3
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["true: 0.600"]


@pytest.mark.parametrize("images", [50, 400, 10_000])
def test_the_bars_of_accuracies_on_so_many_images_hold_equally_many_values(images: int) -> None:
    every = torch.arange(round(0.7 * images), images + 1).double() / images  # each value that there can be, once
    fig = accuracy_histogram(every, {"true": 0.9}, limits=(0.7, 1.0), images=images)
    heights = [patch.get_height() for patch in fig.axes[0].patches]
    assert sum(heights) == len(every)
    assert len({height for height in heights[:-1]}) == 1


@pytest.mark.parametrize(("accuracies", "marks"), [([], {}), ([1.2], {}), ([0.5], dict.fromkeys("abcde", 0.5))])
def test_a_histogram_refuses_what_is_no_accuracy(accuracies: list[float], marks: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"accuracies|marks"):
        accuracy_histogram(accuracies, marks)


# The examples (3.3)

FLAT = torch.full((1, 28, 28), 100, dtype=torch.uint8)
DIGITS = [str(digit) for digit in range(10)]
PROBABLE = torch.tensor([0.0, 0.7, 0.3, 0, 0, 0, 0, 0, 0, 0])
BASELINE = [0.50, 0.60, 0.70]
OTHERS = {"without flip": [0.52, 0.62, 0.72], "without crop": [0.45, 0.65, 0.67]}


@pytest.mark.parametrize(("patch_size", "share"), [(4, "0 %"), (16, "67 %"), (8, "27 %"), (28, "0 %")])
def test_the_title_counts_the_pixels_outside_the_whole_patches(patch_size: int, share: str) -> None:
    fig = unread_pixels(FLAT, patch_size)
    assert f"not read:\n{share} of the pixels, {share} of the ink" in written(fig)


def test_ink_that_lies_in_the_whole_patches_is_not_lost() -> None:
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    image[0, :16, :16] = 200
    assert "67 % of the pixels, 0 % of the ink" in written(unread_pixels(image, 16))


def test_one_patch_is_not_counted_in_the_plural() -> None:
    assert "P = 16: 1 patch;" in written(unread_pixels(FLAT, 16))


def test_a_mistake_is_shown_with_its_probabilities_and_its_neighbours() -> None:
    fig = look_closer(FLAT, PROBABLE, 2, DIGITS, [(FLAT, 1), (FLAT, 7)])
    assert "true: 2, called: 1" in written(fig)
    (bars,) = [axes for axes in fig.axes if axes.get_title(loc="left") == "Probability"]
    assert_allclose([bar.get_width() for bar in bars.patches[10:]], PROBABLE)
    assert [label.get_text() for label in bars.get_yticklabels() if label.get_fontweight() == "bold"] == ["2"]


def test_at_most_four_neighbours_are_shown() -> None:
    fig = look_closer(FLAT, PROBABLE, 2, DIGITS, [(FLAT, 1)] * 9)
    assert sum(len(axes.images) for axes in fig.axes) == 1 + 4


def test_a_mistake_without_one_probability_a_class_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"10 classes need \[10\] probabilities that sum to 1, got \[10\] with the sum 2"
    ):
        look_closer(FLAT, 2 * PROBABLE, 2, DIGITS, [(FLAT, 1)])


def markers(axes: Axes) -> list[tuple[float, float]]:
    return [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]


def test_each_seed_is_compared_with_itself() -> None:
    points = markers(paired_differences(BASELINE, OTHERS).axes[0])
    assert_allclose([x for x, row in points if row == 0], [2, 2, 2])
    assert_allclose([x for x, row in points if row == 1], [-5, 5, -3], atol=1e-9)


def test_the_spread_is_that_of_the_differences_and_not_of_the_accuracies() -> None:
    texts = [text.get_text() for text in paired_differences(BASELINE, OTHERS).axes[0].texts]
    assert texts == ["+2.0 ± 0.0", "\N{MINUS SIGN}1.0 ± 5.3"]


def test_the_rows_are_named_from_top_to_bottom() -> None:
    axes = paired_differences(BASELINE, OTHERS).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(OTHERS)
    assert axes.yaxis_inverted()


def test_zero_is_marked() -> None:
    axes = paired_differences(BASELINE, OTHERS).axes[0]
    assert any(line.get_linestyle() == "--" and list(line.get_xdata()) == [0, 0] for line in axes.lines)


def test_seeds_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="'x' has 2 seeds and the baseline 3"):
        paired_differences(BASELINE, {"x": [0.1, 0.2]})
    with pytest.raises(ValueError, match="at least two seeds"):
        paired_differences([0.5], {"x": [0.1]})
    with pytest.raises(ValueError, match="one change or more"):
        paired_differences(BASELINE, {})


# The case studies (8)

STOPPED = [
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


def test_the_kept_epoch_is_marked_and_what_was_not_run_is_grey() -> None:
    fig = stopping_point(STOPPED, best_epoch=3, limit=12)
    for axes in fig.axes:
        (marked,) = [line for line in axes.lines if len(line.get_xdata()) == 2]
        assert list(marked.get_xdata()) == [3, 3]
        (grey,) = axes.patches
        assert (grey.get_x(), grey.get_x() + grey.get_width()) == (5, 12)  # type: ignore[attr-defined]
    assert list(fig.axes[1].lines[0].get_ydata()) == [row["val_accuracy"] for row in STOPPED]


def test_the_two_readings_keep_their_values_and_zero_is_the_middle_of_the_colours() -> None:
    lost = torch.tensor([[0.5, -0.1], [0.0, 0.2]])
    fig = two_readings(torch.rand(3, 8, 8), torch.tensor([0.1, 0.2, 0.3, 0.4]), lost, (2, 2), "a title")
    drawn = fig.axes[2].images[-1]
    assert_allclose(np.asarray(drawn.get_array()), lost)
    assert drawn.get_clim() == (-0.5, 0.5)
    assert fig.axes[0].get_title(loc="left") == "a title"


def test_maps_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lost is \[2, 3\], the grid of patches \[2, 2\]"):
        two_readings(torch.rand(3, 8, 8), torch.ones(4), torch.zeros(2, 3), (2, 2))


# Masks ranked by their score


def ranked(of: list[float], **changes: Any) -> Any:
    masks = [torch.full((6, 8), 1), torch.zeros(6, 8, dtype=torch.int64)]
    masks[1][:3] = 1
    given = {"images": [torch.rand(3, 6, 8)] * len(of), "truths": [masks[0]] * len(of)}
    given |= {"answers": [masks[1]] * len(of), "scores": of, "classes": ["ground", "leaf"]}
    return ranked_masks(**(given | changes))


def test_the_scores_alone_decide_which_masks_are_shown() -> None:
    titles = [axes.get_title("left") for axes in ranked([0.3, float("nan"), 0.9, 0.1, 0.5]).axes]
    assert titles[::4] == ["best: 0.90", "median: 0.50", "worst: 0.10"]
    assert titles[1:4] == ["truth", "answer", "wrong: 50%"]
    assert [axes.get_title("left") for axes in ranked([0.4]).axes][::4] == ["best: 0.40", "median: 0.40", "worst: 0.40"]


def test_void_is_not_wrong_and_names_stand_in_large_regions_only() -> None:
    truth = torch.ones(6, 8, dtype=torch.int64)
    truth[3:] = 255
    truth[0, 0] = 0
    fig = ranked([0.5], truths=[truth])
    assert fig.axes[3].get_title("left") == "wrong: 4%"  # one pixel of the 24 that count
    assert "leaf" in written(fig)
    assert "ground" not in written(fig)


def test_masks_that_cannot_be_ranked_are_refused() -> None:
    with pytest.raises(ValueError, match=r"have the lengths \[2, 2, 2, 1\]; give as many of each"):
        ranked([0.1, 0.2], scores=[0.1])
    with pytest.raises(ValueError, match="there is no image with a score to be ranked by"):
        ranked([float("nan")])
    with pytest.raises(ValueError, match="the mask has the value 1, but 1 class names allow 0 to 0"):
        ranked([0.5], classes=["ground"])
