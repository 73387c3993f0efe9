"""The house style of the matplotlib figures: the page's colours, a legible size, no frames, labels where the data is.

A picture of one's own, in the same look:

    from vit_tutorial.figures import figure, style

    with style():
        fig = figure(height=2.5)
        axes = fig.subplots()
        axes.plot(values)
    fig  # the last value of a cell shows it, once
"""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
import matplotlib.figure
from cycler import cycler
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from vit_tutorial.dark import dark_twin

# The same values as on a light page in book/assets/book.css. What they become on a dark one, vit_tutorial.dark says.
INK, MUTED, LINE, TINT, ACCENT = "#1d2129", "#5a6270", "#d9dde3", "#f5f6f8", "#00629b"
# Okabe and Ito's eight colours, told apart with any colour vision. Black is the page's ink.
CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#f0e442", INK)
ATTENTION = "viridis"  # attention weights: from none (dark) to all (bright), also in grey
SIGNED = "RdBu_r"  # values on both sides of zero: give vmin=-m, vmax=m, so that white is zero

PAGE_WIDTH = 6.9  # inches; shown 690 px wide, so that 10 pt are 14 px, like the page's captions
SCREEN_DPI = 100
DPI = 200  # two dots a pixel: sharp on dense screens and in print

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=CATEGORIES),
    "axes.grid": False,
    "lines.linewidth": 1.8,
    "image.cmap": ATTENTION,
    "image.interpolation": "nearest",
    "axes.unicode_minus": True,
    "legend.frameon": False,
}


@contextmanager
def style() -> Iterator[None]:
    """Inside the ``with``, matplotlib draws in the house style; outside, its settings are as they were. Works as a decorator too."""
    with matplotlib.rc_context(RC):
        yield


class Figure(matplotlib.figure.Figure):
    """A figure that pyplot does not know: it shows as the value of a cell, once, and needs no closing."""

    def draw(self, renderer: RendererBase) -> None:
        with style():  # ticks and their labels are made only now
            super().draw(renderer)

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        """The PNG and, for notebooks and pages, the width at which to show it; for the built book its dark twin, too."""
        buffer, twin = io.BytesIO(), io.BytesIO()
        self.savefig(buffer, format="png")
        known: dict[str, Any] = {"width": round(self.get_figwidth() * SCREEN_DPI)}
        if os.environ.get("VIT_BOOK_BUILD") == "1":
            dark_twin(self).save(twin, "PNG")
            known["dark"] = base64.b64encode(twin.getvalue()).decode()
        return buffer.getvalue(), known


def figure(height: float, width: float = PAGE_WIDTH) -> Figure:
    """An empty figure, ``width`` x ``height`` inches, with a layout that keeps labels inside.

    Shown at 100 px an inch: the default width fills the page's column of text.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if (
        shell is not None
    ):  # where %matplotlib inline has a formatter of its own, ours still comes first: it knows the width
        shell.display_formatter.formatters["image/png"].for_type(Figure, Figure._repr_png_)
    fig = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(fig)
    return fig
