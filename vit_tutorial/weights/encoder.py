"""An encoder's weights for a model that is to go on from them: everything but the head."""

from __future__ import annotations

import json
from pathlib import Path

from vit_tutorial.patches import in_pixels, pair
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.weights.files import read_weights
from vit_tutorial.weights.model import METADATA_KEY, load_weights

SHAPE = ("patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias", "class_token", "reg_tokens")
FUNCTION = ("no_embed_class", "pos_embed", "global_pool", "norm_eps", "init_values")


def load_encoder(model: VisionTransformer, path: str | Path, frozen: bool = False) -> None:
    """Load a pre-trained encoder into a model whose head stays as it is.

    Args:
        path: a file or a run's folder, see :func:`~vit_tutorial.weights.files.read_weights`; any format that :func:`load_weights` knows.
        frozen: the encoder will stay as it is, for a probe: then it takes images of its own size only.

    Raises:
        FileNotFoundError: there is no such file, or the run is not finished.
        ValueError: the encoder is of another configuration, and the message says which fields to set; or it is to be probed on images of another size.
    """
    try:
        _, metadata = read_weights(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; pretrained is to be a file of weights or the folder of a finished run, as runs/mae_fashion/seed-{{seed}}"
        ) from error
    said = json.loads(metadata.get(METADATA_KEY, "{}")).get("config", {})  # of a file of ours
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
    load_weights(model, path, new_head=True)
