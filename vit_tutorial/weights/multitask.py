"""A multi-task model's weights in one file, with what each task asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vit_tutorial.heads.multitask import MultiTask, Output
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights.files import read_safetensors, write_safetensors
from vit_tutorial.weights.model import METADATA_KEY, our_metadata


def save_multitask(model: nn.Module, path: str | Path, extra: dict[str, Any] | None = None) -> None:
    """Write a multi-task model, also one inside DataParallel or torch.compile, to one safetensors file, whole or not at all.

    Args:
        extra: JSON values; ``read_extra`` gives them back.

    Raises:
        ValueError: there is no such model inside.
        OSError: the disk is full or the folder cannot be written; a file that stood there before is intact.
    """
    inside = model
    while not isinstance(inside, MultiTask):
        wrapped = getattr(inside, "_orig_mod", getattr(inside, "module", None))
        if not isinstance(wrapped, nn.Module):
            raise ValueError(f"a {type(inside).__name__} is no multi-task model; save_model writes ViTs and CNNs")
        inside = wrapped
    metadata = {
        "arch": "multitask",
        "config": inside.encoder.config.to_dict(),
        "outputs": {name: output.to_dict() for name, output in inside.outputs.items()},
        "options": {"own_tokens": inside.own_tokens, "cells": inside.cells, "weighting": inside.weighting},
        "extra": extra or {},
    }
    write_safetensors(path, inside.state_dict(), {METADATA_KEY: json.dumps(metadata)})


def load_multitask(path: str | Path, device: torch.device | str = "cpu") -> MultiTask:
    """The model that :func:`save_multitask` wrote, in evaluation mode.

    Raises:
        FileNotFoundError: no such file. ValueError: it is cut, of another format, or holds another model.
    """
    tensors, metadata = read_safetensors(path, device)
    ours = our_metadata(path, metadata)
    if ours.get("arch", "vit") != "multitask":
        raise ValueError(
            f"{path} holds no multi-task model but a {ours.get('arch', 'vit')}; read it with load_classifier"
        )
    outputs = {name: Output.from_dict(fields) for name, fields in ours["outputs"].items()}
    model = MultiTask(VisionTransformer(ViTConfig.from_dict(ours["config"])), outputs, **ours["options"])
    model.load_state_dict(tensors)
    return model.to(device).eval()


def holds_multitask(path: str | Path) -> bool:
    """Whether a file of weights is one that :func:`save_multitask` wrote. Raises as :func:`load_multitask`, but for another model."""
    return our_metadata(path, read_safetensors(path, only_metadata=True)[1]).get("arch", "vit") == "multitask"
