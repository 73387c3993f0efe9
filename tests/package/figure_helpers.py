"""What the tests of figures share."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.text import Text


def written(fig: Figure) -> str:
    """All that is written in a figure and shown, a line each."""
    fig.draw_without_rendering()  # tick labels are made only now
    return "\n".join(text.get_text() for text in fig.findobj(Text) if text.get_visible() and text.get_text())
