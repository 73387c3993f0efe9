"""What a scene shows, as traits that are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets as t

from vit_tutorial.patches import pair
from vit_tutorial.widgets.models.page_model import read_page_model
from vit_tutorial.widgets.scene_segmenter.scene import SIDE, START, palette

# The page's models, each named as the record of its training.
MODELS = {"linear": "digit-scenes-linear", "mask": "digit-scenes-mask"}
DECODERS, SHOWS, TOOLS = ("linear", "mask"), ("model", "truth", "wrong"), ("move", "draw", "hide")
SETTINGS = ("decoder", "digits", "opacity", "show")  # with which a figure can start


class SceneState(t.HasTraits):
    """What a scene shows. Traits: see :class:`~vit_tutorial.widgets.SceneSegmenter`."""

    decoder = t.Enum(DECODERS, "linear").tag(sync=True)
    digits: t.List[Any] = t.List(t.Dict(), [dict(digit) for digit in START]).tag(sync=True)
    selected = t.Int(-1).tag(sync=True)
    opacity = t.Float(0.75, min=0.0, max=1.0).tag(sync=True)
    show = t.Enum(SHOWS, "model").tag(sync=True)
    hide = t.List(t.Int()).tag(sync=True)
    tool = t.Enum(TOOLS, "move").tag(sync=True)

    @t.validate("digits")
    def _placed(self, proposal: Any) -> Any:
        height, width = canvas()
        placed = []
        for one in proposal["value"]:
            if not {"digit", "row", "column"} <= set(one) <= {"digit", "row", "column", "angle"}:
                raise t.TraitError(f"a digit has digit, row, column and perhaps angle, got {dict(one)}")
            if not 0 <= one["digit"] < len(palette()):
                raise t.TraitError(f"there is no digit {one['digit']} in the palette; choose 0 to {len(palette()) - 1}")
            for key, side in (("row", height), ("column", width)):
                if not -SIDE // 2 <= one[key] <= side - SIDE // 2:
                    raise t.TraitError(
                        f"{key} {one[key]} is more than half outside; choose {-SIDE // 2} to {side - SIDE // 2}"
                    )
            placed.append({key: one.get(key, 0) for key in ("digit", "row", "column", "angle")})
        return placed

    @t.validate("hide")
    def _patches(self, proposal: Any) -> Any:
        P = read_page_model(MODELS["linear"])[0]["config"]["patch_size"]
        height, width = canvas()
        n = height // P * (width // P)
        if not all(0 <= patch < n for patch in proposal["value"]):
            raise t.TraitError(f"hide names a patch that is not there; they are 0 to {n - 1}")
        return proposal["value"]


def canvas() -> tuple[int, int]:
    """(height, width) of a scene in pixels."""
    height, width = pair(read_page_model(MODELS["linear"])[0]["config"]["img_size"])
    return int(height), int(width)


def start_state(settings: Mapping[str, Any]) -> SceneState:
    """What a page's figure starts with, checked.

    Raises:
        ValueError: a value that cannot be shown, or an unknown name.
    """
    check_names(settings)
    try:
        return SceneState(**settings)
    except t.TraitError as error:
        raise ValueError(str(error)) from error


def check_names(settings: Mapping[str, Any]) -> None:
    unknown = [key for key in settings if key not in SETTINGS]
    if unknown:
        raise ValueError(f"the scene has no {unknown[0]!r}; it has {', '.join(SETTINGS)}")
