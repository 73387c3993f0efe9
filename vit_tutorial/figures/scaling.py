"""Pictures of what several devices hold, and of what travels between them."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from vit_tutorial.cost import Step, per_process
from vit_tutorial.figures.style import CATEGORIES, INK, figure, style
from vit_tutorial.vit import ViTConfig

PARTS = {
    "weights": "#0b5394",
    "gradients": "#7a4a00",
    "optimiser": "#9fc5e8",
    "gathered": CATEGORIES[2],
    "activations": "#e69f00",
}
HATCHES = {"gradients": "xxx", "optimiser": "///", "gathered": "..."}


@style()
def memory_by_processes(
    config: ViTConfig, step: Step, counts: Sequence[int] = (1, 2, 4, 8, 16, 32, 64), limit: float = 80
) -> Figure:
    """What each of n devices holds in a training step, by part: on the left the whole model (DDP), on the right its n-th part (FSDP2).

    Args:
        config: of the model. step: of one device, with its share of the batch.
        counts: numbers of devices. limit: memory of a device in GiB, drawn as a line.
    """
    fig = figure(height=3.4)
    panels = fig.subplots(1, 2, sharey=True)
    for axes, divided in zip(panels, (False, True)):
        for column, n in enumerate(counts):
            parts, bottom = per_process(config, step, n, divided), 0.0
            for name, colour in PARTS.items():
                height = parts.get(name, 0) / 2**30
                axes.bar(
                    column,
                    height,
                    bottom=bottom,
                    color=colour,
                    hatch=HATCHES.get(name),
                    edgecolor="white",
                    label=name if divided and n == counts[-1] else None,
                )
                bottom += height
        axes.axhline(limit, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.set_xticks(range(len(counts)), [str(n) for n in counts])
        axes.set_xlabel("devices")
        axes.set_title("FSDP2: an n-th part each" if divided else "DDP: the whole model each")
    panels[0].set_ylabel("GiB a device")
    panels[0].text(len(counts) - 0.5, limit, f"{limit:g} GiB", ha="right", va="bottom", color=INK)
    fig.legend(loc="outside lower center", ncols=5, fontsize=9)
    return fig
