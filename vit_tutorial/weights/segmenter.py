"""A segmenter's weights in one file, with the configurations of encoder and head; and those of the U-Net beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vit_tutorial.cnn import UNet, UNetConfig
from vit_tutorial.heads.config import SegmenterConfig
from vit_tutorial.heads.segmentation import Segmenter
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights.files import read_safetensors, write_safetensors
from vit_tutorial.weights.model import METADATA_KEY, our_metadata, plain_model


def save_segmenter(model: nn.Module, path: str | Path, extra: dict[str, Any] | None = None) -> None:
    """Write a segmenter or a U-Net, also one inside DataParallel or torch.compile, to one safetensors file, whole or not at all.

    LoRA in the encoder is merged in the file. ``extra`` (JSON values) as for :func:`~vit_tutorial.weights.save_model`;
    ``read_extra`` gives it back.

    Raises:
        ValueError: the file would not load again: there is no segmenter inside, or one with a head of another kind.
        OSError: the disk is full or the folder cannot be written; a file that stood there before is intact.
    """
    inside = model
    while not isinstance(inside, (Segmenter, UNet)):
        wrapped = getattr(inside, "_orig_mod", getattr(inside, "module", None))
        if not isinstance(wrapped, nn.Module):
            raise ValueError(f"a {type(inside).__name__} is no segmenter; save_model writes ViTs and CNNs")
        inside = wrapped
    if isinstance(inside, UNet):
        about = {"arch": "unet", "config": inside.config.to_dict(), "extra": extra or {}}
        write_safetensors(path, inside.state_dict(), {METADATA_KEY: json.dumps(about)})
        return
    encoder = plain_model(inside.encoder)
    head = SegmenterConfig.of(inside)
    metadata = {
        "arch": "segmenter",
        "config": encoder.config.to_dict(),
        "head": head.to_dict(),
        "pixels": inside.pixels,
        "extra": extra or {},
    }
    tensors = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    tensors |= {f"head.{name}": tensor for name, tensor in inside.head.state_dict().items()}
    write_safetensors(path, tensors, {METADATA_KEY: json.dumps(metadata)})


def load_segmenter(path: str | Path, device: torch.device | str = "cpu") -> Segmenter | UNet:
    """The segmenter or U-Net that :func:`save_segmenter` wrote, in evaluation mode.

    Raises:
        FileNotFoundError: no such file. ValueError: it is cut, of another format, or holds another model.
    """
    tensors, metadata = read_safetensors(path, device)
    ours = our_metadata(path, metadata)
    if ours.get("arch", "vit") == "unet":
        network = UNet(UNetConfig.from_dict(ours["config"]))
        network.load_state_dict(tensors)
        return network.to(device).eval()
    if ours.get("arch", "vit") != "segmenter":
        raise ValueError(f"{path} holds no segmenter but a {ours.get('arch', 'vit')}; read it with load_classifier")
    encoder = VisionTransformer(ViTConfig.from_dict(ours["config"]))
    model = SegmenterConfig.from_dict(ours["head"]).build(encoder, ours["pixels"])
    model.load_state_dict(tensors)
    return model.to(device).eval()


def holds_segmenter(path: str | Path) -> bool:
    """Whether a file of weights is one that :func:`save_segmenter` wrote. Raises as :func:`load_segmenter`, but for another model."""
    ours = our_metadata(path, read_safetensors(path, only_metadata=True)[1])
    return ours.get("arch", "vit") in ("segmenter", "unet")
