"""Pictures of section 1.1: the time line, an image as loose patches, what resolution costs, and accuracy against the amount of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor, as_tensor

from vit_tutorial.figures.images import cut, show, to_picture
from vit_tutorial.figures.style import CATEGORIES, LINE, MUTED, figure, style
from vit_tutorial.patches import check_divisible


@style()
def timeline(events: Sequence[tuple[float, str, str]]) -> Figure:
    """Events from top to bottom at their dates; where two would touch, the later one's text moves down and a line leads to it.

    Args:
        events: (date in years, as 2020.8; text; kind), sorted by date. Each kind gets a colour, in the order in which they first occur.
    """
    dates = [date for date, _, _ in events]
    kinds = list(dict.fromkeys(kind for _, _, kind in events))
    row = 0.235  # inches between two texts
    fig = figure(height=row * (len(events) + 2.5), width=4.7)  # no wider than its texts, which stay large on a phone
    axes = fig.subplots()
    first, last = np.floor(dates[0]), np.ceil(dates[-1] + 1e-6)
    scale = (len(events) + 0.5) / (last - first)  # texts and years fill the same height
    places, lowest = [], -np.inf
    for n, date in enumerate(dates):
        room_below = len(events) + 0.5 - (len(events) - n)  # the texts that follow need their rows too
        lowest = max(lowest + 1, min((date - first) * scale, room_below))
        places.append(lowest)
    axes.plot([0, 0], [0, (last - first) * scale], color=LINE, linewidth=3, zorder=1, solid_capstyle="butt")
    for year in range(int(first), int(last) + 1):
        axes.text(-0.03, (year - first) * scale, str(year), ha="right", va="center", color=MUTED)
    for (date, text, kind), place in zip(events, places):
        color, at = CATEGORIES[kinds.index(kind) % len(CATEGORIES)], (date - first) * scale
        axes.plot([0, 0.05, 0.09], [at, place, place], color=color, linewidth=0.9, zorder=2)
        axes.plot(0, at, "o", color=color, markersize=6, zorder=3)
        axes.text(0.1, place, text, va="center")
    for kind in kinds:
        axes.plot([], [], "o", color=CATEGORIES[kinds.index(kind) % len(CATEGORIES)], label=kind)
    axes.set_xlim(-0.1, 1)
    axes.set_ylim(len(events) + 1, -1)
    axes.set_axis_off()
    fig.legend(loc="outside upper left", ncols=len(kinds), handletextpad=0.1, columnspacing=1.2)
    return fig


@style()
def loose_patches(
    image: Any, patch_size: int, order: Tensor | Sequence[int] | None = None, width: float = 4.4
) -> Figure:
    """An image cut into patches with gaps between them, in their own order or another.

    Args:
        image: one image, as ``figures.images.to_picture`` takes it.
        patch_size: side P of a patch; a divisor of height and width.
        order: place n shows patch order[n]; a permutation of the N patches. None: each stands where it was.
        width: of the figure, in inches.

    Raises:
        ValueError: the patch size does not divide the image, or the order is no permutation.
    """
    picture = to_picture(image)
    H, W = picture.shape[:2]
    rows, columns = check_divisible(H, W, patch_size)
    places = np.arange(rows * columns) if order is None else np.asarray(as_tensor(order))
    if sorted(places.tolist()) != list(range(rows * columns)):
        raise ValueError(f"order must hold each of the {rows * columns} patches once, got {len(places)} entries")
    gap = max(1, patch_size // 14)  # pixels
    step = patch_size + gap
    coloured = np.stack([picture] * 3, axis=-1) if picture.ndim == 2 else picture
    opaque = np.concatenate([coloured, np.ones((H, W, 1))], axis=-1)
    canvas = np.zeros((rows * step - gap, columns * step - gap, 4))  # the gaps show the paper
    for place, n in enumerate(places.tolist()):
        (row, column), (r, c) = divmod(place, columns), divmod(n, columns)
        canvas[row * step :, column * step :][:patch_size, :patch_size] = cut(opaque, r, c, patch_size)
    fig = figure(height=width * canvas.shape[0] / canvas.shape[1], width=width)
    show(fig.subplots(), canvas)
    return fig


@style()
def cost_curves(
    sides: Sequence[int], costs: Mapping[str, Sequence[float]], unit: str, dashed: Sequence[str] = ()
) -> Figure:
    """Costs against the side of the image, both axes logarithmic, so that a power is a straight line and its slope the exponent.

    Args:
        sides: S sides in pixels. costs: S positive numbers for each name. unit: of the costs, for the axis.
        dashed: names to draw with a broken line.
    """
    fig = figure(height=3.3)
    axes = fig.subplots()
    for n, (name, values) in enumerate(costs.items()):
        axes.loglog(sides, values, "--" if name in dashed else "o-", markersize=4, label=name, color=CATEGORIES[n])
    axes.set_xticks(list(sides), [str(side) for side in sides])
    axes.minorticks_off()
    axes.set_xlabel("side of the image in pixels")
    axes.set_ylabel(unit)
    axes.legend()
    return fig


@style()
def cost_bars(shares: Mapping[str, float], title: str, limit: float, unit: str) -> Figure:
    """Where a cost goes, a bar each.

    Args:
        shares: a number for each part. title: above the bars. limit: end of the axis, the same for all settings of a slider.
        unit: of the numbers, for the axis.
    """
    fig = figure(height=0.95 + 0.34 * len(shares), width=5.0)
    axes = fig.subplots()
    for row, value in enumerate(shares.values()):
        axes.barh(row, max(value, 1e-12), color=CATEGORIES[row % len(CATEGORIES)], height=0.66)
        axes.text(value, row, f" {value:,.3g}", va="center")
    axes.set_yticks(range(len(shares)), list(shares))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xscale("symlog", linthresh=limit / 1e4)
    axes.set_xlim(0, limit * 6)
    axes.set_xlabel(f"{unit} (logarithmic)")
    axes.set_xticks([])
    axes.set_xticks([], minor=True)
    axes.set_title(title)
    return fig


@style()
def data_curves(counts: Sequence[int], values: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Accuracy against the number of training images: a point a run, a line through the means.

    Args:
        counts: C numbers of images. values: for each name C lists, one accuracy (0 to 1) a seed.
    """
    fig = figure(height=3.2)
    axes = fig.subplots()
    for n, (name, runs) in enumerate(values.items()):
        means = [100 * float(np.mean(seeds)) for seeds in runs]
        axes.semilogx(counts, means, "-", color=CATEGORIES[n], label=name)
        for count, seeds in zip(counts, runs):
            axes.plot(
                [count] * len(seeds),
                [100 * value for value in seeds],
                "o",
                color=CATEGORIES[n],
                markersize=4,
                alpha=0.8,
            )
    axes.set_xticks(list(counts), [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set_xlim(min(counts) / 1.8, max(counts) * 1.8)
    axes.set_xlabel("training images")
    axes.set_ylabel("test accuracy in %")
    axes.legend(loc="lower right")
    return fig
