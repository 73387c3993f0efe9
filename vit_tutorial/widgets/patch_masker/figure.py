"""The patch masker: hide patches of an image by hand or by share, and see what a masked autoencoder makes of the rest.

In a notebook :func:`mask_patches` returns a widget; while the book is built it returns the same figure as an element of the page, after
it has made the widget too: what would fail for a reader fails the build.
"""

from __future__ import annotations

import os
from typing import Any

from vit_tutorial.widgets.page_figure import PageFigure
from vit_tutorial.widgets.patch_masker.page import page_element
from vit_tutorial.widgets.patch_masker.state import check_names, start_state
from vit_tutorial.widgets.patch_masker.widget import PatchMasker


def mask_patches(*, caption: str = "", name: str = "", **state: Any) -> PatchMasker | PageFigure:
    """An image whose patches the reader hides, and what a trained masked autoencoder paints in their places.

    Args:
        caption, name: for the built page: the text below the figure, and its name in links.
        state: with what it starts: ``image="checked shirt", hide=[8, 9, 15, 16], show="error"``; see :class:`PatchMasker`.

    Raises:
        FileNotFoundError: the model is missing.
        traitlets.TraitError, ValueError: a value that cannot be shown; an unknown name.
    """
    if os.environ.get("VIT_BOOK_BUILD") != "1":
        check_names(state)
        return PatchMasker(**state)
    from vit_tutorial.widgets.patch_masker.still import describe, draw  # here: a notebook needs no still

    start = start_state(state)
    picture = draw(start)
    PatchMasker(**state).close()
    return PageFigure(page_element(start, picture.html, caption, name), picture.png, describe(start))
