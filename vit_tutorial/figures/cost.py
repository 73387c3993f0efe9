"""Pictures of what a training step costs: memory over its course, memory by part, a prediction beside a measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from vit_tutorial.cost import Step, memory, peak
from vit_tutorial.figures.style import INK, MUTED, figure, style
from vit_tutorial.vit import ViTConfig

MIB = 2**20
# Dark, light, dark, light; what is alike in grey differs by its hatching.
COLOURS = {
    "weights": "#0b5394",
    "optimiser": "#9fc5e8",
    "activations": "#e69f00",
    "gradients": "#7a4a00",
    "workspace": "#c9d6a3",
    "images": "#666d78",
}
HATCHES = {"optimiser": "///", "gradients": "xxx", "workspace": "...", "images": "|||"}


@style()
def memory_over_step(config: ViTConfig, step: Step) -> Figure:
    """What a training step holds, block by block forward, backward and in the update, by formula.

    The workspace, which comes and goes within a block, is left out.
    """
    parts, L = memory(config, step), config.depth
    forward = np.linspace(0, 1, L + 1)
    saved = np.concatenate([forward, forward[::-1], [0, 0]]) * parts["activations"]
    gradients = np.concatenate([0 * forward, forward, [1, 0]]) * parts["gradients"]
    x = np.concatenate([np.arange(L + 1), L + np.arange(L + 1), [2 * L + 2, 2 * L + 2]])
    stay = np.ones_like(x, dtype=float)
    layers = {
        "weights": stay * parts["weights"],
        "optimiser": stay * parts["optimiser"],
        "gradients": gradients,
        "activations": saved,
    }
    fig = figure(height=3.0)
    axes = fig.subplots()
    areas = axes.stackplot(
        x,
        [values / MIB for values in layers.values()],
        labels=["saved activations" if name == "activations" else name for name in layers],
        colors=[COLOURS[name] for name in layers],
    )
    for name, area in zip(layers, areas):
        area.set_hatch(HATCHES.get(name, ""))
        area.set_edgecolor("white")
    top = axes.get_ylim()[1]
    for where, name in ((L / 2, "forward"), (1.5 * L, "backward"), (2 * L + 1, "update")):
        axes.text(where, 0.97 * top, name, ha="center", va="top", color=INK)
    for border in (L, 2 * L):
        axes.axvline(border, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
    axes.set(xlabel="blocks passed", ylabel="MiB", xlim=(0, 2 * L + 2))
    axes.legend(loc="upper left", fontsize=9)
    return fig


@style()
def memory_bars(cases: Mapping[str, tuple[ViTConfig, Step]], unit: str = "GiB", limits: Sequence[float] = ()) -> Figure:
    """The peak of a training step by part, one bar a case.

    Args:
        cases: name -> configuration and step. unit: MiB or GiB.
        limits: memories of devices in that unit, drawn as lines.
    """
    size = {"MiB": MIB, "GiB": 2**30}[unit]
    fig = figure(height=0.45 * len(cases) + 1.3)
    axes = fig.subplots()
    for row, (config, step) in enumerate(cases.values()):
        parts, left = memory(config, step), 0.0
        less = "gradients" if parts["activations"] >= parts["gradients"] else "activations"
        for name, colour in COLOURS.items():
            width = 0.0 if name == less else parts[name] / size
            axes.barh(
                row,
                width,
                left=left,
                color=colour,
                label=None if row else name,
                height=0.7,
                edgecolor="white",
                hatch=HATCHES.get(name),
            )
            left += width
        axes.text(left, row, f" {peak(parts) / size:.1f}", va="center", color=INK)
    for limit in limits:
        axes.axvline(limit, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.set_yticks(range(len(cases)), list(cases))
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(unit)
    fig.legend(loc="outside lower center", ncols=3, fontsize=9)
    return fig
