"""Pictures of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import CATEGORIES, INK, figure, style

History = Sequence[Mapping[str, Any]]
SPLITS = {"train": "training", "val": "validation"}
DASHES = {"train": (0, (4, 2)), "val": "-"}  # so that the splits are told apart in grey


@style()
def learning_curves(history: History | Mapping[str, History]) -> Figure:
    """Loss, and mIoU or accuracy where there is one, over the training of one run or of several.

    Args:
        history: one dictionary a row, e.g. ``{"epoch": 3, "train_loss": 0.41, "val_loss": 0.5, "val_accuracy": 0.87}``; a row may lack
            any of them, and ``step`` may stand for ``epoch``. Several runs: ``{"lr 1e-3": history, "lr 1e-4": history}``.

    Losses as they are (mean cross-entropy in nats), mIoU and accuracies (fractions 0..1) in percent; of masks the mIoU, if it is there. Training is dashed, validation solid; of
    several runs each has a colour and its label at the end of its line.

    Raises:
        ValueError: no rows, no ``epoch`` or ``step``, or none of the curves.
    """
    runs: Mapping[str, History] = history if isinstance(history, Mapping) else {"": history}
    rows = [row for run in runs.values() for row in run]
    if not rows:
        raise ValueError("the history has no rows: give the list that training returned")
    axis = next((name for name in ("epoch", "step") if all(name in row for row in rows)), None)
    if axis is None:
        raise ValueError(f"every row needs 'epoch' or 'step'; the first has {', '.join(map(repr, rows[0]))}")
    panels = [m for m in ("loss", "miou", "accuracy") if any(f"{split}_{m}" in row for split in SPLITS for row in rows)]
    panels = [m for m in panels if m != "accuracy" or "miou" not in panels]
    if not panels:
        raise ValueError(
            "nothing to draw: rows need train_loss, val_loss, train_accuracy or val_accuracy; "
            f"the first has {', '.join(map(repr, rows[0]))}"
        )
    fig = figure(height=2.9)
    for axes, measure in zip(fig.subplots(1, len(panels), squeeze=False)[0], panels):
        ends: list[tuple[float, float, str, str]] = []
        for number, (label, run) in enumerate(runs.items()):
            for split, name in SPLITS.items():
                points = [(row[axis], row[f"{split}_{measure}"]) for row in run if f"{split}_{measure}" in row]
                if not points:
                    continue
                one = len(runs) == 1
                colour = CATEGORIES[(0 if split == "val" else 3) if one else number % len(CATEGORIES)]
                x, y = (np.array(v, dtype=float) for v in zip(*points))
                text = name if one else label
                marker = "o" if len(x) == 1 else ""
                axes.plot(x, y, color=colour, linestyle=DASHES[split], label=f"{label} {name}".strip(), marker=marker)
                if one or split == "val" or not any(f"val_{measure}" in row for row in run):
                    ends.append((x[-1], y[-1], text, colour))
        axes.set_title("mIoU" if measure == "miou" else measure.capitalize())
        axes.margins(x=0.01)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
        both = len(runs) > 1 and all(any(f"{split}_{measure}" in row for row in rows) for split in SPLITS)
        if both:  # the key is wider than a panel beside long labels, and has room below them
            axes.set_xlabel(f"{axis} (solid: validation, dashed: training)", fontsize=9, loc="left")
        else:
            axes.set_xlabel(axis, fontsize=9)
        if measure != "loss":
            axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=" %"))
        label_ends(axes, ends)
    return fig


@style()
def seed_curves(
    runs: Mapping[str, Sequence[History]],
    measure: str = "val_accuracy",
    minutes: Mapping[str, float | Sequence[float]] | None = None,
) -> Figure:
    """One measure over the training of several settings, each trained with several seeds: the mean is a line, the range a band.

    Args:
        runs: for each setting one history a seed, as :func:`learning_curves` takes it; all seeds of a setting have the same epochs.
        measure: the column to draw. Accuracies (fractions 0..1) are shown in percent, losses as they are.
        minutes: of one core, for an epoch of each setting, or until the end of each of its rows where they differ; then the axis counts
            these in place of epochs.

    The band reaches from the lowest to the highest seed of each epoch: with three seeds it is the runs themselves, not an interval for
    what a fourth would do.

    Raises:
        ValueError: a run without the measure, or seeds of different epochs.
    """
    fig = figure(height=3.1)
    axes = fig.subplots()
    ends = []
    for number, (label, histories) in enumerate(runs.items()):
        if any(measure not in row for history in histories for row in history):
            raise ValueError(
                f"{measure!r} is not in every row of {label!r}; the first has {', '.join(histories[0][0])}"
            )
        epochs = [[row["epoch"] for row in history] for history in histories]
        if any(other != epochs[0] for other in epochs):
            raise ValueError(
                f"the seeds of {label!r} have different epochs, {sorted({len(e) for e in epochs})} of them"
            )
        values = np.array([[row[measure] for row in history] for history in histories], dtype=float)  # [seeds, epochs]
        colour, dash = (
            CATEGORIES[number % len(CATEGORIES)],
            ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))[number % 4],
        )
        each: Any = minutes[label] if minutes else 1
        x = np.array(epochs[0]) * each if np.isscalar(each) else np.asarray(each, dtype=float)
        axes.fill_between(x, values.min(0), values.max(0), color=colour, alpha=0.18, linewidth=0)
        axes.plot(x, values.mean(0), color=colour, linestyle=dash, label=label)
        ends.append((float(x[-1]), float(values.mean(0)[-1]), label, colour))
    axes.margins(x=0.01)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True))
    axes.set_xlabel("minutes of one core" if minutes else "epoch")
    split, _, name = measure.rpartition("_")
    axes.set_title(f"{name.capitalize()}, {SPLITS.get(split, split)}: mean and range of the seeds")
    if name == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=" %"))
    label_ends(axes, ends)
    return fig


@style()
def schedule_plot(lr_by_step: Any) -> Figure:
    """The learning rate at every step.

    Args:
        lr_by_step: [S] learning rates, the first that of step 0; or several, ``{"cosine": [...], "step": [...]}``.
    """
    schedules = lr_by_step if isinstance(lr_by_step, Mapping) else {"": lr_by_step}
    fig = figure(height=2.6)
    axes = fig.subplots()
    ends = []
    for number, (label, values) in enumerate(schedules.items()):
        rates = as_array(values).astype(float)
        colour = CATEGORIES[number % len(CATEGORIES)]
        axes.plot(np.arange(len(rates)), rates, color=colour, label=label)
        ends.append((len(rates) - 1.0, float(rates[-1]), label, colour))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step")
    axes.margins(x=0.01)
    axes.set_title("Learning rate")
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)
    label_ends(axes, ends)
    return fig


def label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Name lines at their right ends, (x, y, text, colour) each, moved apart where they would overlap."""
    ends = [end for end in ends if end[2]]
    if not ends:
        return
    low, high = axes.get_ylim()
    line_height = 0.085 * (high - low)
    order = sorted(range(len(ends)), key=lambda i: ends[i][1])
    heights: list[float] = []
    for i in order:
        heights.append(max(ends[i][1], heights[-1] + line_height) if heights else ends[i][1])
    heights = [h - max(0.0, heights[-1] - high) for h in heights]  # all down a little rather than out at the top
    right = max(end[0] for end in ends)
    for i, height in zip(order, heights):
        for text, colour, shift in (
            ("—", ends[i][3], 5),
            (ends[i][2], INK, 18),
        ):  # a dash in the line's colour, then its name
            axes.annotate(
                text,
                (right, height),
                xytext=(shift, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=colour,
                fontweight="bold" if text == "—" else "normal",
                annotation_clip=False,
            )
