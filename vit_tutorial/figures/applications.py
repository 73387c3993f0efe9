"""Pictures of what heads read off a ViT's tokens: a class a patch, a class a pixel, a caption an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from vit_tutorial.dark import AS_IT_IS
from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, PAGE_WIDTH, TINT, figure, style

BACKGROUND = "#e8eaee"  # of a class mask, so that the canvas can be told from the page
RIGHT, WRONG = CATEGORIES[0], CATEGORIES[1]


@style()
def patch_answers(image: Any, answers: Sequence[object], grid_size: tuple[int, int], highlight: object) -> Figure:
    """An image, and beside it what each of its patches was answered, in the patch's place.

    Args:
        image: one image, as ``to_picture`` takes it.
        answers: N short answers, row by row.
        grid_size: (rows, columns) of the patches.
        highlight: the answer whose patches are coloured: the class token's.

    Raises:
        ValueError: not one answer a patch.
    """
    rows, columns = grid_size
    if len(answers) != rows * columns:
        raise ValueError(f"{len(answers)} answers for {rows}x{columns} patches; give one a patch")
    picture = to_picture(image)
    height, width = picture.shape[:2]
    fig = figure(height=0.47 * PAGE_WIDTH * height / width + 0.35)
    left, right = fig.subplots(1, 2)
    show(left, picture)
    left.set_title("The image")
    right.set_title("What each patch token answers")
    for n, answer in enumerate(answers):
        row, column = divmod(n, columns)
        same = answer == highlight
        right.add_patch(Rectangle((column, row), 1, 1, facecolor=RIGHT if same else TINT, edgecolor="white"))
        text = {"ha": "center", "va": "center", "color": "white" if same else INK}
        right.text(column + 0.5, row + 0.5, str(answer), fontsize=11, fontweight="bold" if same else "normal", **text)
    right.set_xlim(0, columns)
    right.set_ylim(rows, 0)
    right.set_aspect("equal")
    right.set_axis_off()
    return fig


@style()
def class_masks(image: Any, masks: Mapping[str, Any], classes: Sequence[str]) -> Figure:
    """An image and one or more class masks of it, side by side, with the colours of the classes below.

    Args:
        image: one image, as ``to_picture`` takes it.
        masks: title to mask [H, W] of class numbers; 0 is the first class, drawn grey.
        classes: the K names; at most 9.

    Raises:
        ValueError: too many classes, or a class number that has no name.
    """
    fig = figure(height=_panel_height(image, 1 + len(masks)) + 0.65)
    _masks(list(fig.subplots(1, 1 + len(masks), squeeze=False)[0]), image, masks, classes)
    _class_legend(fig, classes)
    return fig


@style()
def training_moment(
    image: Any,
    masks: Mapping[str, Any],
    classes: Sequence[str],
    steps: Sequence[float],
    curves: Mapping[str, Sequence[float]],
    now: int,
) -> Figure:
    """:func:`class_masks` of one moment of a training, above curves over the training with that moment marked.

    Args:
        image, masks, classes: as in :func:`class_masks`.
        steps: the steps at which the curves were measured.
        curves: name to one value from 0 to 1 a step.
        now: which of the steps is shown.

    Raises:
        ValueError: as :func:`class_masks`.
    """
    panel = _panel_height(image, 1 + len(masks)) + 0.3
    fig = figure(height=panel + 2.3)
    upper, lower = fig.subfigures(2, 1, height_ratios=[panel, 2.3])
    _masks(list(upper.subplots(1, 1 + len(masks), squeeze=False)[0]), image, masks, classes)
    axes = lower.subplots()
    axes.axvline(steps[now], color=LINE, linewidth=6, zorder=0)
    for colour, (name, values) in zip((CATEGORIES[0], CATEGORIES[3], CATEGORIES[2]), curves.items()):
        axes.plot(steps, values, color=colour, marker="o", markersize=4)
        axes.plot(steps[now], values[now], color=colour, marker="o", markersize=9)
        label = f"{name}: {values[now]:.2f}"
        axes.annotate(label, (steps[-1], values[-1]), (8, 0), textcoords="offset points", va="center", color=colour)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("training step")
    _class_legend(fig, classes)
    return fig


@style()
def caption_ranking(
    image: Any, captions: Sequence[str], scores: Any, truth: str, unseen: Sequence[str] = (), limit: int = 6
) -> Figure:
    """An image and the captions that lie nearest to it, the nearest first.

    Args:
        image: one image, as ``to_picture`` takes it.
        captions: M sentences, ``truth`` among them.
        scores: [M] cosines of the image with each of them.
        truth: the right caption; its bar is coloured. unseen: captions that training never showed; they are marked with a star.
        limit: how many are shown; the right one is added below where it is not among them.

    Raises:
        ValueError: not one score a caption.
    """
    values = as_array(scores)
    if values.shape != (len(captions),):
        raise ValueError(f"{len(captions)} captions need as many scores, got {list(values.shape)}")
    order = np.argsort(-values, kind="stable")
    shown = list(order[:limit])
    place = int(np.flatnonzero(order == captions.index(truth))[0])
    if place >= limit:
        shown.append(order[place])
    fig = figure(height=2.6)
    left, right = fig.subplots(1, 2, width_ratios=[1, 3])
    show(left, to_picture(image))
    left.set_title(truth)
    for row, n in enumerate(shown):
        is_truth = captions[n] == truth
        right.barh(row, max(values[n], 0), height=0.7, color=RIGHT if is_truth else MUTED)
        mark = " *" if captions[n] in unseen else ""
        right.text(-0.02, row, captions[n] + mark, ha="right", va="center", fontweight="bold" if is_truth else None)
        right.text(max(values[n], 0) + 0.01, row, f"{values[n]:.2f}", va="center", fontsize=9)
    if place >= limit:
        right.axhline(len(shown) - 1.5, color=MUTED, linewidth=0.8, linestyle=":")
    right.set_ylim(limit + 0.6, -0.6)
    right.set_xlim(-0.75, 1.1)
    right.set_axis_off()
    right.set_title(f"cosine with each caption (right one: place {place + 1} of {len(captions)})")
    return fig


@style()
def seen_and_unseen(
    names: Sequence[str], seen: Sequence[float], unseen: Sequence[float], chance: Sequence[float]
) -> Figure:
    """Accuracy on pairs that training showed and on pairs that it never showed, with the share that guessing would get.

    Args:
        names: one a model. seen, unseen, chance: as many shares from 0 to 1.
    """
    fig = figure(height=0.7 + 0.62 * len(names))
    axes = fig.subplots()
    for row, name in enumerate(names):
        for offset, value, colour in ((-0.18, seen[row], RIGHT), (0.18, unseen[row], WRONG)):
            axes.barh(row + offset, value, height=0.34, color=colour)
            axes.text(max(value, chance[row]) + 0.01, row + offset, f"{value:.2f}", va="center", fontsize=9)
        axes.plot([chance[row]] * 2, [row - 0.4, row + 0.4], color=INK, linewidth=1.2)
        axes.text(-0.02, row, name, ha="right", va="center")
    handles = [Patch(color=RIGHT, label="pairs seen in training"), Patch(color=WRONG, label="pairs never seen")]
    handles.append(Patch(color=INK, label="guessing"))
    fig.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=1, fontsize=10)
    axes.set_xlim(0, 1.1)
    axes.invert_yaxis()
    axes.set_axis_off()
    return fig


def _panel_height(image: Any, panels: int) -> float:
    height, width = to_picture(image).shape[:2]
    return float(PAGE_WIDTH / panels * height / width)


def _masks(panels: list[Axes], image: Any, masks: Mapping[str, Any], classes: Sequence[str]) -> None:
    if len(classes) > len(CATEGORIES) + 1:
        raise ValueError(f"{len(classes)} classes; at most {len(CATEGORIES) + 1} can be told apart by colour")
    show(panels[0], to_picture(image))
    panels[0].set_title("image")
    colours = ListedColormap([BACKGROUND, *CATEGORIES][: len(classes)])
    for axes, (title, mask) in zip(panels[1:], masks.items()):
        numbers: NDArray[Any] = as_array(mask)
        if numbers.min() < 0 or numbers.max() >= len(classes):
            raise ValueError(f"classes run from {numbers.min()} to {numbers.max()}, but there are {len(classes)} names")
        axes.imshow(numbers, cmap=colours, vmin=-0.5, vmax=len(classes) - 0.5)
        axes.set_title(title)
        axes.set_axis_off()


def _class_legend(fig: Figure, classes: Sequence[str]) -> None:
    handles = [Patch(facecolor=colour, label=name) for colour, name in zip([BACKGROUND, *CATEGORIES], classes)]
    columns = min(len(classes), 6)
    legend = fig.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=1, fontsize=10)
    for patch in legend.get_patches():
        patch.set_gid(AS_IT_IS)  # on a dark page, too, it has the colours of the masks
