"""A live figure in a kernel: each setting is drawn when it is asked for, by the reader or by Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from vit_tutorial.widgets.sliders.drawing import draw, save
from vit_tutorial.widgets.sliders.settings import Parameter, Settings, check_settings, describe_controls, positions

SCRIPT = Path(__file__).parent / "dist" / "widget.js"


class KernelFigure(anywidget.AnyWidget):
    """The figure with its controls.

    Traits:
        settings: what is shown, e.g. ``{"layer": 2, "head": 0}``; to set it draws and shows the figure.
        fault: why the last figure could not be drawn; empty where it could.
    """

    _esm = SCRIPT
    settings = traitlets.Dict()
    fault = traitlets.Unicode("").tag(sync=True)
    _controls: Any = traitlets.List().tag(sync=True)
    _caption = traitlets.Unicode("").tag(sync=True)
    _asked = traitlets.List(traitlets.Int()).tag(sync=True)  # positions the reader wants; a front end sets it
    _shown = traitlets.Dict().tag(sync=True)  # what the front end shows: positions, picture, alternative text, width

    def __init__(
        self,
        figure_function: Callable[..., Any],
        parameters: list[Parameter],
        first: Settings,
        describe: Callable[[Settings], str],
        caption: str,
    ) -> None:
        self._figure_function, self._parameters, self._describe = figure_function, parameters, describe
        self._drawn: dict[tuple[int, ...], dict[str, Any]] = {}
        start = positions(parameters, first)
        super().__init__(
            settings=first,
            _controls=describe_controls(parameters),
            _caption=caption,
            _asked=start,
            _shown=self._picture(first),
        )

    @traitlets.validate("settings")
    def _check(self, proposal: Any) -> Settings:
        return check_settings(self._parameters, proposal["value"])

    @traitlets.observe("settings")
    def _draw(self, change: Any) -> None:
        if not self._shown:  # being made: the first picture is drawn there, so that its error reaches the cell
            return
        places = positions(self._parameters, self.settings)
        with self.hold_sync():
            self._asked = places
            try:
                self._shown = self._picture(self.settings)
                self.fault = ""
            except Exception as error:  # an observer's exception would be seen by nobody
                self._shown = {**self._shown, "places": places}
                self.fault = f"This setting could not be drawn: {type(error).__name__}: {error}"

    @traitlets.observe("_asked")
    def _answer(self, change: Any) -> None:
        if self._shown and self._asked != positions(self._parameters, self.settings):
            self.settings = {p.name: p.values[place] for p, place in zip(self._parameters, self._asked)}

    def _picture(self, settings: Settings) -> dict[str, Any]:
        """What the front end shows for these settings; drawn once."""
        places = positions(self._parameters, settings)
        key = tuple(places)
        if key not in self._drawn:
            (image,) = draw(self._figure_function, settings)
            self._drawn[key] = {
                "places": places,
                "picture": save(image, "PNG"),
                "text": self._describe(settings),
                "size": [round(image.width / 2), round(image.height / 2)],
            }
        return self._drawn[key]
