"""What the patch masker shows, as traits that are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import traitlets as t

from vit_tutorial.patches import pair
from vit_tutorial.pretraining import random_mask
from vit_tutorial.widgets.models.page_model import gallery, read_page_model

MODEL = "mae-garments"  # named as the record of its training
SAMPLINGS, SHOWS = ("random", "block", "grid"), ("painted", "image", "error")
SETTINGS = ("image", "hide", "sampling", "show")  # with which a figure can start


class MaskerState(t.HasTraits):
    """What the figure shows. Traits: see :class:`~vit_tutorial.widgets.PatchMasker`."""

    image = t.Unicode().tag(sync=True)
    hide = t.List(t.Int()).tag(sync=True)
    sampling = t.Enum(SAMPLINGS, "random").tag(sync=True)
    show = t.Enum(SHOWS, "painted").tag(sync=True)

    @t.default("image")
    def _first(self) -> str:
        return gallery(MODEL)[0]["name"]

    @t.default("hide")
    def _as_trained(self) -> list[int]:
        share = read_page_model(MODEL)[0]["autoencoder"]["mask_ratio"]
        mask = random_mask(1, count_patches(), share, generator=torch.Generator().manual_seed(0))
        return [int(patch) for patch in mask[0].nonzero()]

    @t.validate("image")
    def _known(self, proposal: Any) -> Any:
        known = [entry["name"] for entry in gallery(MODEL)]
        if proposal["value"] not in known:
            raise t.TraitError(f"there is no image {proposal['value']!r}; there are: {', '.join(known)}")
        return proposal["value"]

    @t.validate("hide")
    def _patches(self, proposal: Any) -> Any:
        n = count_patches()
        for patch in proposal["value"]:
            if not 0 <= patch < n:
                raise t.TraitError(f"hide names the patch {patch}, which is not there; they are 0 to {n - 1}")
        return sorted(set(proposal["value"]))


def count_patches() -> int:
    config = read_page_model(MODEL)[0]["config"]
    height, width = pair(config["img_size"])
    return int(height // config["patch_size"] * (width // config["patch_size"]))


def start_state(settings: Mapping[str, Any]) -> MaskerState:
    """What a page's figure starts with, checked.

    Raises:
        ValueError: a value that cannot be shown, or an unknown name.
    """
    check_names(settings)
    try:
        return MaskerState(**settings)
    except t.TraitError as error:
        raise ValueError(str(error)) from error


def check_names(settings: Mapping[str, Any]) -> None:
    unknown = [key for key in settings if key not in SETTINGS]
    if unknown:
        raise ValueError(f"the figure has no {unknown[0]!r}; it has {', '.join(SETTINGS)}")
