"""The attention explorer: a trained ViT that runs where the reader looks at it.

In a notebook :func:`explorer` returns a widget; while the book is built it returns the same figure as an element of the page, after
it has made the widget too: what would fail for a reader fails the build.
"""

from __future__ import annotations

import os
from typing import Any

from vit_tutorial.widgets.attention_explorer.page import page_element
from vit_tutorial.widgets.attention_explorer.state import Step, check_names, check_steps, start_state
from vit_tutorial.widgets.attention_explorer.widget import AttentionExplorer
from vit_tutorial.widgets.page_figure import PageFigure


def explorer(
    model: str = "digits28", *, steps: list[Step] | None = None, caption: str = "", name: str = "", **state: Any
) -> AttentionExplorer | PageFigure:
    """The attention explorer, showing ``state``.

    Args:
        model: name of a page model: ``digits28`` or ``photos32``.
        steps: guided steps that drive the figure, each ``{"text": ..., "state": {...}}`` or a question that is answered before the
            figure shows the result: ``{"question": ..., "choices": [...], "answer": index, "reveal": ..., "state": {...}}``. Text may
            contain `code` and *emphasis*; ``state`` has the page's names (``headsOff``, the others as here).
        caption, name: for the built page: the text below the figure, and its name in links to a state.
        state: traits of :class:`AttentionExplorer`: ``layer=2, head="mean", query=24, view="prediction", ...``

    Raises:
        FileNotFoundError: there is no such model.
        traitlets.TraitError, ValueError: a value that the model cannot show; an unknown name.
    """
    check_steps(steps or [])
    if os.environ.get("VIT_BOOK_BUILD") != "1":
        check_names(state)
        return AttentionExplorer(model, steps=steps or [], **state)
    from vit_tutorial.widgets.attention_explorer.still import describe, draw  # here: a notebook needs no still

    start = start_state(model, steps or [], state)
    picture = draw(start)
    AttentionExplorer(model, steps=steps or [], **state).close()
    return PageFigure(page_element(start, picture.svg, caption, name), picture.png, describe(start))
