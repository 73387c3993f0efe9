"""The cost calculator as a still: the parts of the memory as a table, and as a bar for print."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from vit_tutorial.cost import memory, parameters, peak, seconds
from vit_tutorial.widgets.cost_calculator.state import CalculatorState

MIB = 2**20
COLOURS = {
    "weights": "#0b5394",
    "optimiser": "#9fc5e8",
    "activations": "#e69f00",
    "gradients": "#7a4a00",
    "workspace": "#c9d6a3",
    "images": "#666d78",
}


def held(start: CalculatorState) -> dict[str, float]:
    """MiB of each part that is there at the peak."""
    parts = memory(start.config, start.step)
    less = "gradients" if parts["activations"] >= parts["gradients"] else "activations"
    return {name: parts[name] / MIB for name in COLOURS if name != less}


def describe(start: CalculatorState) -> str:
    """The alternative text."""
    count, time = sum(parameters(start.config).values()), sum(seconds(start.config, start.step, start.rates).values())
    parts = ", ".join(f"{name} {size:,.0f} MiB" for name, size in held(start).items())
    return (
        f"A ViT of {count:,} parameters, {start.img_size} pixels, batch {start.batch_size}, {start.precision}: a training step takes "
        f"{peak(memory(start.config, start.step)) / MIB:,.0f} MiB ({parts}) and {time:.2g} s at {start.tflops:g} TFLOP/s and {start.bandwidth:g} GB/s."
    )


def table(start: CalculatorState) -> str:
    """The sentence and the parts, as HTML."""
    rows = "".join(f"<tr><td>{name}</td><td>{size:,.0f} MiB</td></tr>" for name, size in held(start).items())
    return f"<p>{describe(start)}</p><table><tbody>{rows}</tbody></table>"


def draw(start: CalculatorState) -> bytes:
    """The bar as PNG."""
    figure = Figure(figsize=(6.9, 1.6), dpi=200, layout="constrained")
    axes = figure.subplots()
    left = 0.0
    for name, size in held(start).items():
        axes.barh(0, size, left=left, color=COLOURS[name], label=name)
        left += size
    axes.set_yticks([])
    axes.set_xlabel("MiB")
    axes.legend(ncols=5, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.35), frameon=False)
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()
