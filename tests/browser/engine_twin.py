"""The engine's forward pass, with its interventions, written a second time in PyTorch, straight from the formulas.

It shares no code with the engine nor with ``vit_tutorial``'s layers: it reads a state dict and computes. Without interventions it must
give the model's own output, with them the engine's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_tutorial.vit import VisionTransformer


@torch.no_grad()
def twin_forward(
    model: VisionTransformer,
    image: Tensor,
    move: Sequence[int] | None = None,
    hide: Iterable[int] = (),
    positions: bool = True,
    headsOff: Iterable[str] = (),  # the engine's names
    temperature: float = 1.0,
    scaleExponent: float = 0.5,
) -> dict[str, Any]:
    """One image [C, H, W] -> the intermediates that the engine returns, under its names."""
    c, W = model.config, {name: t.float() for name, t in model.state_dict().items()}
    D, h = c.embed_dim, c.num_heads
    d, hidden = D // h, set(hide)

    def norm(x: Tensor, name: str) -> Tensor:
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        return (x - mean) / (variance + c.norm_eps).sqrt() * W[f"{name}.weight"] + W[f"{name}.bias"]

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ W[f"{name}.weight"].flatten(1).T + W.get(f"{name}.bias", torch.zeros(()))

    # Patches: a window of P x P cut out by F.unfold, one column each.
    patches = F.unfold(image[None], c.patch_size, stride=c.patch_size)[0].T  # [n, C*P*P]
    if move is not None:
        patches = patches[torch.tensor(list(move))]
    n = len(patches)
    embedding = linear(patches, "patch_embed.proj")
    prefix = [W[name][0] for name in ("cls_token", "reg_token") if name in W]
    x = torch.cat([*prefix, embedding])
    N = len(x)
    if positions and "pos_embed" in W:
        pos = W["pos_embed"][0]
        x = x + F.pad(pos, (0, 0, N - len(pos), 0))
    out: dict[str, Any] = {"patches": patches, "patchEmbedding": embedding, "tokens": x, "blocks": []}
    keys = torch.tensor([i - (N - n) in hidden for i in range(N)])

    for layer in range(c.depth):
        name, b = f"blocks.{layer}.", {}
        b["norm1"] = norm(x, f"{name}norm1")
        qkv = linear(b["norm1"], f"{name}attn.qkv").reshape(N, 3, h, d).permute(1, 2, 0, 3)
        b["q"], b["k"], b["v"] = qkv
        scores = torch.einsum("hid,hjd->hij", b["q"], b["k"]) / d**scaleExponent / temperature
        b["scores"] = scores.masked_fill(keys, -torch.inf)
        b["weights"] = b["scores"].softmax(-1)
        heads = torch.einsum("hij,hjd->hid", b["weights"], b["v"])
        for head in range(h):
            if f"{layer}.{head}" in set(headsOff):
                heads[head] = 0
        b["context"] = heads.transpose(0, 1).reshape(N, D)
        b["attention"] = linear(b["context"], f"{name}attn.proj")
        x = b["afterAttention"] = x + W.get(f"{name}ls1.gamma", torch.ones(())) * b["attention"]
        b["norm2"] = norm(x, f"{name}norm2")
        u = linear(b["norm2"], f"{name}mlp.fc1").double()
        b["mlpHidden"] = (u * 0.5 * torch.erfc(-u / 2**0.5)).float()
        b["mlp"] = linear(b["mlpHidden"], f"{name}mlp.fc2")
        x = b["afterMlp"] = x + W.get(f"{name}ls2.gamma", torch.ones(())) * b["mlp"]
        out["blocks"].append(b)

    def read(state: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        if c.global_pool == "avg":
            visible = [N - n + i for i in range(n) if i not in hidden]
            features, pooled = state, norm(state[visible].mean(0), "fc_norm")
        else:
            features = norm(state, "norm")
            pooled = features[0]
        return features, pooled, linear(pooled, "head") if c.num_classes else None

    out["features"], out["pooled"], out["logits"] = read(x)
    out["probabilities"] = None if out["logits"] is None else out["logits"].softmax(-1)
    if c.num_classes:
        out["lens"] = [read(state)[2] for state in (out["tokens"], *(b["afterMlp"] for b in out["blocks"]))]
    return out


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts and lists -> {"blocks.0.q": ...}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, list):
            value = dict(enumerate(value))
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
