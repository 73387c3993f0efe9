"""Models out of Python: to the page, where the figures' own engine runs them, and to ONNX, which other runtimes read.

The page format is one JSON manifest (configuration, class names, normalisation, where each tensor lies) and one binary file. Because a
page opened from a file may not fetch another file, both are written a second time as a classic script, which it may load.
"""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vit_tutorial.heads import QuerySegmenter, Segmenter, SegmenterConfig
from vit_tutorial.pretraining import MaskedAutoencoder
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import plain_model
from vit_tutorial.widgets.models.page_model import FORMAT, VERSION, describe_decoder

DTYPES = ("int8", "fp16", "fp32")
MATRICES = ("weight", "proj_patch", "proj_classes")  # how the names of matrices end


@dataclass(frozen=True)
class PageModel:
    """A model in the page format: ``manifest`` (JSON values) and ``data`` (the bytes it describes)."""

    manifest: dict[str, Any]
    data: bytes

    def script(self, name: str) -> str:
        """The text of a classic script that leaves ``{manifest, base64}`` in ``globalThis.vitTutorialModels[name]``."""
        entry = json.dumps(
            {"manifest": self.manifest, "base64": base64.b64encode(self.data).decode()}, separators=(",", ":")
        )
        return f"(globalThis.vitTutorialModels??={{}})[{json.dumps(name)}]={entry};\n"


def page_model(
    model: VisionTransformer | Segmenter | MaskedAutoencoder,
    dtype: str = "int8",
    classes: Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    source: dict[str, Any] | None = None,
) -> PageModel:
    """A model in the page format: a ViT, a segmenter with a linear head or a mask transformer, or a masked autoencoder with its decoder.

    int8 stores each row w of a weight matrix as integers q and one scale s = max|w| / 127, with w = s q, an error of at most s / 2 a
    weight; everything that is not a matrix (biases, norms, tokens, positions) is then fp16.

    Args:
        dtype: ``int8`` (a quarter of fp32), ``fp16`` or ``fp32``.
        classes: a name for each class, in the order of the logits.
        mean, std: of each channel, as the model was trained with: input = (pixel / 255 - mean) / std. Default 0 and 1.
        source: what the model comes from, JSON values, such as ``{"recipe": ..., "data": ...}``.

    Raises:
        ValueError: unknown dtype; lengths that do not fit the model; a weight that is not finite or not within fp16's range; a model that
            the page does not run.
    """
    encoder = model.encoder if isinstance(model, (Segmenter, MaskedAutoencoder)) else model
    plain = plain_model(encoder)  # without wrappers, with LoRA merged: the page knows a ViT's own names only
    if not isinstance(plain, VisionTransformer):
        raise ValueError("the page runs a ViT, and this is a CNN")
    config, state, K = plain.config, plain.state_dict(), plain.config.num_classes
    of_head: dict[str, Any] = {}
    if isinstance(model, Segmenter):
        if isinstance(model, QuerySegmenter):
            raise ValueError(
                "the page runs a linear head or a mask transformer, and this head has queries; export it to onnx"
            )
        head = SegmenterConfig.of(model)
        K, of_head = head.num_classes, {"head": head.to_dict()}
        state = {f"encoder.{name}": tensor for name, tensor in state.items() if not name.startswith("head.")}
        state |= {f"head.{name}": tensor for name, tensor in model.head.state_dict().items()}
    elif isinstance(model, MaskedAutoencoder):
        K, of_head = 0, {"autoencoder": describe_decoder(model)}
        of_decoder = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("encoder.")}
        config = ViTConfig.from_dict({**config.to_dict(), "num_classes": 0})
        state = {
            f"encoder.{name}": tensor for name, tensor in state.items() if not name.startswith("head.")
        } | of_decoder
    if dtype not in DTYPES:
        raise ValueError(f"unknown dtype {dtype!r}; choose one of {', '.join(DTYPES)}")
    mean, std = check_description(config, classes, mean, std, K)
    data = bytearray()
    tensors = []
    for name, tensor in state.items():
        kind = dtype if dtype != "int8" or (name.endswith(MATRICES) and tensor.ndim > 1) else "fp16"
        tensors.append({"name": name, "shape": list(tensor.shape), "dtype": kind, "offset": len(data)})
        data += _encode(name, tensor, kind)
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        **({} if source is None else {"source": source}),
        "config": config.to_dict(),
        **of_head,
        "classes": None if classes is None else [str(c) for c in classes],
        "mean": mean,
        "std": std,
        "dtype": dtype,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "tensors": tensors,
    }
    return PageModel(manifest, bytes(data))


