"""A model's weights: loading any known format into it, and our own file that holds the ViTConfig as well.

Our files carry the ViTConfig and whatever else a caller gives (class names, mean and standard deviation) as JSON in the metadata.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vit_tutorial.cnn import CNNConfig, ConvNet
from vit_tutorial.positions import resize_pos_embed
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights.convert import StateDict, convert_state_dict
from vit_tutorial.weights.files import read_safetensors, write_safetensors

_METADATA_KEY = "vit_tutorial"


def load_weights(model: VisionTransformer, source: StateDict | str | Path, new_head: bool = False) -> None:
    """Load weights of any of the known formats into a model, strictly.

    A position embedding of another grid is resized (bicubic with antialias); everything else must fit.

    Args:
        source: a state dict, or the path of a safetensors file.
        new_head: leave the model's own head as it is (fine-tuning on other classes).

    Raises:
        ValueError: names or shapes do not fit; the first ones are listed. FileNotFoundError: no such file.
    """
    state = convert_state_dict(source if isinstance(source, dict) else read_safetensors(source)[0])
    own = model.state_dict()
    if new_head:
        state = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
        state |= {name: tensor for name, tensor in own.items() if name.startswith("head.")}
    if "pos_embed" in state and "pos_embed" in own and state["pos_embed"].shape[1] != own["pos_embed"].shape[1]:
        state["pos_embed"] = _fit_positions(state["pos_embed"], own["pos_embed"], model)
    faults = [f"{name} is missing" for name in own if name not in state]
    faults += [f"{name} is not in the model" for name in state if name not in own]
    faults += [
        f"{name} is {tuple(state[name].shape)}, the model's is {tuple(own[name].shape)}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    if faults:
        more = f" and {len(faults) - 4} more" if len(faults) > 4 else ""
        head = any(fault.startswith("head.") for fault in faults)
        remedy = "; for other classes pass new_head=True" if head else "; build the model with the weights' ViTConfig"
        raise ValueError(f"the weights are of another model: {'; '.join(faults[:4])}{more}{remedy}")
    model.load_state_dict(state)


def save_model(model: VisionTransformer | ConvNet, path: str | Path, extra: dict[str, Any] | None = None) -> None:
    """Write weights, configuration and ``extra`` (JSON values) to one safetensors file, whole or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written; a file that stood there before is intact.
    """
    arch = "cnn" if isinstance(model, ConvNet) else "vit"
    metadata = {"arch": arch, "config": model.config.to_dict(), "extra": extra or {}}
    write_safetensors(path, model.state_dict(), {_METADATA_KEY: json.dumps(metadata)})


def load_model(path: str | Path, device: torch.device | str = "cpu") -> VisionTransformer:
    """The ViT that :func:`save_model` wrote, in evaluation mode.

    Raises:
        FileNotFoundError: no such file. ValueError: it is cut, of another format, not written by :func:`save_model`, or holds a CNN.
    """
    model = load_classifier(path, device)
    if not isinstance(model, VisionTransformer):
        raise ValueError(f"{path} holds a CNN, and a ViT is needed here; load_classifier reads either")
    return model


def load_classifier(path: str | Path, device: torch.device | str = "cpu") -> VisionTransformer | ConvNet:
    """The model that :func:`save_model` wrote, ViT or CNN, in evaluation mode. Raises as :func:`load_model`, but for a CNN."""
    tensors, metadata = read_safetensors(path, device)
    ours = _our_metadata(path, metadata)
    if ours.get("arch", "vit") == "cnn":
        cnn = ConvNet(CNNConfig.from_dict(ours["config"]))
        cnn.load_state_dict(tensors)
        return cnn.to(device).eval()
    model = VisionTransformer(ViTConfig.from_dict(ours["config"]))
    load_weights(model, tensors)
    return model.to(device).eval()


def read_extra(path: str | Path) -> dict[str, Any]:
    """What was given to :func:`save_model` as ``extra``. Raises as :func:`load_model`."""
    return _our_metadata(path, read_safetensors(path, only_metadata=True)[1])["extra"]


def _fit_positions(theirs: Tensor, ours: Tensor, model: VisionTransformer) -> Tensor:
    prefix = ours.shape[1] - model.patch_embed.num_patches
    side = round((theirs.shape[1] - prefix) ** 0.5)
    if side * side + prefix != theirs.shape[1]:
        raise ValueError(
            f"the weights' position embedding has {theirs.shape[1]} tokens, which is not {prefix} prefix tokens and a square grid"
        )
    return resize_pos_embed(theirs, (side, side), model.grid_size, prefix)


def _our_metadata(path: str | Path, metadata: dict[str, str]) -> dict[str, Any]:
    if _METADATA_KEY not in metadata:
        raise ValueError(
            f"{path} holds weights but no ViTConfig, so it was not written by save_model; "
            "build the model with a ViTConfig and call load_weights(model, path)"
        )
    return json.loads(metadata[_METADATA_KEY])
