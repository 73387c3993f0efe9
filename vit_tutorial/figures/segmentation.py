"""Pictures of masks (chapter 4): of any number of classes, with the name of each region written into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from skimage.measure import label, regionprops

from vit_tutorial.figures.applications import BACKGROUND
from vit_tutorial.figures.images import as_array, show, to_picture
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, PAGE_WIDTH, figure, style
from vit_tutorial.metrics.segmentation import mean_iou, pixel_accuracy, pixel_confusion

VOID = 255
SMALLEST = 0.004  # share of the image from which a region has its name written into it


@style()
def named_masks(
    image: Any, masks: Mapping[str, Any], classes: Sequence[str], opacity: float = 1.0, columns: int = 3
) -> Figure:
    """An image and masks of it, each region in a colour of its class and with the name of it; 255 (void) is hatched.

    Args:
        image: one image, as ``to_picture`` takes it.
        masks: title to mask [H, W] of class numbers, indices into ``classes``, or 255.
        classes: the K names. The first is drawn grey and not written. Colours repeat from the tenth class on: the names tell them apart.
        opacity: of the masks, laid over the image in grey; at 1 nothing of the image is seen.
        columns: panels a row.

    Raises:
        ValueError: a class number that has no name.
    """
    picture = to_picture(image)
    columns = min(columns, 1 + len(masks))
    rows = -(-(1 + len(masks)) // columns)
    fig = figure(height=rows * (PAGE_WIDTH / columns * picture.shape[0] / picture.shape[1] + 0.3))
    panels = fig.subplots(rows, columns, squeeze=False).flatten()
    for axes in panels[1 + len(masks) :]:
        axes.set_axis_off()
    show(panels[0], picture)
    panels[0].set_title("image")
    for axes, (title, mask) in zip(panels[1:], masks.items()):
        numbers = as_array(mask)
        show(axes, laid_over(image, numbers, len(classes), opacity))
        axes.set_title(title)
        write_names(axes, numbers, classes)
    return fig


@style()
def ranked_masks(
    images: Sequence[Any],
    truths: Sequence[Any],
    answers: Sequence[Any],
    scores: Sequence[float],
    classes: Sequence[str],
    opacity: float = 0.55,
) -> Figure:
    """The best, the median and the worst of many answers, each with its image, both masks laid over it in grey, and its wrong pixels.

    Which three are shown is decided by the scores alone. Wrong pixels are black, right ones pale, void is hatched.

    Args:
        images: n images, as ``to_picture`` takes them. truths, answers: n masks [H, W] of class numbers; truths may hold 255.
        scores: n numbers, the larger the better; images whose score is NaN are left out.
        classes: the K names; the first is drawn grey and not written.
        opacity: of the masks.

    Raises:
        ValueError: lists of different lengths, no score, or a class number that has no name.
    """
    if not len(images) == len(truths) == len(answers) == len(scores):
        lengths = [len(images), len(truths), len(answers), len(scores)]
        raise ValueError(f"images, truths, answers and scores have the lengths {lengths}; give as many of each")
    order = sorted((i for i in range(len(scores)) if not np.isnan(scores[i])), key=lambda i: -scores[i])
    if not order:
        raise ValueError("there is no image with a score to be ranked by; each has no counted pixel")
    places = {"best": order[0], "median": order[(len(order) - 1) // 2], "worst": order[-1]}
    shape = to_picture(images[order[0]]).shape
    fig = figure(height=3 * (PAGE_WIDTH / 4 * shape[0] / shape[1] + 0.3))
    for row, (name, i) in zip(fig.subplots(3, 4), places.items()):
        truth, answer = as_array(truths[i]), as_array(answers[i])
        show(row[0], to_picture(images[i]))
        row[0].set_title(f"{name}: {scores[i]:.2f}")
        for axes, title, mask in ((row[1], "truth", truth), (row[2], "answer", answer)):
            show(axes, laid_over(images[i], mask, len(classes), opacity))
            axes.set_title(title)
            write_names(axes, mask, classes, smallest=0.03)
        void = truth == VOID
        wrong = (truth != answer) & ~void
        show(row[3], np.where(wrong, 0.0, 0.9)[..., None].repeat(3, -1))
        row[3].set_title(f"wrong: {wrong.sum() / max((~void).sum(), 1):.0%}")
        write_names(row[3], np.where(void, VOID, 0), [""])
    return fig


@style()
def number_grids(grids: Mapping[str, Any], marked: Mapping[str, Any] | None = None) -> Figure:
    """Masks so small that every pixel's number can be read.

    Args:
        grids: title to [H, W] of class numbers; 255 is written as a question mark.
        marked: title to [H, W] of truth values; these pixels get a thick frame.
    """
    shapes = [as_array(grid).shape for grid in grids.values()]
    fig = figure(height=PAGE_WIDTH / max(len(grids), 3) * max(h / w for h, w in shapes) + 0.3)
    for axes, (title, grid) in zip(fig.subplots(1, len(grids), squeeze=False)[0], grids.items()):
        numbers = as_array(grid)
        show(axes, coloured(numbers, int(numbers[numbers != VOID].max(initial=0)) + 1))
        axes.set_title(title)
        frames = as_array(marked[title]) if marked is not None and title in marked else np.zeros(numbers.shape, bool)
        for (row, column), number in np.ndenumerate(numbers):
            text = "?" if number == VOID else str(number)
            dark = sum(axes.images[0].get_array()[row, column]) < 1.5
            axes.text(column, row, text, ha="center", va="center", color="white" if dark else INK, fontsize=11)
            if frames[row, column]:
                at, side = (column - 0.46, row - 0.46), 0.92
                axes.add_patch(Rectangle(at, side, side, facecolor="none", edgecolor=INK, linewidth=2.2, zorder=3))
    return fig


@style()
def scores_of_a_mask(
    image: Any, masks: Mapping[str, Any], classes: Sequence[str], scores: Mapping[str, float]
) -> Figure:
    """Masks of an image as in :func:`named_masks`, and below them a bar from 0 to 1 for each score."""
    picture = to_picture(image)
    panel = PAGE_WIDTH / (1 + len(masks)) * picture.shape[0] / picture.shape[1] + 0.3
    bars = 0.3 * len(scores) + 0.25
    fig = figure(height=panel + bars)
    upper, lower = fig.subfigures(2, 1, height_ratios=[panel, bars])
    panels = upper.subplots(1, 1 + len(masks), squeeze=False)[0]
    show(panels[0], picture)
    panels[0].set_title("image")
    for axes, (title, mask) in zip(panels[1:], masks.items()):
        show(axes, coloured(as_array(mask), len(classes)))
        axes.set_title(title)
        write_names(axes, as_array(mask), classes)
    score_bars(lower.subplots(), scores)
    return fig


@style()
def class_scores(
    models: Mapping[str, Mapping[str, Sequence[float]]], marks: Mapping[str, float] | None = None
) -> Figure:
    """A score of each class for several models, a small mark a seed and a large one for their mean, one class a row.

    Args:
        models: ``{"ViT": {"sky": [0.91, 0.92, 0.91], ...}}``, from 0 to 1; the first model's classes give the order, from above.
        marks: what to write behind a class, such as its share of the pixels, from 0 to 1.
    """
    classes = list(next(iter(models.values())))
    fig = figure(height=0.36 * len(classes) + 0.8, width=6.4)
    axes = fig.subplots()
    for number, (name, scores) in enumerate(models.items()):
        shift = (number - (len(models) - 1) / 2) * 0.26
        marker, colour = "osD^"[number % 4], CATEGORIES[(0, 3, 2, 1)[number % 4]]
        for row, of_class in enumerate(classes):
            values = np.asarray(scores[of_class], dtype=float)
            axes.plot(
                values,
                np.full(len(values), row + shift),
                linestyle="",
                marker=marker,
                markersize=3,
                color=colour,
                alpha=0.5,
            )
            axes.plot(
                values.mean(),
                row + shift,
                linestyle="",
                marker=marker,
                markersize=8,
                color=colour,
                label=name if row == 0 else None,
            )
    axes.set_yticks(range(len(classes)), [f"{c} ({marks[c]:.1%})" if marks else c for c in classes])
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.set_xlabel("IoU")
    axes.legend(loc="upper left", fontsize=10)
    return fig


def score_bars(axes: Axes, scores: Mapping[str, float]) -> None:
    """A bar from 0 to 1 for each score, with its name and value."""
    for row, (name, value) in enumerate(scores.items()):
        axes.barh(row, 1, height=0.6, color=BACKGROUND)
        axes.barh(row, value, height=0.6, color=CATEGORIES[0])
        axes.text(-0.02, row, name, ha="right", va="center")
        axes.text(1.02, row, f"{value:.3f}", ha="left", va="center")
    axes.set_xlim(-0.35, 1.1)
    axes.invert_yaxis()
    axes.set_axis_off()


def laid_over(image: Any, mask: NDArray[Any], classes: int, opacity: float) -> NDArray[np.float64]:
    """The colours of a mask on its image in grey, [H, W, 3] from 0 to 1."""
    picture = to_picture(image)
    grey = np.repeat(picture.mean(-1, keepdims=True), 3, -1) if picture.ndim == 3 else np.stack([picture] * 3, -1)
    result: NDArray[np.float64] = opacity * coloured(mask, classes) + (1 - opacity) * grey / grey.max().clip(1e-9)
    return result


@style()
def mask_of_epoch(image: Any, masks: Mapping[int, Any], truth: Any, classes: Sequence[str], epoch: int) -> Figure:
    """One image during training: its truth, the mask of an epoch, where that is wrong, and the scores of all epochs below.

    With the masks of several epochs at hand, a figure with a slider is one call of `live`:

        live(partial(mask_of_epoch, image, masks, truth, classes), epoch=list(masks), start={"epoch": 8},
             labels={"epoch": "Epoch"}, alt=lambda epoch: f"Image, truth and mask after epoch {epoch}, and where they differ.")

    Args:
        image: one image, as ``to_picture`` takes it.
        masks: epoch to mask [H, W] of class numbers, in the order of the epochs; epoch 0 is before training.
        truth: [H, W]; 255 (void) does not count.
        classes: the K names, the first that of background.
        epoch: the one that is shown.

    Raises:
        ValueError: there is no mask of this epoch, or a class number that has no name.
    """
    if epoch not in masks:
        raise ValueError(f"there is no mask of epoch {epoch}; there are {', '.join(map(str, masks))}")
    picture, true, now = to_picture(image), as_array(truth), as_array(masks[epoch])
    target = torch.from_numpy(true.astype(np.int64))[None]
    tables = [
        pixel_confusion(torch.from_numpy(as_array(m).astype(np.int64))[None], target, len(classes))
        for m in masks.values()
    ]
    scores = {"pixels right": [pixel_accuracy(M) for M in tables], "mIoU": [mean_iou(M) for M in tables]}
    at, panel = list(masks).index(epoch), PAGE_WIDTH / 4 * picture.shape[0] / picture.shape[1] + 0.3
    fig = figure(height=panel + 1.5)
    upper, lower = fig.subfigures(2, 1, height_ratios=[panel, 1.5])
    panels = upper.subplots(1, 4)
    show(panels[0], picture)
    wrong = np.where((now != true) & (true != VOID), now, 0)
    for axes, title, mask in zip(
        panels[1:], ("truth", f"mask, epoch {epoch}", "wrong (dark: missed)"), (true, now, wrong)
    ):
        show(axes, coloured(mask, len(classes)))
        axes.set_title(title)
        if mask is wrong:  # a missed object leaves background behind: shown dark, as the mask has no colour for it
            missed = (now == 0) & (true != 0) & (true != VOID)
            axes.imshow(np.dstack([*[np.zeros_like(missed, float)] * 3, missed * 0.75]), interpolation="nearest")
        write_names(axes, mask, classes)
    panels[0].set_title("image")
    curve = lower.subplots()
    curve.axvline(epoch, color=LINE, linewidth=6, zorder=0)
    ends = {
        "pixels right": scores["pixels right"][-1],
        "mIoU": min(scores["mIoU"][-1], scores["pixels right"][-1] - 0.2),
    }
    for (name, values), colour in zip(scores.items(), (CATEGORIES[0], CATEGORIES[3])):
        curve.plot(list(masks), values, color=colour, marker="o", markersize=4)
        curve.plot(epoch, values[at], "o", color=colour, markersize=9)
        place = (1.02, max(ends[name], 0.0))
        curve.annotate(f"{name} {values[at]:.3f}", place, xycoords=("axes fraction", "data"), color=colour, va="center")
    curve.set_ylim(0, 1.05)
    curve.set_xlabel("epoch")
    return fig


def coloured(mask: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """[H, W] of class numbers -> [H, W, 3] of colours from 0 to 1; 255 becomes white.

    Raises:
        ValueError: a class number that has no name.
    """
    wrong = mask[(mask != VOID) & ((mask < 0) | (mask >= classes))]
    if wrong.size:
        raise ValueError(
            f"the mask has the value {wrong[0]}, but {classes} class names allow 0 to {classes - 1}, and {VOID}"
        )
    table = np.ones((VOID + 1, 3))
    cycle = [to_rgb(colour) for colour in CATEGORIES[:-1]]
    table[:classes] = [to_rgb(BACKGROUND), *(cycle[k % len(cycle)] for k in range(classes - 1))]
    table[VOID] = 1
    return table[mask.astype(np.int64)]


def write_names(axes: Axes, mask: NDArray[Any], classes: Sequence[str], smallest: float = SMALLEST) -> None:
    """The name of its class into every region with that share of the image; void regions are hatched and get none."""
    void = mask == VOID
    if void.any():
        axes.contourf(void, levels=[0.5, 1.5], colors="none", hatches=["////"])
    for region in regionprops(label(np.where(void, 0, mask), connectivity=1)):
        if region.area < smallest * mask.size:
            continue
        # The pixel of the region that is nearest to its middle: the middle of a zero is not its own.
        row, column = region.coords[np.hypot(*(region.coords - region.centroid).T).argmin()]
        box = {"facecolor": "white", "edgecolor": MUTED, "linewidth": 0.5, "pad": 1.2, "alpha": 0.85}
        name = classes[mask[row, column]]
        written = axes.text(column, row, name, ha="center", va="center", fontsize=9, color=INK, bbox=box)
        written.set_in_layout(False)  # a name that sticks out of its panel does not make the others smaller