def check_description(
    config: ViTConfig,
    classes: Sequence[str] | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    num_classes: int,
) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, by default 0 and 1. Raises ValueError where lengths do not fit the model."""
    means, stds = list(mean or [0.0] * config.in_chans), list(std or [1.0] * config.in_chans)
    if not len(means) == len(stds) == config.in_chans:
        raise ValueError(f"mean has {len(means)} and std {len(stds)} numbers; the model has {config.in_chans} channels")
    if classes is not None and len(classes) != num_classes:
        raise ValueError(f"{len(classes)} class names for a model of {num_classes} classes")
    return means, stds


def _encode(name: str, tensor: Tensor, kind: str) -> bytes:
    """Little-endian bytes of one tensor; for int8 first a float32 scale a row, then the rows."""
    values = tensor.detach().cpu().float().numpy()
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds numbers that are not finite: the model was not trained to an end")
    if kind == "int8":
        rows = values.reshape(len(values), -1)
        scale = np.abs(rows).max(axis=1, keepdims=True).astype("<f4") / np.float32(127)
        scale[scale == 0] = 1  # a row of zeros
        return scale.astype("<f4").tobytes() + np.rint(rows / scale).astype("i1").tobytes()
    if kind == "fp16" and np.abs(values).max(initial=0) > np.finfo("f2").max:
        raise ValueError(f"{name} reaches {np.abs(values).max():.3g}, beyond fp16's 65504; export with dtype='fp32'")
    return values.astype("<f2" if kind == "fp16" else "<f4").tobytes()


def export_page(
    model: VisionTransformer | Segmenter | MaskedAutoencoder,
    out: str | Path,
    dtype: str = "int8",
    name: str | None = None,
    **describe: Any,
) -> list[Path]:
    """Write a model for the page: ``OUT.json`` (manifest), ``OUT.bin`` (weights) and ``OUT.js`` (both, for pages opened from a file).

    Args:
        out: path without suffix.
        name: under which the script registers the model; default the last part of ``out``.
        describe: ``classes``, ``mean``, ``std``, ``source``; see :func:`page_model`, which also says what is raised.

    Returns:
        The three paths.
    """
    out = Path(out)
    page = page_model(model, dtype, **describe)
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = [out.with_name(out.name + suffix) for suffix in (".json", ".bin", ".js")]
    paths[0].write_text(json.dumps(page.manifest, indent=1) + "\n", encoding="utf-8")
    paths[1].write_bytes(page.data)
    paths[2].write_text(page.script(name or out.name), encoding="utf-8")
    return paths


def export_onnx(
    model: VisionTransformer | Segmenter,
    out: str | Path,
    opset: int = 18,
    classes: Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Path:
    """Write a model as ONNX: input ``images`` [B, C, H, W] (any B), output ``logits`` [B, K] (``features`` [B, D] without a head).

    Of a segmenter ``logits`` are those of all pixels, [B, K, H, W], also where it was trained on the scores of patches.

    What has to be done to an image first stands in the file's metadata, where ``session.get_modelmeta().custom_metadata_map`` of
    onnxruntime finds it: ``classes``, ``mean``, ``std`` and ``img_size`` (height, width) as JSON, ``channels`` (``RGB`` or ``L``), and
    ``preprocessing``, the same in words.

    Args:
        classes: a name for each class, in the order of the logits.
        mean, std: of each channel: input = (pixel / 255 - mean) / std. Default 0 and 1.

    Raises:
        ValueError: lengths do not fit the model.
        ModuleNotFoundError: onnx or onnxscript is not installed; the message says how to get them.
    """
    try:
        import onnx  # here: only this function needs them
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is missing; ONNX export needs it: pip install onnx onnxscript"
        ) from error
    encoder = model.encoder if isinstance(model, Segmenter) else model
    config, K = encoder.config, encoder.config.num_classes
    if isinstance(model, Segmenter):
        K = SegmenterConfig.of(model).num_classes
    mean, std = check_description(config, classes, mean, std, K)
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    images = torch.zeros(
        2, config.in_chans, *encoder.patch_embed.img_size, device=encoder.patch_embed.proj.weight.device
    )
    was_training, pixels = model.training, getattr(model, "pixels", True)
    try:
        if isinstance(model, Segmenter):
            model.pixels = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch to itself, about its own exporter
            torch.onnx.export(
                model.eval(),
                (images,),
                str(out),
                input_names=["images"],
                output_names=["logits" if K else "features"],
                dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
                opset_version=opset,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        model.train(was_training)
        if isinstance(model, Segmenter):
            model.pixels = pixels
    written = onnx.load(out)
    onnx.helper.set_model_props(written, _onnx_metadata(encoder, isinstance(model, Segmenter), classes, mean, std))
    onnx.save(written, out)
    return out


def _onnx_metadata(
    encoder: VisionTransformer, masks: bool, classes: Sequence[str] | None, mean: list[float], std: list[float]
) -> dict[str, str]:
    height, width = encoder.patch_embed.img_size
    kind = {1: "L", 3: "RGB"}.get(encoder.config.in_chans, str(encoder.config.in_chans))
    geometry = (
        f"scale it to just fit into {width} wide and {height} high (bilinear, antialiased), put it into the middle of black"
        if masks
        else f"resize its shorter side (bicubic, antialiased) and cut out the centre, {height} high and {width} wide"
    )
    words = (
        f"turn the image upright (EXIF), make it {kind}, {geometry}, then (pixel / 255 - mean) / std, channels first"
    )
    metadata = {"mean": json.dumps(mean), "std": json.dumps(std), "img_size": json.dumps([height, width])}
    if classes is not None:
        metadata["classes"] = json.dumps([str(name) for name in classes], ensure_ascii=False)
    return {**metadata, "channels": kind, "preprocessing": words}
