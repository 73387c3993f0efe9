"""What holds for every figure of the book."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from vit_tutorial.figures import style


def assert_page_wide(fig: Any) -> None:
    """Its PNG has two dots for each of the page's 690 pixels."""
    data, metadata = fig._repr_png_()
    assert metadata == {"width": 690}
    assert Image.open(io.BytesIO(data)).width == 1380


def assert_nothing_sticks_out(fig: Any) -> None:
    """All that is drawn lies within the figure."""
    fig.canvas.draw()  # lays it out
    with style():
        drawn = fig.get_tightbbox()  # inches
    width, height = fig.get_size_inches()
    assert drawn.x0 > -0.02
    assert drawn.y0 > -0.02
    assert drawn.x1 < width + 0.02
    assert drawn.y1 < height + 0.02
