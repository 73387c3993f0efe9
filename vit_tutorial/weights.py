"""Weights in and out: our own files, and those of timm, torchvision and Hugging Face.

Files are safetensors: tensors and text, nothing that is executed when it is read. Ours carry the ViTConfig and whatever else a caller
gives (class names, mean and standard deviation) as JSON in the file's metadata.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vit_tutorial.positions import resize_pos_embed
from vit_tutorial.vit import VisionTransformer, ViTConfig

StateDict = dict[str, Tensor]
_METADATA_KEY = "vit_tutorial"

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


def save_model(model: VisionTransformer, path: str | Path, extra: dict[str, Any] | None = None) -> None:
    """Write weights, ViTConfig and ``extra`` (JSON values) to one safetensors file, whole or not at all.

    Raises:
        OSError: the disk is full or the folder cannot be written; a file that stood there before is intact.
    """
    metadata = {"config": model.config.to_dict(), "extra": extra or {}}
    write_safetensors(path, model.state_dict(), {_METADATA_KEY: json.dumps(metadata)})


def load_model(path: str | Path, device: torch.device | str = "cpu") -> VisionTransformer:
    """The model that :func:`save_model` wrote, in evaluation mode.

    Raises:
        FileNotFoundError: no such file. ValueError: it is cut, of another format, or not written by :func:`save_model`.
    """
    tensors, metadata = read_safetensors(path, device)
    model = VisionTransformer(ViTConfig.from_dict(_our_metadata(path, metadata)["config"]))
    load_weights(model, tensors)
    return model.to(device).eval()


def read_extra(path: str | Path) -> dict[str, Any]:
    """What was given to :func:`save_model` as ``extra``. Raises as :func:`load_model`."""
    return _our_metadata(path, read_safetensors(path, only_metadata=True)[1])["extra"]


def write_safetensors(path: str | Path, tensors: StateDict, metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file beside ``path`` and move it there when it is complete, so that no half file ever stands under the name.

    Raises:
        OSError: it cannot be written; the message says where, and a file that stood there before is intact.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        try:
            save_file(plain, temporary, metadata)
        except SafetensorError as error:  # the library's form of a full disk
            raise OSError(str(error)) from error
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        kept = "the file that was there is unchanged" if path.exists() else "nothing was written"
        raise OSError(f"could not save {path}: {error}; {kept}. Free some space or choose another folder") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def read_safetensors(
    path: str | Path, device: torch.device | str = "cpu", only_metadata: bool = False
) -> tuple[StateDict, dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises:
        FileNotFoundError: no such file. ValueError: the file is cut, or of another format.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights file {path}")
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            tensors = {} if only_metadata else {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except SafetensorError as error:
        pickled = path.read_bytes()[:2] in (b"PK", b"\x80\x02", b"\x80\x04")
        reason = (
            "it is a pickle (torch.save), which can run code when it is read; convert it where you trust it: "
            "safetensors.torch.save_file(torch.load(path, weights_only=True), 'weights.safetensors')"
            if pickled
            else f"it is cut or not a safetensors file ({path.stat().st_size} bytes: {error}); copy or download it again"
        )
        raise ValueError(f"cannot read {path}: {reason}") from error


# Steiner et al. 2022, "How to train your ViT?": ImageNet-21k, then ImageNet-1k; pixels are scaled to [-1, 1].
_AUGREG = "augreg_in21k_ft_in1k"
PRETRAINED: dict[str, ViTConfig] = {
    f"vit_{size}_patch{patch}_{pixels}.{_AUGREG}": ViTConfig.named(size, patch_size=patch, img_size=pixels)
    for size, patch, pixels in [
        ("tiny", 16, 224),
        ("tiny", 16, 384),
        ("small", 16, 224),
        ("small", 16, 384),
        ("small", 32, 224),
        ("base", 16, 224),
        ("base", 16, 384),
        ("base", 32, 224),
        ("large", 16, 224),
        ("large", 16, 384),
    ]
}
PRETRAINED_MEAN = PRETRAINED_STD = (0.5, 0.5, 0.5)


def load_pretrained(name: str, **overrides: Any) -> VisionTransformer:
    """A ViT with official weights, downloaded from the Hugging Face hub on first use and kept in its cache.

        model = load_pretrained("vit_tiny_patch16_224.augreg_in21k_ft_in1k")            # 1,000 ImageNet classes
        model = load_pretrained("vit_tiny_patch16_224...", img_size=384, num_classes=10)  # resized positions, fresh head

    Images are normalised with ``PRETRAINED_MEAN`` and ``PRETRAINED_STD``.

    Args:
        name: a key of ``PRETRAINED``.
        overrides: fields of ViTConfig to change. Another ``num_classes`` gives a fresh head.

    Raises:
        ValueError: unknown name; the known ones are listed. ConnectionError: not in the cache and not to be had.
    """
    if name not in PRETRAINED:
        raise ValueError(f"unknown pre-trained model {name!r}; known: {', '.join(PRETRAINED)}")
    base = PRETRAINED[name]
    model = VisionTransformer(ViTConfig.from_dict({**base.to_dict(), **overrides}))
    new_head = model.config.num_classes != base.num_classes
    load_weights(model, _download(name), new_head=new_head)
    return model.eval()


def _download(name: str) -> Path:
    from huggingface_hub import hf_hub_download  # here: the package must import where nothing is ever downloaded

    try:
        return Path(hf_hub_download(f"timm/{name}", "model.safetensors"))
    except Exception as error:  # the hub's client raises a dozen kinds, all of which mean: no file
        raise ConnectionError(
            f"could not get the weights of {name} ({type(error).__name__}: {str(error).splitlines()[0]}). Connect to the network once, "
            f"or copy model.safetensors of the hub's timm/{name} here and call load_weights(model, path)"
        ) from error


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
