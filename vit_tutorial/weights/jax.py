"""The original ViT weights, of JAX (``vision_transformer`` and ``big_vision``), in our names and shapes.

A map x -> x W is stored as W [D_in, D_out] there, as its transpose [D_out, D_in] in torch; query, key and value are [D, h, d] a head
each, and the patch embedding is [P, P, C, D]. Names are of Flax modules in the order of their creation, so the two repositories differ:

    vision_transformer   Transformer/encoderblock_0/MultiHeadDotProductAttention_1   MlpBlock_3   LayerNorm_0, LayerNorm_2
    big_vision           Transformer/encoderblock_0/MultiHeadDotProductAttention_0   MlpBlock_0   LayerNorm_0, LayerNorm_1

and big_vision also stacks all blocks in one array (``Transformer/encoderblock/...`` [L, ...]). Its positions are for the patches only.

timm 1.0 loads the same files with two differences: it resizes their positions bilinearly without antialias (here bicubic with it, as
everywhere), and leaves out a head of other classes, or the layer before it, without a word.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

_NAMES = [
    (r"cls", "cls_token"),
    (r"(?:Transformer/posembed_input/)?pos_embedding", "pos_embed"),
    (r"embedding/", "patch_embed.proj."),
    (r"Transformer/encoder_norm/", "norm."),
    (r"head/", "head."),
    (r"pre_logits/", "pre_logits.fc."),  # ImageNet-21k before 2021: no layer of ours, left out with the head
    (r"Transformer/encoderblock_(\d+)/LayerNorm_0/", r"blocks.\1.norm1."),
    (r"Transformer/encoderblock_(\d+)/LayerNorm_[12]/", r"blocks.\1.norm2."),
    (r"Transformer/encoderblock_(\d+)/MultiHeadDotProductAttention_[01]/out/", r"blocks.\1.attn.proj."),
    (r"Transformer/encoderblock_(\d+)/MultiHeadDotProductAttention_[01]/(query|key|value)/", r"blocks.\1.attn.\2."),
    (r"Transformer/encoderblock_(\d+)/MlpBlock_[03]/Dense_0/", r"blocks.\1.mlp.fc1."),
    (r"Transformer/encoderblock_(\d+)/MlpBlock_[03]/Dense_1/", r"blocks.\1.mlp.fc2."),
]
_LEAVES = {"kernel": "weight", "scale": "weight"}


def from_jax(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with JAX's names and shapes, in ours.

    Raises:
        ValueError: a name is not known, as of a hybrid with a ResNet in front; it is named.
    """
    converted: dict[str, Tensor] = {}
    for name, tensor in _unstacked(state).items():
        new = next((re.sub(old, ours, name) for old, ours in _NAMES if re.fullmatch(old + r"\w*", name)), None)
        if new is None:
            raise ValueError(f"unknown name {name!r} in a JAX state dict; only its plain ViT can be converted")
        stem, dot, leaf = new.rpartition(".")
        converted[f"{stem}{dot}{_LEAVES.get(leaf, leaf)}"] = _turned(new, tensor)
    for name in [name for name in converted if ".attn.query." in name]:
        parts = [converted.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        converted[name.replace("query", "qkv")] = torch.cat(parts)
    return converted


def count_heads(state: dict[str, Tensor]) -> int | None:
    """Heads of the attention, which only JAX's shapes tell: query is [D, h, d], or [L, D, h, d] of all blocks."""
    return next((tensor.shape[-2] for name, tensor in state.items() if name.endswith("query/kernel")), None)


def _unstacked(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The arrays [L, ...] of all blocks, one by one."""
    blocks = "Transformer/encoderblock/"
    single = {name: tensor for name, tensor in state.items() if not name.startswith(blocks)}
    for name, tensor in state.items():
        if name.startswith(blocks):
            single |= {
                name.replace(blocks, f"Transformer/encoderblock_{layer}/"): part for layer, part in enumerate(tensor)
            }
    return single


def _turned(name: str, tensor: Tensor) -> Tensor:
    if name.endswith("proj.kernel") and "patch_embed" in name:
        return tensor.permute(3, 2, 0, 1)  # [P, P, C, D] -> [D, C, P, P]
    if name.endswith("attn.proj.kernel"):
        return tensor.flatten(0, 1).T  # [h, d, D] -> [D, h d]
    if ".attn." in name and name.endswith("kernel"):
        return tensor.flatten(1).T  # [D, h, d] -> [h d, D]
    if ".attn." in name and not name.endswith("proj.bias"):
        return tensor.flatten()  # [h, d] -> [h d]
    return tensor.T if name.endswith("kernel") else tensor
