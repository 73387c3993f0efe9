"""The names of other libraries' weights, turned into ours (timm's)."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vit_tutorial.weights.jax import from_jax

StateDict = dict[str, Tensor]
Nested = Any  # a state dict, dictionaries of them, or a module

# The patch embedding's name tells the library and where in a larger checkpoint the ViT lies.
_MARK_TIMM, _MARK_TORCHVISION = "patch_embed.proj.weight", "conv_proj.weight"
_MARK_HUGGING_FACE, _MARK_JAX = "embeddings.patch_embeddings.projection.weight", "embedding/kernel"
_MARKS = (_MARK_TIMM, _MARK_TORCHVISION, _MARK_HUGGING_FACE, _MARK_JAX)
# What DDP, torch.compile, FSDP and activation checkpointing put into names, at the front or in the middle.
_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_AVERAGED = re.compile(r"teacher|.*ema|ema_.*|best")
# Under the same prefix, and no part of a ViT: Hugging Face's pooler, what pre-training by masking needs, AveragedModel's counter.
_UNUSED = re.compile(r"pooler\.|(embeddings\.)?mask_token$|decoder[_.]|n_averaged$")

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


def convert_state_dict(state: Nested, part: str | None = None) -> StateDict:
    """A state dict of timm, torchvision (``vit_*``), Hugging Face (``ViTModel``, ``ViTForImageClassification``) or JAX, in our names.

    Only names change; Hugging Face's separate query, key and value maps are stacked, and JAX's kernels are turned (see
    :mod:`~vit_tutorial.weights.jax`). Mind the epsilon of LayerNorm, which is not in the file: 1e-6 in timm, torchvision and JAX,
    1e-12 in Hugging Face.

    The model may lie inside something: a training checkpoint (``{"model": ..., "epoch": ...}``), or wrappers that put a word before
    every name (``module.``, ``_orig_mod.``, ``backbone.``). It is found by its patch embedding. What lies beside it (an optimiser, a
    projection head, a decoder, Hugging Face's pooler, which no ViT of the paper has) is left out, and a warning says so.

    Args:
        state: tensors or NumPy arrays by name, also nested.
        part: which ViT, where there are several: a word of its names, as ``"student"``. Default: an average of the weights before the
            weights themselves, so ``teacher`` before ``student``, ``ema`` and the ``best`` of our own checkpoints.

    Raises:
        ValueError: no such ViT, several with no reason to choose, or a name that is not known; it is named.
    """
    named = flatten(state)
    _refuse_lora(named)
    prefix, mark, others = _find_model(named, part)
    inside = {name.removeprefix(prefix): tensor for name, tensor in named.items() if name.startswith(prefix)}
    beside = [name for name in named if not name.startswith(prefix)]
    if mark == _MARK_HUGGING_FACE:  # the classifier stands outside of what is called vit
        inside = {name.removeprefix("vit."): tensor for name, tensor in inside.items()}
    unused = {name: match.group().rstrip("._") for name in inside if (match := _UNUSED.match(name))}
    if beside or unused:
        instead = f"; part={others[0]!r} takes the other ViT" if others else ""
        warnings.warn(f"left out of these weights: {_summary(beside, list(unused.values()))}{instead}", stacklevel=2)
    inside = {name: tensor for name, tensor in inside.items() if name not in unused}
    if mark == _MARK_TORCHVISION:
        return _rename(inside, _TORCHVISION, "torchvision")
    if mark == _MARK_HUGGING_FACE:
        return _stack_qkv(_rename(inside, _HUGGING_FACE, "Hugging Face"))
    return from_jax(inside) if mark == _MARK_JAX else inside


def flatten(state: Nested, prefix: str = "") -> StateDict:
    """The tensors of nested dictionaries, with dots between the keys and without the words that wrappers put into names."""
    if isinstance(state, nn.Module):
        state = state.state_dict()
    if not isinstance(state, Mapping):
        raise ValueError(
            f"these are no weights by name but a {type(state).__name__}; give a state dict: model.state_dict()"
        )
    found: StateDict = {}
    for key, value in state.items():
        name = _WRAPPERS.sub("", f"{prefix}{key}")
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            value = torch.from_numpy(value)
        if isinstance(value, Tensor):
            found[name] = value
        elif isinstance(value, (Mapping, nn.Module)):
            found |= flatten(value, f"{name}.")
    return found


def find_grid(state: Nested, part: str | None = None) -> tuple[int, int] | None:
    """(rows, columns) of the positions, where a state dict of ours, nested or not, says so in its metadata (see ``VisionTransformer``)."""
    prefix, _, _ = _find_model(flatten(state), part)
    return _grids(state).get(prefix)


def _grids(state: Nested, prefix: str = "") -> dict[str, tuple[int, int]]:
    if isinstance(state, nn.Module):
        state = state.state_dict()
    said = getattr(state, "_metadata", {})
    found = {
        _WRAPPERS.sub("", f"{prefix}{module}." if module else prefix): tuple(facts["grid_size"])
        for module, facts in said.items()
        if "grid_size" in facts
    }
    for key, value in state.items():
        if isinstance(value, (Mapping, nn.Module)):
            found |= _grids(value, f"{prefix}{key}.")
    return found


def _find_model(named: StateDict, part: str | None) -> tuple[str, str, list[str]]:
    """What stands before the names of the ViT; its patch embedding's name, which tells the library; a word for each ViT beside it."""
    found: dict[str, str] = {}
    for name in named:
        for mark in _MARKS:
            if name == mark or name.endswith((f".{mark}", f"/{mark}")):
                before = name.removesuffix(mark)
                found[re.sub(r"(^|\.)vit\.$", r"\1", before) if mark == _MARK_HUGGING_FACE else before] = mark
    if not found:
        raise ValueError(
            "this is not the state dict of a ViT of timm, torchvision, Hugging Face or JAX: no patch embedding among its "
            f"{len(named)} names, which begin {', '.join(list(named)[:4]) or 'with none'}"
        )
    words = {before: re.split(r"[./]", before)[:-1] or [""] for before in found}
    chosen = [before for before in found if part is None or part in words[before]]
    if len(chosen) > 1:  # an average is what was meant to be used; JAX's params/ stand before its optimiser's copies
        preferred = [b for b in chosen if any(_AVERAGED.fullmatch(word) for word in words[b])]
        chosen = (preferred or [b for b in chosen if words[b][0] in ("params", "")] or chosen)[
            : 1 if preferred else None
        ]
    if len(chosen) != 1:
        there = ", ".join(".".join(w) or "(no prefix)" for w in words.values())
        asked = (
            f"no ViT is called {part!r} in these weights" if part and not chosen else "these weights hold several ViTs"
        )
        raise ValueError(
            f"{asked}; there are: {there}. Name one by a word of its own, as part={words[next(iter(found))][-1]!r}"
        )
    others = [next((w for w in words[b] if w not in words[chosen[0]]), "") for b in found if b != chosen[0]]
    return chosen[0], found[chosen[0]], others


def _summary(names: list[str], words: list[str]) -> str:
    """Words, and the first words of names, and how many tensors each: ``pooler (2 tensors), student (150 tensors)``."""
    counts = Counter(words + [re.split(r"[./]", name)[0] for name in names])
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    return ", ".join(f"{word} ({n} tensor{'s' * (n != 1)})" for word, n in list(counts.items())[:5]) + more


def _refuse_lora(named: StateDict) -> None:
    """Factors cannot be merged here: the scale of their product is in no file of weights."""
    for name, factor in named.items():
        ours = name.endswith(".A") and f"{name[:-1]}B" in named
        if ours or ".lora_A." in name:
            remedy = "merge_lora(model)" if ours else "model = model.merge_and_unload() (peft)"
            raise ValueError(
                f"these are the weights of a model with LoRA in it, not merged ({name}, rank {min(factor.shape)}), and the scale of the "
                f"change is not among them; where they were trained call {remedy} and save again, "
                "or use save_model, which merges"
            )


def adapt_channels(weight: Tensor, in_chans: int) -> Tensor:
    """The map of a patch embedding [D, C, P, P] for images of another number of channels, [D, in_chans, P, P].

    One channel: the sum over C, so a grey image gives what its copy in every channel gave. Others: the channels again and again until
    there are enough, times C / in_chans, which keeps the size of the sum. So timm 1.0 does for C = 3; here any C does (timm leaves one
    channel as it is where three are wanted, and refuses four).
    """
    C = weight.shape[1]
    if in_chans == C:
        return weight
    if in_chans == 1:
        return weight.float().sum(1, keepdim=True).to(weight.dtype)
    repeated = weight.repeat(1, -(-in_chans // C), 1, 1)[:, :in_chans]
    return (repeated.float() * (C / in_chans)).to(weight.dtype)


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
