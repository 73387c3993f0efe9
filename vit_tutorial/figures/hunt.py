"""Pictures of the bug hunt (chapter 7.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from vit_tutorial.figures.style import CATEGORIES, INK, LINE, figure, style


@style()
def check_matrix(passed: Mapping[tuple[str, str], bool], scripts: Sequence[str], checks: Sequence[str]) -> Figure:
    """Which check sees which mistake: a row a script, a column a check, a filled square where the check does not pass.

    Args:
        passed: for each (script, check) whether it passes.
        scripts, checks: their names, in the order to draw.

    A row without a square is a mistake that no check sees; a column without one is a check that sees none.
    """
    fig = figure(height=1.9 + 0.26 * len(scripts))
    axes = fig.subplots()
    for row, script in enumerate(scripts):
        for column, check in enumerate(checks):
            seen = not passed[script, check]
            axes.plot(
                column,
                row,
                marker="s" if seen else ".",
                markersize=11 if seen else 4,
                color=CATEGORIES[3] if seen else LINE,
                linestyle="none",
            )
    axes.set_yticks(range(len(scripts)), labels=list(scripts))
    axes.set_xticks(range(len(checks)), labels=list(checks), rotation=50, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set(xlim=(-0.6, len(checks) - 0.4), ylim=(len(scripts) - 0.4, -0.6))
    for spine in axes.spines.values():
        spine.set_visible(False)
    counts = np.array([[not passed[script, check] for check in checks] for script in scripts]).sum(1)
    for row, count in enumerate(counts):
        axes.annotate(f"{count}", (len(checks) - 0.35, row), va="center", color=INK, fontsize=9, annotation_clip=False)
    return fig
