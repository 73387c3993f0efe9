"""A page model in a notebook: sent to the notebook's page once and shared by all figures that show it."""

from __future__ import annotations

from typing import Any

import ipywidgets  # type: ignore[import-untyped]
import traitlets as t

from vit_tutorial.widgets.models.page_model import gallery, read_page_model


class Asset(ipywidgets.Widget):
    """A model and its pictures, sent to the notebook's page once and shared by all figures that show it."""

    manifest = t.Dict().tag(sync=True)
    data = t.Bytes().tag(sync=True)
    gallery: t.List[Any] = t.List().tag(sync=True)


_assets: dict[str, Asset] = {}


def shared_asset(model: str) -> Asset:
    """The one of this model; made anew where ``Widget.close_all()`` has closed it, which leaves it without a comm."""
    if model not in _assets or _assets[model].comm is None:
        manifest, data = read_page_model(model)
        _assets[model] = Asset(manifest=manifest, data=data, gallery=gallery(model))
    return _assets[model]
