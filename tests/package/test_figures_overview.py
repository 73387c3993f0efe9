"""The numbers that are drawn of images and of chapter 1: origins, concepts, applications."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from figure_helpers import written
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose

from vit_tutorial.figures import applications, image_grid, patch_row
from vit_tutorial.figures.applications import (
    caption_ranking,
    class_masks,
    patch_answers,
    seen_and_unseen,
    training_moment,
)
from vit_tutorial.figures.concepts import parameter_bars, shuffled_digit, size_and_cost, soft_lookup
from vit_tutorial.figures.images import to_picture
from vit_tutorial.figures.origins import cost_bars, cost_curves, data_curves, loose_patches, timeline
from vit_tutorial.figures.style import CATEGORIES

GREY = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8) * 4
COLOUR = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))

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


# Origins (1.1)

EVENTS = [(2017.5, "a", "text"), (2020.8, "b", "images"), (2020.9, "c", "images"), (2023.0, "d", "text")]


def patches(fig) -> list[np.ndarray]:
    """The six patches of 2x2 pixels of a picture of 2 x 3 patches, with a gap of one pixel between them, through which the paper is seen."""
    canvas = np.asarray(fig.axes[0].images[0].get_array())
    assert canvas.shape == (5, 8, 4)
    opacity, grey = canvas[..., 3], canvas[..., 0]
    assert (opacity[2] == 0).all()
    assert (opacity[:, [2, 5]] == 0).all()
    cut = [np.s_[r : r + 2, c : c + 2] for r in (0, 3) for c in (0, 3, 6)]
    assert all((opacity[patch] == 1).all() for patch in cut)
    return [grey[patch] for patch in cut]


def test_the_time_line_has_every_event_once_below_the_one_before() -> None:
    fig = timeline(EVENTS)
    heights = {t.get_text(): t.get_position()[1] for t in fig.axes[0].texts}
    assert [heights[name] for name in "abcd"] == sorted(heights[name] for name in "abcd")
    assert heights["c"] - heights["b"] >= 1  # a row apart, although they are a month apart
    assert {"2017", "2023"} <= set(written(fig).splitlines())


def test_a_kind_of_event_has_one_colour() -> None:
    dots = [line for line in timeline(EVENTS).axes[0].lines if line.get_marker() == "o" and len(line.get_xdata())]
    colours = [line.get_color() for line in dots]
    assert colours[0] == colours[3] != colours[1] == colours[2]


def test_loose_patches_stand_where_the_order_puts_them() -> None:
    image = torch.arange(4 * 6, dtype=torch.uint8).reshape(1, 4, 6)
    whole, moved = patches(loose_patches(image, 2)), patches(loose_patches(image, 2, [5, 4, 3, 2, 1, 0]))
    for place in range(6):
        np.testing.assert_array_equal(moved[place], whole[5 - place])
    np.testing.assert_array_equal(whole[1], image[0, :2, 2:4].numpy() / 255)


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 0, 1, 2, 3, 4], torch.arange(1, 7)])
def test_an_order_that_loses_a_patch_is_refused(order) -> None:
    with pytest.raises(ValueError, match="each of the 6 patches once"):
        loose_patches(torch.zeros(1, 4, 6, dtype=torch.uint8), 2, order)


def test_a_power_is_a_straight_line_with_its_exponent_as_slope() -> None:
    axes = cost_curves([100, 200, 400], {"square": [1.0, 4.0, 16.0]}, "FLOPs").axes[0]
    x, y = (np.log(axes.lines[0].get_data()[i]) for i in (0, 1))
    assert np.allclose(np.diff(y) / np.diff(x), 2)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_bars_are_as_long_as_their_numbers_and_the_axis_stays() -> None:
    for shares in ({"a": 1.0, "b": 20.0}, {"a": 0.0, "b": 300.0}):
        axes = cost_bars(shares, "title", limit=300.0, unit="GFLOPs").axes[0]
        assert [bar.get_width() for bar in axes.patches] == pytest.approx(list(shares.values()), abs=1e-9)
        assert axes.get_xlim()[1] == 1800


def test_accuracies_are_shown_run_by_run_and_joined_at_their_means() -> None:
    axes = data_curves([10, 100], {"ViT": [[0.5, 0.7], [0.8, 0.9]]}).axes[0]
    means, first, second = (line.get_ydata() for line in axes.lines)
    assert list(means) == pytest.approx([60, 85])
    assert [*first, *second] == pytest.approx([50, 70, 80, 90])


# Concepts (1.2)

WEIGHTS = torch.arange(16.0) / 120
SURE, UNSURE = torch.tensor([0.1, 0.7, 0.2]), torch.tensor([0.2, 0.3, 0.5])
MODELS = {"large": {"FFN": 600, "attention": 300, "rest": 100}, "small": {"FFN": 50, "attention": 25, "rest": 25}}


def bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_the_weights_of_a_lookup_are_the_middle_panel() -> None:
    left, middle, right = soft_lookup(COLOUR, WEIGHTS, 1 - COLOUR, 5, (4, 4)).axes
    assert_allclose(np.asarray(middle.images[-1].get_array()), WEIGHTS.reshape(4, 4))
    assert_allclose(np.asarray(right.images[0].get_array()), (1 - COLOUR).permute(1, 2, 0))
    assert left.get_title(loc="left") == "Patch 5 asks"


def test_each_model_has_its_bars_and_its_verdict() -> None:
    fig = shuffled_digit(GREY, GREY.flip(-1), {"first": SURE, "second": UNSURE}, label=1)
    first, second = fig.axes[2:]
    assert_allclose([bar.get_height() for bar in bars(first)], SURE)
    assert_allclose([bar.get_height() for bar in bars(second)], UNSURE)
    assert first.get_title(loc="left") == "first: says 1, right"
    assert second.get_title(loc="left") == "second: says 2, wrong"


def test_every_bar_of_parameters_is_as_long_as_its_share() -> None:
    (axes,) = parameter_bars(MODELS).axes
    widths = np.array([bar.get_width() for bar in bars(axes)]).reshape(3, 2)
    assert_allclose(widths, [[0.6, 0.5], [0.3, 0.25], [0.1, 0.25]])


def test_size_and_cost_say_what_they_were_given() -> None:
    fig = size_and_cost(COLOUR, 16, 64, 17, 5_700_000, {"linear maps": 3e9, "pairs": 1e9})
    left, right = fig.axes
    words = [text.get_text() for text in right.texts]
    assert len(left.lines) == 2 * 3
    assert words == [
        "17 tokens",
        "5.7 M parameters",
        "4.0 G operations an image",
        "of these: linear maps 75%, pairs 25%",
    ]


# Applications (1.3)

SCENE = torch.arange(96, dtype=torch.uint8).reshape(1, 8, 12)
MASK = torch.zeros(8, 12, dtype=torch.int64)
MASK[2:4, 3:6], MASK[5, 7] = 1, 2
NAMES = ("background", "0", "1")
CAPTIONS = ["a faint one", "a bright one", "a faint two", "a bright two"]
CURVES = {"accuracy": (0.8, 0.85, 0.9), "mIoU": (0.2, 0.4, 0.6)}


def test_every_answer_stands_in_its_patchs_place() -> None:
    axes = patch_answers(SCENE, [1, 2, 3, 1, 1, 2], (2, 3), highlight=1).axes[1]
    places = {text.get_position(): text.get_text() for text in axes.texts}
    assert places[(0.5, 0.5)] == "1"
    assert places[(2.5, 0.5)] == "3"
    assert places[(0.5, 1.5)] == "1"
    assert places[(2.5, 1.5)] == "2"
    squares = [p for p in axes.patches if isinstance(p, Rectangle)]
    coloured = {p.get_xy() for p in squares if p.get_facecolor() == to_rgba(applications.RIGHT)}
    assert coloured == {(0, 0), (0, 1), (1, 1)}


def test_a_mask_is_drawn_in_the_colours_of_its_classes() -> None:
    fig = class_masks(SCENE, {"truth": MASK, "prediction": MASK}, NAMES)
    drawn = fig.axes[1].get_images()[0]
    colours = drawn.cmap(drawn.norm(MASK.numpy()))
    for number, colour in enumerate((applications.BACKGROUND, CATEGORIES[0], CATEGORIES[1])):
        assert_allclose(colours[MASK.numpy() == number], np.tile(to_rgba(colour), (int((number == MASK).sum()), 1)))
    assert {"image", "truth", "prediction", *NAMES} <= set(written(fig).splitlines())


def test_the_shown_moment_is_marked_on_its_curves() -> None:
    words = written(training_moment(SCENE, {"truth": MASK}, NAMES, [0, 10, 20], CURVES, now=1))
    assert "accuracy: 0.85" in words
    assert "mIoU: 0.40" in words


def test_captions_come_nearest_first_and_the_right_one_is_always_there() -> None:
    fig = caption_ranking(SCENE, CAPTIONS, [0.9, 0.1, -0.5, 0.3], CAPTIONS[2], CAPTIONS[2:], limit=2)
    names = [text.get_text() for text in fig.axes[1].texts if text.get_text().startswith("a ")]
    assert names == ["a faint one", "a bright two *", "a faint two *"]
    assert "place 4 of 4" in written(fig)


def test_the_bars_of_seen_and_unseen_pairs_are_as_long_as_their_shares() -> None:
    axes = seen_and_unseen(["1 of 2", "2 of 3"], [0.9, 0.9], [0.1, 0.6], [0.05, 0.03]).axes[0]
    assert [round(bar.get_width(), 6) for bar in axes.patches] == [0.9, 0.1, 0.9, 0.6]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: patch_answers(SCENE, [1, 2], (2, 3), 1), "2 answers for 2x3 patches; give one a patch"),
        (lambda: class_masks(SCENE, {"truth": MASK}, NAMES[:2]), "classes run from 0 to 2, but there are 2 names"),
        (lambda: class_masks(SCENE, {"truth": MASK}, [str(n) for n in range(10)]), "10 classes; at most 9"),
        (lambda: caption_ranking(SCENE, CAPTIONS, [1.0], CAPTIONS[0]), r"4 captions need as many scores, got \[1\]"),
    ],
)
def test_answers_names_and_scores_are_as_many_as_what_they_belong_to(draw: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw()
