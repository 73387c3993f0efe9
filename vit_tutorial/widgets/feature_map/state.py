"""What the map of features shows, as traits that are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets as t

from vit_tutorial.widgets.feature_map.data import MapData

SETTINGS = ("encoder", "map", "chosen")  # with which a figure can start


class MapState(t.HasTraits):
    """What the figure shows. Traits: see :class:`~vit_tutorial.widgets.EmbeddingMap`."""

    data = t.Dict().tag(sync=True)
    encoder = t.Unicode().tag(sync=True)
    map = t.Unicode().tag(sync=True)
    chosen = t.Int(0).tag(sync=True)

    @t.default("encoder")
    def _first_encoder(self) -> str:
        return str(self.data["encoders"][0]["name"])

    @t.default("map")
    def _first_map(self) -> str:
        return str(next(iter(self.data["encoders"][0]["maps"])))

    @t.validate("encoder", "map")
    def _known(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        encoders = self.data["encoders"]
        known = [one["name"] for one in encoders] if name == "encoder" else list(encoders[0]["maps"])
        if value not in known:
            raise t.TraitError(f"there is no {name} {value!r}; there are: {', '.join(known)}")
        return value

    @t.validate("chosen")
    def _there(self, proposal: Any) -> Any:
        N = len(self.data["encoders"][0]["neighbours"])
        if not 0 <= proposal["value"] < N:
            raise t.TraitError(f"there is no image {proposal['value']}; they are 0 to {N - 1}")
        return proposal["value"]


def start_state(data: MapData, settings: Mapping[str, Any]) -> MapState:
    """What a page's figure starts with, checked.

    Raises:
        ValueError: a value that cannot be shown, or an unknown name.
    """
    check_names(settings)
    try:
        return MapState(data=data, **settings)
    except t.TraitError as error:
        raise ValueError(str(error)) from error


def check_names(settings: Mapping[str, Any]) -> None:
    unknown = [key for key in settings if key not in SETTINGS]
    if unknown:
        raise ValueError(f"the map has no {unknown[0]!r}; it has {', '.join(SETTINGS)}")
