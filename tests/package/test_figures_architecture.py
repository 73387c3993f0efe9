"""The numbers that are drawn of attention and of chapter 2: mathematics, layers, pre-training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from figure_helpers import written
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from numpy.testing import assert_allclose

from vit_tutorial.figures import (
    attention_beside,
    attention_over_image,
    attention_over_images,
    error_sizes,
    head_grid,
    influence_map,
)
from vit_tutorial.figures.attention_math import (
    attention_shapes,
    cost_by_tokens,
    dot_product,
    matrices,
    score_spread,
    soft_lookup,
)
from vit_tutorial.figures.feedforward_math import kinks, line_panels, shares, two_planes, unit_patches
from vit_tutorial.figures.layers import by_layer, letter_figure, loss_by_step, norm_geometry
from vit_tutorial.figures.position_math import (
    accuracy_dots,
    against_distance,
    all_place_maps,
    clocks,
    closest,
    confused_places,
    counter_and_waves,
    heat_maps,
    interpolation,
    place_maps,
    share_bars,
)
from vit_tutorial.figures.pretraining import compare_methods, published_runs, reconstructions, short

GREY = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8) * 4
SQUARE = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])

# Attention over images


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


def test_models_beside_each_other_say_over_how_many_patches_they_look() -> None:
    image, one = torch.zeros(1, 8, 8, dtype=torch.uint8), torch.zeros(16)
    one[5] = 0.3
    maps = {"one patch": one, "all alike": torch.full((16,), 0.01), "four": (torch.arange(16) < 4).float()}
    axes = attention_beside(image, maps, (4, 4)).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["Image", *maps]
    assert [ax.get_xlabel() for ax in axes[1:]] == [f"spread over {n} of 16" for n in (1, 16, 4)]
    assert "0 of 16" in attention_beside(image, {"none": torch.zeros(16)}, (4, 4)).axes[1].get_xlabel()
    with pytest.raises(ValueError, match="no weights to show"):
        attention_beside(image, {}, (4, 4))
    with pytest.raises(ValueError, match=r"has 16 weights, got \[17\]"):
        attention_beside(image, {"with class token": torch.ones(17)}, (4, 4))


def test_the_head_grid_has_a_row_a_layer_and_a_column_a_head() -> None:
    maps = torch.rand(2, 3, 16)
    fig = head_grid(GREY, maps, (4, 4))
    assert len(fig.axes) == 6
    for n, axes in enumerate(fig.axes):
        assert_allclose(axes.images[1].get_array(), maps[n // 3, n % 3].reshape(4, 4))
        assert axes.get_xlabel() == f"max {float(maps[n // 3, n % 3].max()):.2g}"
    assert [axes.get_ylabel() for axes in fig.axes] == ["layer 0", "", "", "layer 1", "", ""]
    assert [axes.get_title() for axes in fig.axes] == ["head 0", "head 1", "head 2", "", "", ""]


def test_maps_of_a_whole_batch_are_refused_with_their_shape() -> None:
    with pytest.raises(ValueError, match=r"\[L, h, N\] or \[L, h, rows, columns\], got \[2, 2, 3, 17, 17\]"):
        head_grid(GREY, torch.ones(2, 2, 3, 17, 17), (4, 4))


# The map of the chapter (2.1)


def test_an_influence_map_counts_the_pairs_that_reach_each_other() -> None:
    matrix = np.eye(4)
    matrix[0, 3] = 0.5
    assert [text.get_text() for text in influence_map(matrix).axes[1].texts] == [
        "16 pairs of tokens",
        "4 reach themselves",
        "1 reach another",
    ]


def test_an_exact_zero_is_left_blank_and_a_tiny_influence_is_not() -> None:
    matrix = np.diag([1.0, 2.0])
    matrix[0, 1] = 1e-300
    (image,) = influence_map(matrix).axes[0].images
    assert np.ma.getmaskarray(image.get_array()).tolist() == [[False, False], [True, False]]


def test_errors_above_the_tolerance_have_another_colour() -> None:
    axes = error_sizes({"rounding": 1e-7, "mistake": 1e-2}, tolerance=1e-5).axes[0]
    small, large, _ = axes.get_lines()
    assert small.get_color() != large.get_color()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["rounding", "mistake"]


def test_an_exact_agreement_is_said_in_words() -> None:
    assert "exactly 0" in written(error_sizes({"same": 0.0, "other": 1e-3}, tolerance=1e-5))


def test_an_influence_with_its_sign_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="got -1; of signed numbers give the absolute values"):
        influence_map(-np.eye(2))


# Attention (2.1.1)


@pytest.mark.parametrize("angle", [0, 60, 90, 150])
def test_the_dot_product_is_written_out(angle: int) -> None:
    k = [2 * np.cos(np.radians(angle)), 2 * np.sin(np.radians(angle))]
    words = written(dot_product([1.0, 0.0], k)).replace("\N{MINUS SIGN}", "-")
    assert float(words.split("q · k = ")[1].split("\n")[0]) == pytest.approx(2 * np.cos(np.radians(angle)), abs=0.005)
    assert f"angle {angle}°" in words


def test_a_matrix_shows_each_of_its_numbers() -> None:
    words = written(matrices({"S": torch.tensor([[1.25, -2.5], [0.0, 3.75]])}, signed=True, digits=2))
    for number in ("1.25", "\N{MINUS SIGN}2.50", "0.00", "3.75"):
        assert number in words


def test_matrices_share_one_scale_that_is_symmetric_for_signed_ones() -> None:
    fig = matrices({"a": torch.ones(2, 2), "b": -4 * torch.ones(2, 2)}, signed=True)
    limits = {image.get_clim() for axes in fig.axes for image in axes.images}
    assert limits == {(-4.0, 4.0)}


def test_a_masked_score_is_minus_infinity_and_has_no_colour() -> None:
    fig = matrices({"S": torch.tensor([[1.0, float("-inf")], [0.5, 2.0]])}, signed=True)
    assert "\N{MINUS SIGN}\N{INFINITY}" in written(fig)
    (image,) = fig.axes[0].images
    assert np.ma.getmaskarray(image.get_array()).tolist() == [[False, True], [False, False]]
    assert image.get_clim() == (-2.0, 2.0)


def test_the_histogram_keeps_its_range_and_the_weights_their_height() -> None:
    weights = torch.tensor([0.75, 0.25])
    left, right = score_spread(torch.zeros(10), weights, reach=20).axes
    assert sum(bar.get_height() for bar in left.patches) == pytest.approx(1)
    assert left.patches[0].get_x() == -20
    assert [bar.get_height() for bar in right.patches] == [0.75, 0.25]
    assert "as if 1.6 of 2" in right.get_title(loc="left")


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="apply softmax"):
        score_spread(torch.zeros(10), torch.ones(2))
    with pytest.raises(ValueError, match="apply softmax"):
        soft_lookup([1.0, 0.0], SQUARE, SQUARE, torch.ones(4))


def test_the_output_of_a_look_up_is_the_weighted_mean_and_in_the_hull() -> None:
    weights = torch.tensor([0.7, 0.1, 0.1, 0.1])
    axes = soft_lookup([1.0, 0.0], SQUARE, SQUARE, weights).axes[2]
    output = next(line for line in axes.lines if line.get_label() == "output").get_xydata()
    assert_allclose(output[0], weights @ SQUARE, atol=1e-6)
    hull = next(patch for patch in axes.patches if isinstance(patch, Polygon))
    assert hull.get_path().contains_point(output[0])


def test_shapes_are_drawn_to_scale() -> None:
    fig = attention_shapes(32, 8)
    sizes = [(r.get_width(), r.get_height()) for r in fig.axes[0].patches if isinstance(r, Rectangle)]
    assert sizes == [(8, 32), (32, 8), (32, 32), (8, 32), (8, 32)]
    assert "1,024" in written(fig)


def test_more_tokens_than_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        attention_shapes(65, 16)


def test_the_curves_of_a_cost_are_those_given() -> None:
    lines = cost_by_tokens([16, 64], [1.0, 4.0], [1.0, 16.0]).axes[0].lines
    assert_allclose(lines[0].get_ydata(), [1, 4])
    assert_allclose(lines[1].get_ydata(), [1, 16])


# Positions (2.1.2)


def titles(fig: Figure) -> list[str]:
    return [axes.get_title(where) for axes in fig.axes for where in ("left", "center") if axes.get_title(where)]


def test_the_closest_two_places_are_found() -> None:
    assert closest(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])) == (0, 2, 1.0)


def test_one_sine_joins_two_places_a_period_apart() -> None:
    assert titles(confused_places(np.array([0.0, 1.0, 0.5, 0.0]))) == ["places 0 and 3 differ by 0"]


def test_a_clock_has_its_hand_at_the_angle_of_its_place() -> None:
    fig = clocks(np.array([np.pi / 2, 0.1]), place=1, places=4)
    hand = fig.axes[0].lines[-1]
    assert_allclose(hand.get_xydata(), [[0, 0], [1, 0]], atol=1e-12)  # a quarter turn from the top
    assert titles(fig) == ["pair 0\na turn: 4", "pair 1\na turn: 63"]


def test_a_counter_stands_beside_its_waves() -> None:
    fig = counter_and_waves(np.eye(4), np.zeros((4, 6)))
    assert [axes.images[0].get_array().shape for axes in fig.axes] == [(4, 4), (4, 6)]


def test_signed_matrices_are_drawn_around_zero_and_attention_from_it() -> None:
    fig = heat_maps({"signed": -np.eye(3), "attention": np.eye(3)})
    assert [axes.images[0].get_clim() for axes in fig.axes[:2]] == [(-1, 1), (0, 1)]


def test_each_map_outlines_its_own_query() -> None:
    fig = place_maps({"a": np.zeros(6), "b": np.ones(6)}, (2, 3), [0, 5])
    corners = [axes.patches[0].get_xy() for axes in fig.axes[:2]]
    assert corners == [(-0.5, -0.5), (1.5, 0.5)]


def test_all_maps_stand_where_their_places_are() -> None:
    similarity = np.arange(36).reshape(6, 6) / 36
    fig = all_place_maps(similarity, (2, 3))
    board = fig.axes[0].images[0].get_array()
    assert_allclose(board[3:5, 4:7], similarity[4].reshape(2, 3))  # second row, second column, a blank cell between


def test_parts_of_a_bar_follow_each_other() -> None:
    fig = share_bars([[0.25, 0.75]], ["a", "b"], ["row"])
    bars = fig.axes[0].patches
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 0.25), (0.25, 0.75)]


def test_accuracies_are_named_and_averaged() -> None:
    (axes,) = accuracy_dots({"a": [0.5, 0.7], "b": [0.1]}, chance=0.1).axes
    assert [text.get_text() for text in axes.texts] == ["0.60", "0.10"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


def test_curves_keep_their_values() -> None:
    (axes,) = against_distance([1, 2], {"a": [0.5, 0.1]}, "similarity", cloud=([1, 2], [0, 1])).axes
    assert_allclose(axes.lines[-1].get_ydata(), [0.5, 0.1])
    (axes,) = interpolation([0, 1], [0.0, 0.5, 1.0], {"linear": [0, 0.5, 1]}).axes
    assert_allclose(axes.lines[0].get_ydata(), [0, 0.5, 1])


def test_a_place_beyond_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match="place is 4, but the places are numbered from 0 to 3"):
        clocks([1.0], 4, 4)


def test_maps_of_another_grid_and_places_outside_it_are_refused() -> None:
    with pytest.raises(ValueError, match=r"each map has 6 values, got {'a': \[5\]}"):
        place_maps({"a": np.zeros(5)}, (2, 3), 0)
    with pytest.raises(ValueError, match="query is 6, but the patches are numbered from 0 to 5"):
        place_maps({"a": np.zeros(6)}, (2, 3), 6)


def test_shares_that_do_not_fit_their_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1 rows of 2 parts, got \[1, 1\]"):
        share_bars([[1.0]], ["a", "b"], ["row"])


# Feed-forward (2.1.3)

X = torch.linspace(-1, 1, 21)


def test_line_panels_draws_each_curve_in_its_panel() -> None:
    fig = line_panels(X, {"one": {"a": X, "b": X**2}, "two": {"c": -X}}, ylims=[(-1, 1), None])
    first, second = fig.axes
    assert [line.get_label() for line in first.lines if not line.get_label().startswith("_")] == ["a", "b"]
    assert_allclose(second.lines[-1].get_ydata(), -X.numpy())
    assert first.get_ylim() == (-1, 1)
    assert first.get_title(loc="left") == "one"


def test_line_panels_marks_a_level_to_compare_with() -> None:
    fig = line_panels(X, {"loss": {"a": X}}, marks={"log K": 0.5})
    assert "log K" in [text.get_text() for text in fig.axes[0].get_legend().get_texts()]


def test_two_planes_keeps_every_point_on_both_sides() -> None:
    points = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    fig = two_planes(points, points * 2, points.prod(1), ["a", "b"], ["c", "d"])
    for axes, factor in zip(fig.axes, (1, 2)):
        drawn = np.concatenate([c.get_offsets() for c in axes.collections if isinstance(c, PathCollection)])
        assert sorted(map(tuple, drawn)) == sorted(map(tuple, (points * factor).tolist()))


def test_kinks_draws_the_fit_and_a_line_a_unit() -> None:
    units = torch.stack([X, -2 * X, X + 1], 1)
    above, below = kinks(X, X, units.sum(1), units, "three").axes
    assert_allclose(above.lines[1].get_ydata(), units.sum(1).numpy())
    assert len(below.lines) == 3


def test_unit_patches_outlines_the_patch_that_was_named() -> None:
    fig = unit_patches(torch.rand(3, 8, 8), [0, 5, 3], [1.0, 2.0, 3.0], patch_size=2, columns=2)
    boxes = [p.get_xy() for p in fig.axes[0].patches if isinstance(p, Rectangle)]
    left, below = 8 + 3, 8 + 7 + 3  # where the second picture and the second row begin
    assert boxes == [(-0.5, -0.5), (left + 2 - 0.5, 2 - 0.5), (6 - 0.5, below - 0.5)]


def test_shares_are_stacked_to_one() -> None:
    fig = shares(2.0 ** np.arange(8), {"a": np.ones(8), "b": 3 * np.ones(8)}, "n", mark=(4, "here"))
    top = fig.axes[0].collections[-1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(1)
    assert {"a", "b", "here"} <= {text.get_text() for text in fig.axes[0].texts}


# Layers (2.2)


def test_the_norms_dot_lies_on_the_circle_wherever_the_token_is() -> None:
    for shift, scale in ((0.0, 1.0), (-2.0, 2.0), (2.0, 0.02)):
        *_, dot = norm_geometry((-1.2, 0.3, 1.5), shift, scale, 1e-9).axes[1].collections
        assert np.linalg.norm(dot.get_offsets()) == pytest.approx(3**0.5, abs=1e-4)


def test_a_logarithmic_scale_refuses_zero_and_names_the_series() -> None:
    with pytest.raises(ValueError, match="dead has the value 0"):
        by_layer({"dead": [0.0, 1.0]}, "gradient")
    by_layer({"dead": [0.0, 1.0]}, "gradient", log=False)


def test_losses_are_shown_as_a_running_mean_of_five() -> None:
    line = loss_by_step({"a": [[0.0, 0, 0, 0, 5, 5]]}).axes[0].lines[0]
    assert_allclose(line.get_ydata(), [1, 2])


def test_the_next_letter_is_the_accented_bar() -> None:
    bars = letter_figure(GREY, torch.rand(16), (4, 4), "fiv_", "ab.", [0.1, 0.7, 0.2]).axes[2].patches
    colours = [bar.get_facecolor() for bar in bars]
    assert colours[1] != colours[0] == colours[2]


# Pre-training (2.3)

PUBLISHED = {"ViT-B": ("labels", 86e6, 1.3e9), "MAE": ("hidden patches", 304e6, 2e9), "DeiT": ("labels", 86e6, 4e8)}


def test_each_run_stands_at_its_numbers_and_has_its_name() -> None:
    axes = published_runs(PUBLISHED).axes[0]
    drawn = {(x, y) for line in axes.lines for x, y in zip(line.get_xdata(), line.get_ydata())}
    assert drawn == {(p, n) for _, p, n in PUBLISHED.values()}
    assert {text.get_text() for text in axes.texts} == set(PUBLISHED)
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_each_way_of_pre_training_is_one_entry_of_the_legend() -> None:
    legend = published_runs(PUBLISHED).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["labels", "hidden patches"]


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


@pytest.mark.parametrize(("value", "text"), [(86e6, "86 M"), (1.2e9, "1.2 B"), (1500, "1.5 k"), (12, "12")])
def test_large_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
