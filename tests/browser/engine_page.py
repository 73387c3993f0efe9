"""The engine in a real browser, driven from Python: a page opened from a file, with the committed bundle and nothing else."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.widgets.models.export import PageModel, page_model

ENGINE = Path(__file__).parents[2] / "vit_tutorial" / "widgets" / "engine"
BUNDLE = ENGINE / "dist" / "vit-engine.js"

# Typed arrays cross over as base64 of float32; undefined and null as None.
HELPERS = """
const pack = (value) => {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    let text = '';
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return { float32: btoa(text) };
  }
  if (Array.isArray(value)) return value.map(pack);
  if (value?.constructor === Object) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, pack(v)]));
  return value instanceof Set ? [...value] : value;
};
const unpack = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const { loadViT, imageToInput, copy, rollout, receivedAttention, headEntropy, attentionDistance, positionSimilarity, logitLens } = VitEngine;
"""


class EnginePage:
    """One page with the engine; ``errors`` collects what its console says in red."""

    def __init__(self, browser: Any, folder: Path, *scripts: Path) -> None:
        html = folder / "engine.html"
        sources = "".join(f'<script src="{script.as_uri()}"></script>' for script in (BUNDLE, *scripts))
        html.write_text(f'<!doctype html><meta charset="utf-8">{sources}<script>{HELPERS}</script>')
        self.page = browser.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.goto(html.as_uri())

    def load(self, model: VisionTransformer | PageModel, dtype: str = "fp32", simd: bool = True) -> str:
        """Make ``vit`` in the page; returns the kernel that runs."""
        page = model if isinstance(model, PageModel) else page_model(model, dtype)
        argument = [page.manifest, base64.b64encode(page.data).decode(), simd]
        return self.page.evaluate(
            "async ([m, b, simd]) => { globalThis.vit = await loadViT(m, b, { simd }); return vit.kernel; }", argument
        )

    def forward(self, image: Tensor, **options: Any) -> dict[str, Any]:
        """``vit.forward`` on one image [C, H, W]; every typed array comes back as a flat float32 tensor."""
        return self.run("vit.forward(image, options)", image=image, options=options)

    def run(self, expression: str, **arguments: Any) -> Any:
        """The value of a JavaScript expression; tensors among the arguments are Float32Arrays there."""
        sent = {k: encode(v) if isinstance(v, Tensor) else v for k, v in arguments.items()}
        arrays = [k for k, v in arguments.items() if isinstance(v, Tensor)]
        names = ", ".join(sent)
        unpacked = "".join(f"{name} = unpack({name});" for name in arrays)
        return decode(
            self.page.evaluate(f"async ({{ {names} }}) => {{ {unpacked} return pack(await ({expression})); }}", sent)
        )


def encode(tensor: Tensor) -> str:
    return base64.b64encode(tensor.detach().float().contiguous().numpy().tobytes()).decode()


def decode(value: Any) -> Any:
    if isinstance(value, list):
        return [decode(v) for v in value]
    if isinstance(value, dict):
        if set(value) == {"float32"}:
            return torch.from_numpy(np.frombuffer(base64.b64decode(value["float32"]), "<f4").copy())
        return {k: decode(v) for k, v in value.items()}
    return value


def random_model(seed: int = 0, **fields: Any) -> VisionTransformer:
    """A model in evaluation mode with nothing left as it was initialised, in which every part matters.

    A fresh model attends to all patches almost alike, and its positions whisper, which hides a wrong position, head or scale. So maps
    are drawn with variance 1 / inputs, tokens and positions with standard deviation 0.5, and N(0, 0.02) is added to every parameter.
    """
    torch.manual_seed(seed)
    model = VisionTransformer(ViTConfig(**fields)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5 if name.endswith("weight") else 0.5)
            parameter += 0.02 * torch.randn_like(parameter)
    return model


def random_image(model: VisionTransformer, seed: int = 1) -> Tensor:
    """One image [C, H, W] of standard normal numbers."""
    return torch.randn(
        model.config.in_chans, *model.patch_embed.img_size, generator=torch.Generator().manual_seed(seed)
    )


def top_classes(engine: EnginePage, images: Tensor) -> Tensor:
    """The top class of each image [B, C, H, W], normalised, by the model that is loaded in the page: [B]."""
    size = images[0].numel()
    chosen = engine.run(
        f"Float32Array.from({{ length: images.length / {size} }}, (_, i) => {{"
        f" const {{ logits }} = vit.forward(images.subarray(i * {size}, (i + 1) * {size})); return logits.indexOf(Math.max(...logits)); }})",
        images=images,
    )
    return chosen.long()


def top1_agreement(engine: EnginePage, model: VisionTransformer, images: Tensor, dtype: str = "int8") -> float:
    """Share of images [B, C, H, W], normalised, on which the exported model in the browser has the top class of PyTorch's."""
    engine.load(model, dtype)
    with torch.no_grad():
        expected = model.eval()(images).argmax(-1)
    return (top_classes(engine, images) == expected).float().mean().item()
