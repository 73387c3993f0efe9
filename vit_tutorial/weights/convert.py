"""The names of other libraries' weights, turned into ours (timm's)."""

from __future__ import annotations

import re

import torch
from torch import Tensor

StateDict = dict[str, Tensor]

# Names on the left are regular expressions of the library's keys; on the right, ours (timm's).
_TORCHVISION = [
    (r"class_token", "cls_token"),
    (r"encoder\.pos_embedding", "pos_embed"),
    (r"conv_proj\.(.*)", r"patch_embed.proj.\1"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.ln_([12])\.(.*)", r"blocks.\1.norm\2.\3"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.self_attention\.in_proj_(.*)", r"blocks.\1.attn.qkv.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.self_attention\.out_proj\.(.*)", r"blocks.\1.attn.proj.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.0\.(.*)", r"blocks.\1.mlp.fc1.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.3\.(.*)", r"blocks.\1.mlp.fc2.\2"),
    (r"encoder\.layers\.encoder_layer_(\d+)\.mlp\.linear_([12])\.(.*)", r"blocks.\1.mlp.fc\2.\3"),  # files before 0.13
    (r"encoder\.ln\.(.*)", r"norm.\1"),
    (r"heads\.head\.(.*)", r"head.\1"),
]
_HUGGING_FACE = [
    (r"embeddings\.cls_token", "cls_token"),
    (r"embeddings\.position_embeddings", "pos_embed"),
    (r"embeddings\.patch_embeddings\.projection\.(.*)", r"patch_embed.proj.\1"),
    (r"(?:encoder\.layer|layers)\.(\d+)\.layernorm_before\.(.*)", r"blocks.\1.norm1.\2"),
    (r"(?:encoder\.layer|layers)\.(\d+)\.layernorm_after\.(.*)", r"blocks.\1.norm2.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(.*)", r"blocks.\1.attn.\2.\3"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(.*)", r"blocks.\1.attn.proj.\2"),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense\.(.*)", r"blocks.\1.mlp.fc1.\2"),
    (r"encoder\.layer\.(\d+)\.output\.dense\.(.*)", r"blocks.\1.mlp.fc2.\2"),
    (r"layers\.(\d+)\.attention\.q_proj\.(.*)", r"blocks.\1.attn.query.\2"),  # in memory since transformers 5
    (r"layers\.(\d+)\.attention\.k_proj\.(.*)", r"blocks.\1.attn.key.\2"),
    (r"layers\.(\d+)\.attention\.v_proj\.(.*)", r"blocks.\1.attn.value.\2"),
    (r"layers\.(\d+)\.attention\.o_proj\.(.*)", r"blocks.\1.attn.proj.\2"),
    (r"layers\.(\d+)\.mlp\.(fc[12])\.(.*)", r"blocks.\1.mlp.\2.\3"),
    (r"layernorm\.(.*)", r"norm.\1"),
    (r"classifier\.(.*)", r"head.\1"),
]


def convert_state_dict(state: StateDict) -> StateDict:
    """A state dict of timm, torchvision (``vit_*``) or Hugging Face (``ViTModel``, ``ViTForImageClassification``), in our names.

    Only names change, and Hugging Face's separate query, key and value maps are stacked. Mind the epsilon of LayerNorm, which is not
    in the file: 1e-6 in timm and torchvision, 1e-12 in Hugging Face.

    Raises:
        ValueError: the names are of none of the three, or a name is not known; it is named.
    """
    if "patch_embed.proj.weight" in state:
        return dict(state)
    if "conv_proj.weight" in state:
        return _rename(state, _TORCHVISION, "torchvision")
    if any(name.endswith("embeddings.patch_embeddings.projection.weight") for name in state):
        without_prefix = {
            name.removeprefix("vit."): tensor for name, tensor in state.items() if not name.startswith("vit.pooler")
        }
        return _stack_qkv(_rename(without_prefix, _HUGGING_FACE, "Hugging Face"))
    raise ValueError(
        "this is not the state dict of a ViT of timm, torchvision or Hugging Face: no patch embedding among its "
        f"{len(state)} names, which begin {', '.join(list(state)[:4])}"
    )


def _rename(state: StateDict, patterns: list[tuple[str, str]], library: str) -> StateDict:
    renamed = {}
    for name, tensor in state.items():
        new = next((re.sub(old, ours, name) for old, ours in patterns if re.fullmatch(old, name)), None)
        if new is None:
            raise ValueError(f"unknown name {name!r} in a {library} state dict; only its plain ViT can be converted")
        renamed[new] = tensor
    return renamed


def _stack_qkv(state: StateDict) -> StateDict:
    """Put the rows of query, key and value maps, stored apart, into one ``qkv``."""
    stacked = {}
    for name, tensor in state.items():
        if ".attn.query." in name:
            parts = [state.get(name.replace(".query.", f".{part}.")) for part in ("query", "key", "value")]
            if any(part is None for part in parts):
                raise ValueError(f"{name} has no key and value beside it")
            stacked[name.replace(".query.", ".qkv.")] = torch.cat([part for part in parts if part is not None])
        elif ".attn.key." not in name and ".attn.value." not in name:
            stacked[name] = tensor
    return stacked
