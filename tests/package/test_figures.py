"""What holds for every figure of the book: it is drawn, readable in grey, and told in words wherever a page shows it."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import io
import itertools
import math
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
import numpy as np
import pytest
import torch
from figure_helpers import drawn, unread
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from nbclient import NotebookClient
from PIL import Image

from vit_tutorial import figures
from vit_tutorial.cost import Step
from vit_tutorial.dark import dark_twin
from vit_tutorial.figures import (
    annotations,
    applications,
    attention,
    attention_math,
    batch_size,
    cases,
    concepts,
    cost,
    evaluation,
    examples,
    experiments,
    feedforward_math,
    hunt,
    images,
    layers,
    losses,
    mathematics,
    multitask,
    origins,
    package,
    papers,
    position_math,
    pretraining,
    scaling,
    segmentation,
    self_supervision,
    strategies,
    streams,
    style,
    training,
)
from vit_tutorial.figures.style import CATEGORIES, PAGE_WIDTH
from vit_tutorial.figures.style import Figure as HouseFigure
from vit_tutorial.metrics.comparison import Difference
from vit_tutorial.vit import ViTConfig

ROOT = Path(__file__).parents[2]
LEAST = 9  # points: at three quarters of its size, as on a telephone, a plot's lettering is still 9 pixels high
LIGHTER = 10  # L* from 0 to 100: the least difference by which two greys are told apart

GREY = torch.arange(64, dtype=torch.uint8).reshape(1, 8, 8) * 4  # [C, H, W]
COLOUR = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
CLASSES = ["zero", "one", "two", "three"]
MASK = torch.arange(64).reshape(8, 8) % 3
EVEN = torch.ones(16) / 16  # the weights of 4 x 4 patches
ODD = torch.arange(16.0) / 120
X = torch.linspace(0.1, 1, 21)
SQUARE = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
P = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.05, 0.05, 0.9, 0.0], [0.4, 0.3, 0.2, 0.1]])
HISTORY = [
    {"epoch": e, "train_loss": 2 / e, "val_loss": 2.2 / e, "val_accuracy": 1 - 0.8 / e, "lr": 1e-3} for e in (1, 2, 3)
]
RUNS = {name: [HISTORY, [*HISTORY[:2], {**HISTORY[2], "val_accuracy": 0.9}]] for name in ("ViT", "CNN")}
EVENTS = [(2017.5, "a", "text"), (2020.8, "b", "images"), (2020.9, "c", "images"), (2023.0, "d", "text")]
CURVES = {"accuracy": (0.8, 0.85, 0.9), "mIoU": (0.2, 0.4, 0.6)}

SMALL_VIT = ViTConfig(img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=3)

CALLS: dict[str, Callable[[], Figure]] = {
    # chapter 7
    "cost.memory_over_step": lambda: cost.memory_over_step(SMALL_VIT, Step(8)),
    "cost.memory_bars": lambda: cost.memory_bars({"a": (SMALL_VIT, Step(8)), "b": (SMALL_VIT, Step(1))}, "MiB", [2.0]),
    "scaling.memory_by_processes": lambda: scaling.memory_by_processes(ViTConfig.named("tiny"), Step(8), (1, 2, 4), 1),
    "package.import_matrix": lambda: package.import_matrix(
        {"a": set(), "b": {"a"}, "c": {"d"}, "d": {"b"}}, list("abcd")
    ),
    # for every chapter
    "images.image_grid": lambda: images.image_grid(torch.stack([GREY] * 4), titles=["a", "b", "c", "d"]),
    "images.patch_row": lambda: images.patch_row(GREY, 2),
    "attention.attention_over_image": lambda: attention.attention_over_image(GREY, ODD, (4, 4), query=5),
    "attention.attention_over_images": lambda: attention.attention_over_images([GREY] * 8, ODD.expand(8, 16), (4, 4)),
    "attention.attention_beside": lambda: attention.attention_beside(
        GREY, {"DINO": ODD, "supervised": ODD + 1}, (4, 4)
    ),
    "attention.head_grid": lambda: attention.head_grid(GREY, ODD.expand(2, 3, 16), (4, 4)),
    "training.learning_curves": lambda: training.learning_curves(HISTORY),
    "training.seed_curves": lambda: training.seed_curves(RUNS),
    "training.schedule_plot": lambda: training.schedule_plot({"cosine": [0.0, 1.0, 0.5], "step": [1.0, 1.0, 0.1]}),
    "evaluation.confusion": lambda: evaluation.confusion(torch.eye(4), CLASSES),
    "evaluation.mistakes": lambda: evaluation.mistakes(torch.stack([GREY] * 3), [0, 1, 2], P, CLASSES),
    "evaluation.reliability_diagram": lambda: evaluation.reliability_diagram([0.3, 0.9], [0.4, 0.5], [2, 8]),
    "evaluation.accuracy_histogram": lambda: evaluation.accuracy_histogram(
        [0.5, 0.5, 0.75], {"true": 0.6}, band=(0.4, 0.8)
    ),
    "mathematics.influence_map": lambda: mathematics.influence_map(np.eye(4)),
    "mathematics.error_sizes": lambda: mathematics.error_sizes({"same": 0.0, "rounding": 1e-7, "slip": 1e-2}, 1e-5),
    # 1.1 to 1.3
    "origins.timeline": lambda: origins.timeline(EVENTS),
    "origins.loose_patches": lambda: origins.loose_patches(GREY, 4, [3, 2, 1, 0]),
    "origins.cost_curves": lambda: origins.cost_curves(
        [100, 200, 400],
        {"ViT": [2.0, 5.0, 18.0], "CNN": [1.0, 4.0, 16.0], "maps": [1.0, 3.0, 12.0], "pairs": [0.1, 1.0, 9.0]},
        "FLOPs",
        dashed=["maps", "pairs"],
    ),
    "origins.cost_bars": lambda: origins.cost_bars({"maps": 1.0, "pairs": 20.0}, "Where it goes", 300.0, "GFLOPs"),
    "origins.data_curves": lambda: origins.data_curves(
        [10, 100], {"ViT": [[0.5, 0.7], [0.8, 0.9]], "CNN": [[0.6, 0.7], [0.9, 0.9]]}
    ),
    "concepts.soft_lookup": lambda: concepts.soft_lookup(COLOUR, ODD, 1 - COLOUR, 5, (4, 4)),
    "concepts.shuffled_digit": lambda: concepts.shuffled_digit(GREY, GREY.flip(-1), {"ViT": P[0], "CNN": P[2]}, 1),
    "concepts.parameter_bars": lambda: concepts.parameter_bars(
        {
            size: {"FFN": n, "attention": n / 2, "patches": 9e5, "positions": 9e5, "head": 9e5, "rest": 9e5}
            for size, n in (("large", 8e6), ("small", 2e6))
        }
    ),
    "concepts.size_and_cost": lambda: concepts.size_and_cost(
        COLOUR, 16, 64, 17, 5_700_000, {"maps": 3e9, "pairs": 1e9}
    ),
    "applications.patch_answers": lambda: applications.patch_answers(GREY, [1, 2, 3, 1], (2, 2), highlight=1),
    "applications.class_masks": lambda: applications.class_masks(GREY, {"truth": MASK, "answer": MASK}, CLASSES[:3]),
    "applications.training_moment": lambda: applications.training_moment(
        GREY, {"truth": MASK}, CLASSES[:3], [0, 10, 20], CURVES, now=1
    ),
    "applications.caption_ranking": lambda: applications.caption_ranking(
        GREY, CLASSES, [0.9, 0.1, -0.5, 0.3], CLASSES[2], CLASSES[2:], limit=2
    ),
    "applications.seen_and_unseen": lambda: applications.seen_and_unseen(
        ["1 of 2", "2 of 3"], [0.9, 0.9], [0.1, 0.6], [0.05, 0.03]
    ),
    # 4
    "segmentation.named_masks": lambda: segmentation.named_masks(
        COLOUR, {"truth": MASK, "answer": MASK.T}, CLASSES[:3]
    ),
    "segmentation.ranked_masks": lambda: segmentation.ranked_masks(
        [COLOUR] * 3, [MASK] * 3, [MASK, MASK.T, 0 * MASK], [1.0, 0.5, 0.2], CLASSES[:3]
    ),
    "segmentation.number_grids": lambda: segmentation.number_grids(
        {"truth": MASK[:4, :4]}, {"truth": MASK[:4, :4] == 1}
    ),
    "segmentation.class_scores": lambda: segmentation.class_scores(
        {"a": {"sky": [0.9, 0.8], "pole": [0.1, 0.2]}, "b": {"sky": [0.7], "pole": [0.3]}}, {"sky": 0.9, "pole": 0.1}
    ),
    "segmentation.scores_of_a_mask": lambda: segmentation.scores_of_a_mask(
        GREY, {"truth": MASK}, CLASSES[:3], {"accuracy": 0.9, "mIoU": 0.4}
    ),
    "annotations.outline_fit": lambda: annotations.outline_fit(
        MASK > 0, MASK == 1, [[1, 1], [5, 1], [5, 5]], {"IoU": 0.9, "boundary IoU": 0.4}
    ),
    "annotations.objects_over_image": lambda: annotations.objects_over_image(
        COLOUR, [MASK == 1, MASK == 2], CLASSES[1:3], MASK == 0
    ),
    "segmentation.mask_of_epoch": lambda: segmentation.mask_of_epoch(
        GREY, {0: MASK * 0, 2: MASK.T, 5: MASK}, MASK, CLASSES[:3], 2
    ),
    # 2.1.1
    "attention_math.dot_product": lambda: attention_math.dot_product([1.0, 0.0], [0.5, 0.5]),
    "attention_math.matrices": lambda: attention_math.matrices({"S": torch.eye(3)}, ["a", "b", "c"]),
    "attention_math.score_spread": lambda: attention_math.score_spread(torch.arange(-10.0, 10), ODD),
    "attention_math.gradient_by_width": lambda: attention_math.gradient_by_width(
        [4, 16], {"√d": [[0.1, 0.5], [0.1, 0.5]], "none": [[0.1, 0.3], [0.01, 0.2]]}
    ),
    "attention_math.jacobian_bound": lambda: attention_math.jacobian_bound([0.5, 0.9], [0.4, 0.1]),
    "attention_math.soft_lookup": lambda: attention_math.soft_lookup([1.0, 0.0], SQUARE, SQUARE, P[0]),
    "attention_math.attention_shapes": lambda: attention_math.attention_shapes(16, 8),
    "attention_math.cost_by_tokens": lambda: attention_math.cost_by_tokens(
        [16, 64, 256], [1e6, 4e6, 16e6], [1e5, 1.6e6, 25.6e6], {"224": 197}
    ),
    # 2.1.2
    "position_math.confused_places": lambda: position_math.confused_places([0.0, 1.0, 0.5, 0.1]),
    "position_math.counter_and_waves": lambda: position_math.counter_and_waves(np.eye(4), np.sin(np.ones((4, 6)))),
    "position_math.clocks": lambda: position_math.clocks([math.pi / 2, 0.1], place=3, places=4),
    "position_math.against_distance": lambda: position_math.against_distance(
        [1, 2],
        {"a": [0.5, 0.1], "b": [0.4, 0.3], "c": [0.3, 0.3], "d": [0.2, 0.3]},
        "similarity",
        cloud=([1, 2], [0, 1]),
    ),
    "position_math.heat_maps": lambda: position_math.heat_maps({"signed": -np.eye(3), "not": np.eye(3)}, vmax=1),
    "position_math.place_maps": lambda: position_math.place_maps({"a": np.zeros(6), "b": np.ones(6)}, (2, 3), [0, 5]),
    "position_math.all_place_maps": lambda: position_math.all_place_maps(np.eye(6), (2, 3)),
    "position_math.share_bars": lambda: position_math.share_bars(
        [[0.2] * 5, [0.1, 0.3, 0.2, 0.2, 0.2]], ["a", "b", "c", "d", "e"], ["x", "y"]
    ),
    "position_math.accuracy_dots": lambda: position_math.accuracy_dots({"a": [0.5, 0.7], "b": [0.1]}, chance=0.1),
    "position_math.interpolation": lambda: position_math.interpolation(
        [0, 1], [0.0, 0.5, 1.0], {"linear": [0, 0.5, 1], "cubic": [0, 0.6, 1]}
    ),
    # 2.1.3
    "feedforward_math.line_panels": lambda: feedforward_math.line_panels(
        X, {"one": {"a": X, "b": X**2}, "two": {"c": -X}}, marks={"log K": 0.5}
    ),
    "feedforward_math.two_planes": lambda: feedforward_math.two_planes(
        SQUARE, 2 * SQUARE, SQUARE.prod(1), ["a", "b"], ["c", "d"]
    ),
    "feedforward_math.kinks": lambda: feedforward_math.kinks(X, X, 3 * X, torch.stack([X, 2 * X], 1), "two units"),
    "feedforward_math.unit_patches": lambda: feedforward_math.unit_patches(
        COLOUR, [0, 5, 3], [1.0, 2.0, 3.0], patch_size=2, columns=2
    ),
    "feedforward_math.shares": lambda: feedforward_math.shares(
        2.0 ** np.arange(8), {"a": np.ones(8), "b": 3 * np.ones(8)}, "n", mark=(4, "here")
    ),
    # 2.2
    "layers.block_orders": lambda: layers.block_orders(),
    "layers.norm_geometry": lambda: layers.norm_geometry((-1.2, 0.3, 1.5), 2.0, 2.0, 1e-6),
    "layers.by_layer": lambda: layers.by_layer({"bare": [1e-9, 1e-3, 1.0], "residual": [1, 2, 3]}, "gradient"),
    "layers.loss_by_step": lambda: layers.loss_by_step({"pre": [[2.0] * 20, [1.0] * 20], "post": [[2.3] * 20]}, 2.3),
    "layers.head_dots": lambda: layers.head_dots({"distance": P, "entropy": P.sqrt()}, {"distance": 0.5}),
    "layers.offset_maps": lambda: layers.offset_maps(COLOUR[:, :7, :7]),
    "layers.map_row": lambda: layers.map_row(GREY, {"last": ODD, "drop": ODD - 0.05}, (4, 4)),
    "layers.deletion_curves": lambda: layers.deletion_curves(
        [0, 1], {name: [0.9, 0.8 - 0.1 * n] for n, name in enumerate(("last", "rollout", "ink", "occlusion", "random"))}
    ),
    "layers.letter_figure": lambda: layers.letter_figure(GREY, ODD, (4, 4), "fiv_", "abc.", P[1]),
    # 2.3
    "pretraining.published_runs": lambda: pretraining.published_runs(
        {"ViT-B": ("labels", 86e6, 1.3e9), "MAE": ("hidden patches", 304e6, 2e9), "DeiT": ("labels", 86e6, 4e8)}
    ),
    "pretraining.reconstructions": lambda: pretraining.reconstructions(
        GREY[None], ODD[None] > 0.1, GREY[None] / 255, 2
    ),
    "pretraining.compare_methods": lambda: pretraining.compare_methods(
        {"probe": [0.5, 0.7], "full": [0.8]}, {"probe": "10 numbers"}
    ),
    # 5.1
    "losses.target_and_gradient": lambda: losses.target_and_gradient(P[0], torch.tensor([0.1, 0.9, 0, 0]), CLASSES),
    "losses.gap_dots": lambda: losses.gap_dots({"a": [0.1, 0.2], "b": [-0.3]}, "unsure", "too sure", "gap"),
    # 5.3
    "experiments.two_groups": lambda: experiments.two_groups(np.linspace(0.9, 0.95, 12), [0, 1, 2], [9, 10, 11]),
    "experiments.intervals": lambda: experiments.intervals(
        {"a": Difference(0.02, 0.01, 0.03, 6), "b": Difference(0.0, -0.01, 0.01, 6)}, "a minus b"
    ),
    "experiments.rates_by_batch": lambda: experiments.rates_by_batch(
        [[0.5, 0.9, 0.8], [0.4, 0.8, 0.9]], [16, 64], [1e-3, 2e-3, 4e-3]
    ),
    "experiments.rate_curves": lambda: experiments.rate_curves(
        [1e-3, 2e-3], {"batch 16": np.array([[0.8, 0.9], [0.7, 0.8]]), "batch 64": np.array([[0.6, 0.7], [0.8, 0.8]])}
    ),
    "experiments.range_test": lambda: experiments.range_test(
        np.geomspace(1e-5, 1, 20), np.linspace(2.3, 4, 20), {"best of the grid": 1e-3}
    ),
    # 6.1
    "multitask.scenes_with_answers": lambda: multitask.scenes_with_answers(
        torch.stack([GREY] * 3), torch.stack([MASK] * 3), SQUARE[:3] + 3, ["a", "b", "c"], CLASSES[:3], SQUARE[:3] + 4
    ),
    "multitask.settled": lambda: multitask.settled({"sum": 0.9, "uncertainty": 0.5}, 10),
    "multitask.conflict_by_layer": lambda: multitask.conflict_by_layer(
        {"a, b": [0.1, -0.2], "a, c": [0.0, 0.3]}, ["embedding", "block 1"], [0.5, 0.6], "after a step"
    ),
    "multitask.price_of_a_variance": lambda: multitask.price_of_a_variance([2.0, 0.5, 0.02]),
    "multitask.by_budget": lambda: multitask.by_budget(
        {"mask": {"one": [0.1, 0.3], "four": [0.5, 0.7]}, "count": {"one": [0.9, 1.0], "four": [0.8, 1.0]}}
    ),
    # 6.2
    "self_supervision.pulls_and_pushes": lambda: self_supervision.pulls_and_pushes(torch.eye(4), 0.5),
    "self_supervision.answers_by_class": lambda: self_supervision.answers_by_class(
        {"both": torch.eye(4), "not centred": torch.ones(4, 4) / 4}, CLASSES
    ),
    "self_supervision.nearest_images": lambda: self_supervision.nearest_images(
        GREY, torch.stack([GREY] * 3), ["a", "b", "c", "d"], [True, False, True]
    ),
    "self_supervision.two_entropies": lambda: self_supervision.two_entropies(
        {"one": [(1.0, 1.2), (0.1, 0.2)], "same": [(1.0, 1.2), (2.0, 2.1)]}, 16
    ),
    # 5.2.2
    "batch_size.gradient_cloud": lambda: batch_size.gradient_cloud(SQUARE, 0.5, 1.0, 2.0, "batches of 4"),
    "batch_size.by_batch_size": lambda: batch_size.by_batch_size(
        {"one": ([1, 4, 16], {"measured": [4, 2, 1]}, {"law": [4, 2, 1]}), "two": ([1, 2], {"m": [1, 3]}, {})}
    ),
    # 7.2.4
    "streams.mixing": lambda: streams.mixing([1, 0, 2, 4, 3, 5, 7, 6], [0, 0, 1, 1, 2, 2, 3, 3], 4, "a buffer of 2"),
    # 5.2
    "strategies.bowl_path": lambda: strategies.bowl_path([[1.5, 1.0], [1.4, -0.6], [1.3, 0.3]], (1.0, 20.0)),
    "strategies.singular_value_map": lambda: strategies.singular_value_map(
        [0.9, 0.1], 1, [1.1, 0.34], (3.4445, -4.775, 2.0315)
    ),
    "strategies.schedule_view": lambda: strategies.schedule_view(
        "cosine", {"3 steps": [1, 0.5, 0], "5 steps": [1, 0.9, 0.5, 0.1, 0]}
    ),
    "strategies.landscape": lambda: strategies.landscape(
        [-1, 0, 1], [-1, 1], [[1.0, 0.5, 2.0], [0.8, 0.1, 1.0]], {"SGD": ([[0, 0], [1, 1]], [1.0, 0.2])}, 1
    ),
    # 3.3 and 8
    "examples.unread_pixels": lambda: examples.unread_pixels(GREY, 3),
    "examples.look_closer": lambda: examples.look_closer(GREY, P[1], 2, CLASSES, [(GREY, 1), (GREY, 3)]),
    "examples.paired_differences": lambda: examples.paired_differences(
        [0.50, 0.60, 0.70], {"without flip": [0.52, 0.62, 0.72], "without crop": [0.45, 0.65, 0.67]}
    ),
    "cases.crop_boxes": lambda: cases.crop_boxes(GREY, {"train": [(0, 1, 3, 4), (2, 0, 3, 8)], "test": [(5, 0, 8, 3)]}),
    "cases.stopping_point": lambda: cases.stopping_point(HISTORY, best_epoch=2, limit=5),
    "cases.two_readings": lambda: cases.two_readings(COLOUR, ODD, (ODD - 0.05).reshape(4, 4), (4, 4), "a title"),
    # 7.3
    "hunt.check_matrix": lambda: hunt.check_matrix(
        {("a", "first check"): True, ("b", "first check"): False}, ["a", "b"], ["first check"]
    ),
    # A
    "papers.paper_timeline": lambda: papers.paper_timeline(papers.read_papers(), "tokens"),
    "papers.sizes_over_time": lambda: papers.sizes_over_time(
        {"A": (2020.0, 1e6), "B": (2021.0, 1e7), "C": (2023.0, 1e9)}, line=("A", "B")
    ),
}

# From the fourth colour on each is about as light as one before. These draw so many series and tell them apart by nothing else.
ALIKE = {
    "origins.cost_curves": [("maps", "pairs")],
    "concepts.parameter_bars": [
        ("FFN", "positions"),
        ("attention", "head"),
        ("attention", "rest"),
        ("patches", "positions"),
        ("patches", "rest"),
        ("positions", "rest"),
        ("head", "rest"),
    ],
    "position_math.against_distance": [("a", "d"), ("c", "d")],
    "position_math.share_bars": [("a", "d"), ("b", "e"), ("c", "d")],
    "layers.deletion_curves": [("last", "occlusion"), ("rollout", "random"), ("ink", "occlusion")],
}


def test_no_figure_is_left_out() -> None:
    names = [name for _, name, _ in pkgutil.iter_modules(figures.__path__)]
    modules = [importlib.import_module(f"{figures.__name__}.{name}") for name in names]
    public = {
        f"{name}.{function.__name__}"
        for name, module in zip(names, modules)
        for function in vars(module).values()
        if inspect.isfunction(function) and function.__module__ == module.__name__
        if inspect.signature(function).return_annotation == "Figure" and not function.__name__.startswith("_")
    }
    assert public - {"style.figure"} == set(CALLS)
    assert set(figures.__all__) <= {name.split(".")[1] for name in public} | {"style"}


@pytest.mark.parametrize("name", CALLS)
def test_a_figure_is_drawn_readable_in_grey_and_told_in_words(name: str) -> None:
    settings = dict(matplotlib.rcParams)
    fig = CALLS[name]()
    assert isinstance(fig, HouseFigure)
    width, height = fig.get_size_inches()
    assert width <= PAGE_WIDTH
    light = drawn(fig)
    dots = np.asarray(light.buffer_rgba())
    assert all(
        abs(n - 200 * inches) < 1.01 for n, inches in zip(dots.shape, (height, width))
    )  # two dots a pixel of the page, rounded as matplotlib likes
    quickly = drawn_dots(laid_out_as(fig, CALLS[name]()))
    assert np.array_equal(quickly, dots) or np.array_equal(drawn_dots(CALLS[name]()), dots), "again it is another"
    assert dict(matplotlib.rcParams) == settings

    with style():
        box = fig.get_tightbbox(light)  # inches
    assert box.x0 > -0.02, "something sticks out"
    assert box.y0 > -0.02, "something sticks out"
    assert box.x1 < width + 0.02, "something sticks out"
    assert box.y1 < height + 0.02, "something sticks out"

    assert alike_in_grey(fig) == ALIKE.get(name, [])
    assert unread(fig, dark_twin(fig), light) == [], "in dark"
    sizes = {text.get_fontsize(): text.get_text() for text in fig.findobj(Text) if text.get_text()}
    assert min(sizes, default=LEAST) >= LEAST, f"on a telephone nobody can read {sizes[min(sizes)]!r}"

    for cell, words in shown_on_pages().get(name, []):
        assert len(words) >= 10, f"{cell} shows it without alternative text: give the cell mystnb.image.alt"


def laid_out_as(first: Figure, again: Figure) -> Figure:
    """The second figure with its axes where those of the first were put: to find their places takes longer than to draw.

    Where more than axes was put in its place, or one in another, the picture is another.
    """
    again.set_layout_engine("none")
    for mine, theirs in zip(again.findobj(Axes), first.findobj(Axes), strict=True):
        for which in ("original", "active"):
            mine._set_position(theirs.get_position(original=which == "original"), which)  # type: ignore[attr-defined]
    return again


def drawn_dots(fig: Figure) -> np.ndarray:
    """What its PNG holds; to save it would draw it twice and pack what is compared."""
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())  # type: ignore[attr-defined]


def test_a_cell_shows_the_dots_that_are_drawn_at_half_their_number() -> None:
    fig = CALLS["training.schedule_plot"]()
    data, metadata = fig._repr_png_()  # type: ignore[attr-defined]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), drawn_dots(CALLS["training.schedule_plot"]()))
    assert metadata == {"width": 690}


def test_every_figure_is_found_on_the_pages_that_show_it() -> None:
    assert set(CALLS) - set(shown_on_pages()) == set()


# Grey


def test_what_differs_in_colour_only_is_alike_in_grey() -> None:
    fig = figures.figure(height=2)
    axes = fig.subplots()
    for colour, dash, name in (
        (CATEGORIES[2], "-", "a"),
        (CATEGORIES[3], "-", "b"),
        (CATEGORIES[3], "--", "c"),
        (CATEGORIES[0], "-", "d"),
    ):
        axes.plot([1, 2], color=colour, linestyle=dash, label=name)
    assert alike_in_grey(fig) == [("a", "b"), ("b", "d")]  # not a and d, nor c and any
    axes.legend()
    assert alike_in_grey(fig) == [("a", "b"), ("b", "d")]


def alike_in_grey(fig: Figure) -> list[tuple[str, str]]:
    """Pairs of things named in a figure, in a legend or as lines of one plot, that only their colour tells apart."""
    keys: list[list[tuple[str, Any]]] = [
        [(text.get_text(), handle) for text, handle in zip(legend.get_texts(), legend.legend_handles)]
        for legend in fig.findobj(Legend)
    ]
    if not keys:
        lines = [[(str(line.get_label()), line) for line in axes.lines] for axes in fig.findobj(Axes)]
        keys = [[(name, line) for name, line in named if not name.startswith("_")] for named in lines]
    return [
        (first, second)
        for key in keys
        for (first, a), (second, b) in itertools.combinations(key, 2)
        if form(a) == form(b) and abs(lightness(a) - lightness(b)) < LIGHTER
    ]


def form(artist: Any) -> tuple[Any, ...]:
    """All but the colour by which a reader knows it."""
    if isinstance(artist, Line2D):
        return "line", artist.get_linestyle(), str(artist._unscaled_dash_pattern), artist.get_marker()  # type: ignore[attr-defined]
    if isinstance(artist, PathCollection):
        return "points", artist.get_paths()[0].vertices.tobytes()
    return type(artist).__name__, artist.get_hatch()


def lightness(artist: Line2D | Patch | PathCollection) -> float:
    """CIE L*, 0 black to 100 white."""
    colour = artist.get_color() if isinstance(artist, Line2D) else np.atleast_2d(artist.get_facecolor())[0]
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


# Words


@functools.cache
def shown_on_pages() -> dict[str, list[tuple[str, str]]]:
    """For each figure the cells whose value it is, with the alternative text of each."""
    shown: dict[str, list[tuple[str, str]]] = {}
    for path in sorted([*(ROOT / "chapters").rglob("*.ipynb"), *(ROOT / "appendices").rglob("*.ipynb")]):
        if any(part.startswith(".") for part in path.relative_to(ROOT).parts):
            continue  # a copy that an editor made
        names: dict[str, set[str]] = {}  # what the notebook calls them
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type != "code":
                continue
            lines = ("pass" if line.lstrip().startswith(("%", "!")) else line for line in cell.source.splitlines())
            statements = ast.parse("\n".join(lines)).body
            for statement in statements:
                learn_names(statement, names)
            if statements and isinstance(value := statements[-1], ast.Expr):
                words = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
                if isinstance(value.value, ast.Call):
                    words += "".join(ast.unparse(k.value) for k in value.value.keywords if k.arg == "alt")
                for figure in drawn_in(value, names):
                    shown.setdefault(figure, []).append((f"{path.name}, cell {number}", words))
    return shown


def learn_names(statement: ast.stmt, names: dict[str, set[str]]) -> None:
    """What a statement makes a name for: a figure that it imports, a function or a variable that draws one."""
    if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(figures.__name__):
        module = importlib.import_module(str(statement.module))
        for alias in statement.names:
            function = getattr(module, alias.name)
            if inspect.isfunction(function):
                names[alias.asname or alias.name] = {f"{function.__module__.split('.')[-1]}.{function.__name__}"}
    elif isinstance(statement, ast.FunctionDef):
        names[statement.name] = drawn_in(statement, names)
    elif isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
        names[target.id] = drawn_in(statement.value, names)


def drawn_in(tree: ast.AST, names: dict[str, set[str]]) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found |= names.get(node.id, set())
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
    return found & set(CALLS)


# The house style


def test_an_own_figure_has_the_size_asked_for() -> None:
    assert tuple(figures.figure(height=2, width=3).get_size_inches()) == (3, 2)


def test_the_figures_colours_are_the_pages() -> None:
    css = (ROOT / "book" / "assets" / "book.css").read_text()
    page = [re.search(rf"--vt-c{n}: (#\w+|var\(--vt-ink\));", css)[1] for n in range(1, 9)]
    ink = re.search(r'\[data-theme="light"\] \{\s*--vt-ink: (#\w+);', css)[1]
    assert [ink if colour.startswith("var") else colour for colour in page] == list(CATEGORIES)


def test_a_figure_as_the_last_value_of_a_cell_shows_exactly_once_whatever_matplotlib_was_told() -> None:
    draw = "fig = schedule_plot([0.0, 1.0])"
    cells = ["from vit_tutorial.figures import schedule_plot", draw, "fig", "x = 1", "%matplotlib inline", draw, "fig"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [[output for output in cell.outputs if "data" in output] for cell in notebook.cells]
    assert [len(found) for found in outputs] == [0, 0, 1, 0, 0, 0, 1]
    for (shown,) in (outputs[2], outputs[6]):
        assert [kind for kind in shown.data if kind.startswith("image/")] == ["image/png"]
        assert shown.metadata["image/png"] == {"width": 690}
