"""The figures: what they show is what they were given, and drawing leaves nothing behind."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib
import matplotlib.figure
import nbformat
import numpy as np
import pytest
import torch
from figure_helpers import assert_nothing_sticks_out, assert_page_wide
from nbclient import NotebookClient
from numpy.testing import assert_allclose

from vit_tutorial.figures import (
    attention_over_image,
    attention_over_images,
    confusion,
    figure,
    head_grid,
    image_grid,
    learning_curves,
    mistakes,
    patch_row,
    schedule_plot,
)
from vit_tutorial.figures.images import to_picture
from vit_tutorial.figures.style import CATEGORIES

ROOT = Path(__file__).parents[2]
GREY = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8) * 4
CLASSES = ["zero", "one", "two", "three"]
HISTORY = [
    {"epoch": e, "train_loss": 2 / e, "val_loss": 2.1 / e, "val_accuracy": 1 - 0.8 / e, "lr": 1e-3} for e in (1, 2, 3)
]
PROBABILITIES = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.05, 0.05, 0.9, 0.0], [0.4, 0.3, 0.2, 0.1]])
ALL: dict[str, Callable[[], matplotlib.figure.Figure]] = {
    "image_grid": lambda: image_grid(torch.stack([GREY] * 4), titles=["a", "b", "c", "d"]),
    "patch_row": lambda: patch_row(GREY, 2),
    "learning_curves": lambda: learning_curves(HISTORY),
    "schedule_plot": lambda: schedule_plot([0.0, 1.0, 0.5]),
    "confusion": lambda: confusion(torch.eye(4), CLASSES),
    "mistakes": lambda: mistakes(torch.stack([GREY] * 3), [0, 1, 2], PROBABILITIES, CLASSES),
    "attention_over_image": lambda: attention_over_image(GREY, torch.ones(16) / 16, (4, 4), query=5),
    "attention_over_images": lambda: attention_over_images([GREY] * 8, torch.ones(8, 16) / 16, (4, 4)),
    "head_grid": lambda: head_grid(GREY, torch.ones(2, 3, 16) / 16, (4, 4)),
}


def texts(fig: matplotlib.figure.Figure) -> list[str]:
    """All that is written in a figure and shown."""
    fig.canvas.draw()
    found = fig.findobj(lambda artist: isinstance(artist, matplotlib.text.Text) and artist.get_visible())
    return [text.get_text() for text in found if text.get_text()]


# What holds for every figure


@pytest.mark.parametrize("name", ALL)
def test_a_figure_is_a_page_wide_png_of_two_dots_a_pixel(name: str) -> None:
    assert_page_wide(ALL[name]())


@pytest.mark.parametrize("name", ALL)
def test_nothing_sticks_out_of_a_figure(name: str) -> None:
    assert_nothing_sticks_out(ALL[name]())


@pytest.mark.parametrize("name", ALL)
def test_drawing_changes_no_setting_of_matplotlib(name: str) -> None:
    before = dict(matplotlib.rcParams)
    ALL[name]()._repr_png_()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", ALL)
def test_the_same_figure_is_the_same_file(name: str) -> None:
    assert ALL[name]()._repr_png_() == ALL[name]()._repr_png_()


def test_the_figures_colours_are_the_pages() -> None:
    css = (ROOT / "book" / "assets" / "book.css").read_text()
    page = [re.search(rf"--vt-c{n}: (#\w+|var\(--vt-ink\));", css)[1] for n in range(1, 9)]
    ink = re.search(r'\[data-theme="light"\] \{\s*--vt-ink: (#\w+);', css)[1]
    assert [ink if colour.startswith("var") else colour for colour in page] == list(CATEGORIES)


@pytest.mark.parametrize("first_line", ["import torch", "%matplotlib inline"])
def test_a_figure_as_the_last_value_of_a_cell_shows_exactly_once(first_line: str) -> None:
    cells = [
        first_line,
        "from vit_tutorial.figures import schedule_plot\nfig = schedule_plot([0.0, 1.0])",
        "fig",
        "x = 1",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [[output for output in cell.outputs if "data" in output] for cell in notebook.cells]
    assert [len(found) for found in outputs] == [0, 0, 1, 0]
    (shown,) = outputs[2]
    assert [kind for kind in shown.data if kind.startswith("image/")] == ["image/png"]
    assert shown.metadata["image/png"] == {"width": 690}


# Images and patches


def test_a_picture_is_the_image_scaled_to_0_and_1_with_channels_last() -> None:
    colour = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)
    assert_allclose(to_picture(colour), colour.permute(1, 2, 0).numpy() / 255)
    assert_allclose(to_picture(GREY), GREY[0].numpy() / 255)
    assert_allclose(to_picture(colour.permute(1, 2, 0).numpy()), to_picture(colour))
    assert_allclose(to_picture(colour.float() / 255), to_picture(colour), atol=1e-6)


def test_a_normalised_image_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"run from -1 to 1.5.*\* std \+ mean"):
        to_picture(torch.tensor([[-1.0, 1.5]]))


def test_an_image_of_two_channels_is_refused_with_its_shape() -> None:
    with pytest.raises(ValueError, match=r"got \[2, 8, 8\]"):
        to_picture(torch.zeros(2, 8, 8))


def test_the_grid_shows_every_image_under_its_title_row_by_row() -> None:
    images = torch.randint(0, 256, (7, 1, 4, 4), dtype=torch.uint8)
    fig = image_grid(images, titles=[f"t{n}" for n in range(7)], columns=5)
    assert [axes.get_title() for axes in fig.axes] == [f"t{n}" for n in range(7)]
    for axes, image in zip(fig.axes, images):
        assert_allclose(axes.images[0].get_array(), image[0].numpy() / 255)
    tops = [round(axes.get_position(original=True).y1, 6) for axes in fig.axes]
    assert len(set(tops[:5])) == 1
    assert tops[5] == tops[6] < tops[0]


def test_a_grid_is_as_wide_as_its_columns() -> None:
    widths = {n: image_grid(torch.stack([GREY] * 6), columns=n).get_figwidth() for n in (1, 2, 4, 6)}
    assert 4 * widths[1] == 2 * widths[2] == widths[4] == widths[6]
    tops = {round(axes.get_position().y1, 6) for axes in image_grid(torch.stack([GREY] * 6), columns=3).axes}
    assert len(tops) == 2  # two rows of three


def test_the_grid_turns_normalised_images_back() -> None:
    image, mean, std = torch.rand(3, 4, 4), [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    normalised = (image - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    shown = image_grid(normalised[None], mean=mean, std=std).axes[0].images[0].get_array()
    assert_allclose(shown, image.permute(1, 2, 0), atol=1e-6)


def test_the_grid_refuses_titles_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="2 titles for 3 images"):
        image_grid(torch.stack([GREY] * 3), titles=["a", "b"])


def test_the_row_of_tokens_holds_the_patches_in_reading_order() -> None:
    _, grid, row = patch_row(GREY, 4).axes
    picture = to_picture(GREY)
    expected = [picture[:4, :4], picture[:4, 4:], picture[4:, :4], picture[4:, 4:]]
    for axes in (grid, row):
        assert len(axes.images) == 4
        for shown, patch in zip(axes.images, expected):
            assert_allclose(shown.get_array(), patch)


def test_a_long_row_of_tokens_is_cut_in_its_middle_and_says_the_whole_number() -> None:
    fig = patch_row(torch.zeros(3, 14, 14), 2)
    row = fig.axes[2]
    assert [t.get_text() for t in row.texts] == [*map(str, range(11)), "…", "45", "46", "47", "48"]
    assert row.get_title(loc="left") == "The row: 49 patches, each 12 numbers"


def test_a_patch_size_that_does_not_divide_names_those_that_do() -> None:
    with pytest.raises(ValueError, match="8 is not divisible by patch size 3; choose 2, 4, 8"):
        patch_row(GREY, 3)


# Training


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


# Evaluation


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
    assert texts(mistakes(GREY[None], [0], PROBABILITIES[:1], CLASSES)) == ["No mistakes among 1 images."]


def test_logits_in_place_of_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="sums to 6; apply softmax"):
        mistakes(GREY[None], [0], [[1.0, 2.0, 3.0, 0.0]], CLASSES)


# Attention


def test_the_overlay_is_the_map_of_weights_over_the_whole_image() -> None:
    weights = torch.arange(16.0) / 120
    fig = attention_over_image(GREY, weights, (4, 4), query=5)
    overlay = fig.axes[1].images[1]
    assert_allclose(overlay.get_array(), weights.reshape(4, 4), atol=1e-7)
    assert overlay.get_extent() == [-0.5, 7.5, 7.5, -0.5]
    assert overlay.get_clim() == pytest.approx((0, 15 / 120))
    assert overlay.get_cmap().name == "viridis"


def test_the_patch_that_asks_is_outlined_where_it_is() -> None:
    image = torch.zeros(3, 8, 12)
    fig = attention_over_image(image, torch.ones(6) / 6, (2, 3), query=4)  # second row, second column
    assert {p.get_bbox().bounds for p in fig.axes[0].patches} == {(3.5, 3.5, 4, 4)}
    assert not attention_over_image(image, torch.ones(6) / 6, (2, 3)).axes[0].patches


def test_weights_with_the_class_token_are_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"16 weights, got \[17\]; leave out the 1 before the patches: weights\[1:\]"):
        attention_over_image(GREY, torch.ones(17) / 17, (4, 4))


def test_a_query_outside_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="query is 16, but the patches are numbered from 0 to 15"):
        attention_over_image(GREY, torch.ones(16) / 16, (4, 4), query=16)


def test_each_image_stands_above_its_own_map() -> None:
    images, weights = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8), torch.rand(4, 16)
    upper, lower = np.array(attention_over_images(images, weights, (4, 4)).axes).reshape(2, 4)
    for n in range(4):
        assert_allclose(upper[n].images[0].get_array(), images[n, 0].numpy() / 255)
        assert_allclose(lower[n].images[1].get_array(), weights[n].reshape(4, 4))
        assert upper[n].get_position().x0 == pytest.approx(lower[n].get_position().x0)


def test_the_head_grid_has_a_row_a_layer_and_a_column_a_head() -> None:
    maps = torch.rand(2, 3, 16)
    fig = head_grid(GREY, maps, (4, 4))
    assert len(fig.axes) == 6
    for n, axes in enumerate(fig.axes):
        assert_allclose(axes.images[1].get_array(), maps[n // 3, n % 3].reshape(4, 4))
        assert axes.get_xlabel() == f"max {float(maps[n // 3, n % 3].max()):.2g}"
    assert [axes.get_ylabel() for axes in fig.axes] == ["layer 0", "", "", "layer 1", "", ""]
    assert [axes.get_title() for axes in fig.axes] == ["head 0", "head 1", "head 2", "", "", ""]


def test_an_own_figure_has_the_size_asked_for() -> None:
    assert tuple(figure(height=2, width=3).get_size_inches()) == (3, 2)
