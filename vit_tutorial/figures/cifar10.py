"""Pictures of section 3.3.2: what leaving something out does, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray

from vit_tutorial.figures.images import as_array
from vit_tutorial.figures.style import CATEGORIES, INK, LINE, MUTED, figure, style

MINUS = "\N{MINUS SIGN}"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # one a seed, the same in every row


@style()
def paired_differences(
    baseline: Sequence[float], others: Mapping[str, Sequence[float]], title: str = "Difference of accuracy"
) -> Figure:
    """One row a change: for each seed its accuracy minus the baseline's of the same seed, in percentage points.

    Args:
        baseline: fractions 0..1, one a seed.
        others: name of each change and its fractions, of the same seeds in the same order.
        title: above the figure.

    A marker a seed, a bar at the mean, a line from the mean minus to the mean plus the sample standard deviation of the differences,
    which is also written at the right.

    Raises:
        ValueError: fewer than two seeds, no change, or a change with another number of seeds.
    """
    before = as_array(baseline).astype(float)
    if before.ndim != 1 or len(before) < 2 or not others:
        raise ValueError("a spread of differences needs a baseline of at least two seeds, and one change or more")
    rows: dict[str, NDArray[Any]] = {}
    for name, values in others.items():
        after = as_array(values).astype(float)
        if after.shape != before.shape:
            raise ValueError(
                f"{name!r} has {len(after)} seeds and the baseline {len(before)}; pairs need the same seeds"
            )
        rows[name] = 100 * (after - before)
    fig = figure(height=0.95 + 0.42 * len(rows))
    axes = fig.subplots()
    axes.axvline(0, color=MUTED, linewidth=1.2, linestyle="--")
    for row, differences in enumerate(rows.values()):
        mean, spread = differences.mean(), differences.std(ddof=1)
        axes.axhline(row, color=LINE, linewidth=0.8, zorder=0)
        axes.plot([mean - spread, mean + spread], [row, row], color=INK, linewidth=1.2)
        axes.plot([mean, mean], [row - 0.26, row + 0.26], color=INK, linewidth=2.4)
        for seed, value in enumerate(differences):
            axes.plot(value, row, MARKERS[seed % len(MARKERS)], color=CATEGORIES[seed % 6], alpha=0.8, markersize=6)
        axes.text(
            1.02,
            row,
            f"{mean:+.1f} ± {spread:.1f}".replace("-", MINUS),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(rows)), list(rows), fontsize=10)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        "percentage points; a marker a seed, a bar at the mean, a line of one spread to each side", fontsize=9
    )
    axes.set_title(title)
    return fig
