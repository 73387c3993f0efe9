"""The page's models and pictures, in Python: the very weights that the figures run, for code that goes on from what the page shows."""

from __future__ import annotations

import base64
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vit_tutorial.blocks import EncoderBlock
from vit_tutorial.heads import Segmenter, SegmenterConfig
from vit_tutorial.pretraining import MaskedAutoencoder
from vit_tutorial.vit import VisionTransformer, ViTConfig

MODELS = Path(__file__).parent
GALLERY = MODELS / "gallery"
SHARED = {"photos32_small": "photos32"}  # models that look at the pictures of another
FORMAT, VERSION = "vit-tutorial-page", 1  # engine/weights.js reads exactly these


def page_models(kind: str | None = None) -> list[str]:
    """The names of the models that figures can show: all, or those of one :func:`kind_of`."""
    names = sorted(path.stem for path in MODELS.glob("*.json") if path.with_suffix(".bin").is_file())
    return [name for name in names if kind is None or kind_of(read_page_model(name)[0]) == kind]


def kind_of(manifest: dict[str, Any]) -> str:
    """``segmenter``, ``autoencoder``, ``vit`` for a classifier, or ``encoder`` for a ViT without a head."""
    if "head" in manifest:
        return "segmenter"
    if "autoencoder" in manifest:
        return "autoencoder"
    return "vit" if manifest["config"]["num_classes"] else "encoder"


@cache
def read_page_model(name: str) -> tuple[dict[str, Any], bytes]:
    """(manifest, weights) of a page model, as ``vit-tutorial export --to page`` wrote them.

    Raises:
        FileNotFoundError: there is no such model; the message names those that there are.
        ValueError: the files are of another format, or the weights were cut.
    """
    path = MODELS / f"{name}.json"
    if not path.is_file() or not path.with_suffix(".bin").is_file():
        known = ", ".join(page_models()) or "none yet: export one with vit-tutorial export MODEL --to page"
        raise FileNotFoundError(f"no page model {name!r} in {MODELS}; there are: {known}")
    manifest, data = json.loads(path.read_text(encoding="utf-8")), path.with_suffix(".bin").read_bytes()
    if (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        raise ValueError(f"{path} is not a page model of version {VERSION}; export it again")
    if len(data) != manifest["bytes"]:
        raise ValueError(
            f"{path.with_suffix('.bin')} has {len(data)} bytes, its manifest says {manifest['bytes']}: it was cut"
        )
    return manifest, data


def load_page_model(name: str) -> Any:
    """The model that the figures run, a VisionTransformer, a Segmenter or a MaskedAutoencoder, in evaluation mode.

    Its rounded int8 weights are the page's, so are its numbers (within 1e-4).
    """
    return build_page_model(*read_page_model(name))


def build_page_model(manifest: dict[str, Any], data: bytes) -> VisionTransformer | Segmenter | MaskedAutoencoder:
    """The model that a page builds from a manifest and its weights, rounded as they are there; in evaluation mode.

    A segmenter gives the scores of pixels.
    """
    state = {}
    for tensor in manifest["tensors"]:
        shape, at, count = tensor["shape"], tensor["offset"], int(np.prod(tensor["shape"]))
        if tensor["dtype"] == "int8":
            scale = np.frombuffer(data, "<f4", shape[0], at)
            values = np.frombuffer(data, "i1", count, at + 4 * shape[0]).reshape(shape[0], -1) * scale[:, None]
        else:
            values = np.frombuffer(data, {"fp16": "<f2", "fp32": "<f4"}[tensor["dtype"]], count, at)
        state[tensor["name"]] = torch.from_numpy(values.astype(np.float32).reshape(shape))
    config = ViTConfig.from_dict(manifest["config"])
    encoder = VisionTransformer(ViTConfig.from_dict({**config.to_dict(), "num_classes": 0}))
    model: VisionTransformer | Segmenter | MaskedAutoencoder
    if kind_of(manifest) in ("vit", "encoder"):
        model = VisionTransformer(config)
    elif kind_of(manifest) == "autoencoder":
        model = MaskedAutoencoder(encoder, **manifest["autoencoder"])
    else:
        model = SegmenterConfig.from_dict(manifest["head"]).build(encoder)
    model.load_state_dict(state)
    return model.eval()


def describe_decoder(model: MaskedAutoencoder) -> dict[str, Any]:
    """The arguments, besides the encoder, with which a masked autoencoder is built again."""
    block = model.decoder_blocks[0]
    assert isinstance(block, EncoderBlock)
    return {
        "decoder_dim": model.decoder_embed.out_features,
        "decoder_depth": len(model.decoder_blocks),
        "decoder_heads": block.attn.num_heads,
        "mlp_ratio": block.mlp.fc1.out_features / model.decoder_embed.out_features,
        "mask_ratio": model.mask_ratio,
        "norm_targets": model.norm_targets,
    }


def gallery_path(name: str) -> Path:
    """The file of a model's pictures."""
    return GALLERY / f"{SHARED.get(name, name)}.json"


@cache
def gallery(name: str) -> list[dict[str, Any]]:
    """The pictures for a model: ``name``, ``label``, ``image`` (data address of a PNG), for photographs ``large`` and ``credit``.

    ``none`` is True where a picture shows none of the model's classes.
    """
    path = gallery_path(name)
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return entries


def gallery_picture(name: str, picture: str) -> Image.Image:
    """One picture of the gallery, or a data address, as an image of the model's size.

    Raises:
        ValueError: there is no such picture; the message names those that there are.
    """
    address = picture
    if not picture.startswith("data:"):
        entries = {entry["name"]: entry["image"] for entry in gallery(name)}
        if picture not in entries:
            raise ValueError(f"no picture {picture!r} for {name}; there are: {', '.join(entries)}")
        address = entries[picture]
    return Image.open(io.BytesIO(base64.b64decode(address.split(",", 1)[1])))


def data_address(picture: Image.Image, kind: str, **options: Any) -> str:
    """A picture as an address that holds it; ``kind``: PNG or JPEG."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def open_picture(name: str, picture: str) -> Tensor:
    """A picture as the model ``name`` takes it: [1, C, H, W], (pixel / 255 - mean) / std.

    Args:
        name: of a page model.
        picture: the name of a picture of its gallery, or a data address (what "Python" in the figure copies for drawings and photos).
    """
    manifest, _ = read_page_model(name)
    image = gallery_picture(name, picture).convert("RGB" if manifest["config"]["in_chans"] == 3 else "L")
    pixels = torch.from_numpy(np.array(image, dtype=np.float32)).reshape(image.height, image.width, -1).permute(2, 0, 1)
    mean, std = (torch.tensor(manifest[key]).reshape(-1, 1, 1) for key in ("mean", "std"))
    return ((pixels / 255 - mean) / std)[None]
