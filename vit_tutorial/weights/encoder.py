"""An encoder's weights for a model that is to go on from them: everything but the head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vit_tutorial.patches import in_pixels, pair
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.weights.files import read_weights
from vit_tutorial.weights.model import METADATA_KEY, load_weights
from vit_tutorial.weights.pretrained import PRETRAINED, fetch

SHAPE = ("patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias", "class_token", "reg_tokens")
FUNCTION = ("no_embed_class", "pos_embed", "global_pool", "norm_eps", "init_values")


def load_encoder(model: VisionTransformer, path: str | Path, frozen: bool = False) -> None:
    """Load a pre-trained encoder into a model whose head stays as it is.

    Args:
        path: a file or a run's folder, see :func:`~vit_tutorial.weights.files.read_weights`; any format that :func:`load_weights` knows; or the name
            of official weights, a key of :data:`~vit_tutorial.weights.pretrained.PRETRAINED`.
        frozen: the encoder will stay as it is, for a probe: then it takes images of its own size only.

    Raises:
        FileNotFoundError: there is no such file, or the run is not finished.
        ValueError: the encoder is of another configuration, and the message says which fields to set; or it is to be probed on images of another
            size; or the file is a run's checkpoint.
    """
    said = described_encoder(path).get("config", {})
    own = model.config.to_dict()
    different = [name for name in (*SHAPE, *FUNCTION) if name in said and said[name] != own[name]]
    if different:
        there = ", ".join(f"model.{name}={json.dumps(said[name])}" for name in different)
        here = ", ".join(json.dumps(own[name]) for name in different)
        raise ValueError(f"the encoder in {path} has {there}, and the recipe {here}; give the recipe the encoder's")
    if frozen and "img_size" in said and pair(said["img_size"]) != pair(model.config.img_size):
        theirs, mine = in_pixels(pair(said["img_size"])), in_pixels(pair(model.config.img_size))
        raise ValueError(
            f"the encoder in {path} was trained on images of {theirs}, and these are {mine}; a probe leaves it as it is, so resize the images, "
            "pre-train at their size, or fine-tune the whole (frozen=false), which resizes the positions"
        )
    official = PRETRAINED.get(str(path))
    file, grid = (path, None) if official is None else (fetch(str(path)), official.grid)
    load_weights(model, file, new_head=True, grid=grid)


def encoder_normalisation(path: str | Path) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation of each channel by which an encoder's images were normalised; None where its file does not say them.

    Raises: as :func:`load_encoder`, of a file that cannot be read.
    """
    extra = described_encoder(path).get("extra") or {}
    return (tuple(extra["mean"]), tuple(extra["std"])) if extra.get("mean") and extra.get("std") else None


def described_encoder(path: str | Path) -> dict[str, Any]:
    """What a file of ours, or the table of official weights, says of the model; nothing of other files. Raises as :func:`load_encoder`."""
    if (official := PRETRAINED.get(str(path))) is not None:
        return {"config": official.config.to_dict(), "extra": official.prepare.to_dict()}
    try:
        _, metadata = read_weights(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; pretrained is to be a file of weights, the folder of a finished run, as runs/mae_fashion/seed-{{seed}}, or the name of "
            "official weights, as vit_tiny_patch16_224.augreg_in21k_ft_in1k"
        ) from error
    if metadata.get("format", "").startswith("vit_tutorial checkpoint"):
        raise ValueError(
            f"{path} is a run's checkpoint, which holds optimiser and heads beside the encoder; give the run's folder, {Path(path).parent}, once the "
            "run is finished: its model.safetensors is the encoder"
        )
    found: dict[str, Any] = json.loads(metadata.get(METADATA_KEY, "{}"))
    return found
