"""A model's weights: loading any known format into it, and our own file that holds the ViTConfig as well.

Our files carry the ViTConfig and whatever else a caller gives (class names, mean and standard deviation) as JSON in the metadata.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vit_tutorial.cnn import CNNConfig, ConvNet
from vit_tutorial.heads.distillation import DistilledClassifier
from vit_tutorial.lora import merged_state_dict
from vit_tutorial.patches import pair, resize_patch_weight
from vit_tutorial.positions import resize_pos_embed
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights.convert import Nested, adapt_channels, convert_state_dict, find_grid, flatten
from vit_tutorial.weights.files import read_safetensors, read_weights, write_safetensors
from vit_tutorial.weights.jax import count_heads

METADATA_KEY = "vit_tutorial"


def load_weights(
    model: VisionTransformer,
    source: Nested | str | Path,
    new_head: bool = False,
    grid: tuple[int, int] | None = None,
    part: str | None = None,
    resize_patches: bool = False,
) -> None:
    """Load weights of any of the known formats into a model, strictly.

    Two things are fitted: a position embedding of another grid is resized (bicubic with antialias), and a patch embedding for other
    channels is summed or repeated (see :func:`~vit_tutorial.weights.convert.adapt_channels`). Everything else must fit.

    Args:
        source: a state dict, also nested in a checkpoint, or the path of a file or folder (see
            :func:`~vit_tutorial.weights.files.read_weights`). What is left out of it is said in a warning.
        new_head: leave the model's own head as it is (fine-tuning on other classes).
        grid: (rows, columns) of the weights' patch positions. Our own state dicts and files say theirs; of others a square is assumed,
            and where the model's own grid is as likely, the grid has to be said.
        part: which of several ViTs in one checkpoint, as ``"student"``; see :func:`convert_state_dict`.
        resize_patches: fit a patch embedding of another patch size as well (see :func:`~vit_tutorial.patches.resize_patch_weight`).

    Raises:
        ValueError: names, shapes or heads do not fit, the first ones are listed; the grid is not known.
        FileNotFoundError: no such file.
    """
    raw, said = source, {}
    if isinstance(source, (str, Path)):
        raw, metadata = read_weights(source)
        said = json.loads(metadata.get(METADATA_KEY, "{}")).get("config", {})
    state = convert_state_dict(raw, part)
    heads = said.get("num_heads") or count_heads(raw if isinstance(raw, dict) else {}) or _heads_beside(source, model)
    if heads != model.config.num_heads:  # no shape tells
        raise ValueError(
            f"the weights are of {heads} heads, the model has {model.config.num_heads}; build it with num_heads={heads}"
        )
    _refuse_unusable(state)
    own = model.state_dict()
    if new_head:
        state = {name: tensor for name, tensor in state.items() if not name.startswith(("head.", "pre_logits."))}
        state |= {name: tensor for name, tensor in own.items() if name.startswith("head.")}
    missing = [f"{name} is missing" for name in own if name not in state]
    unknown = [f"{name} is not in the model" for name in state if name not in own]
    _refuse(missing[:2] + unknown[:2] + missing[2:] + unknown[2:])
    weight, wanted = state["patch_embed.proj.weight"], own["patch_embed.proj.weight"]
    if weight.ndim == 4:
        weight = adapt_channels(weight, wanted.shape[1])
        if resize_patches:
            weight = resize_patch_weight(weight, wanted.shape[-1])
        state["patch_embed.proj.weight"] = weight
    if "pos_embed" in own:
        if "img_size" in said:
            height, width = pair(said["img_size"])
            grid = grid or (height // said["patch_size"], width // said["patch_size"])
        state["pos_embed"] = _fit_positions(state["pos_embed"], grid or find_grid(raw, part), model)
    _refuse(
        [
            f"{name} is {tuple(state[name].shape)}, the model's is {tuple(own[name].shape)}"
            for name in own
            if state[name].shape != own[name].shape
        ]
    )
    if any(
        tensor.is_meta for tensor in own.values()
    ):  # nothing to copy into: the model takes the file's tensors themselves
        model.load_state_dict({name: state[name].to(own[name].dtype) for name in own}, assign=True)
    else:
        model.load_state_dict(state)


def _heads_beside(source: Any, model: VisionTransformer) -> int:
    """The heads that the config.json beside a file says, as Hugging Face writes it; the model's own where there is none."""
    own = model.config.num_heads
    if not isinstance(source, (str, Path)):
        return own
    folder = Path(source) if Path(source).is_dir() else Path(source).parent
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return own
    same_width = isinstance(config, dict) and config.get("hidden_size") == model.config.embed_dim
    return config.get("num_attention_heads") or own if same_width else own


def _refuse_unusable(state: dict[str, Tensor]) -> None:
    """Raise ValueError for tensors that copying would turn into other numbers, or that are none."""
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise ValueError(
                f"{name} holds {kind}, and weights are floating-point numbers; of quantised weights the scale is missing: give the model's "
                "float32, float16 or bfloat16 file"
            )
        if tensor.is_meta:
            raise ValueError(
                f"{name} has a shape and no numbers (it is on the meta device); load the weights themselves"
            )
        # One norm finds every nan and infinity in an eighth of the time; where it is none itself, it may only have grown too large.
        # Files are mapped: it is also what reads the numbers from the disk.
        norm = torch.linalg.vector_norm(tensor if tensor.dtype.itemsize > 2 else tensor.float())
        if not math.isfinite(norm) and not torch.isfinite(tensor).all():
            raise ValueError(
                f"{name} holds numbers that are not finite (nan or infinity), with which every answer is nan; take a checkpoint from before that"
            )


def _refuse(faults: list[str]) -> None:
    """Raise ValueError if there is a fault, with the first four."""
    if faults:
        more = f" and {len(faults) - 4} more" if len(faults) > 4 else ""
        head = all(fault.startswith(("head.", "pre_logits.")) for fault in faults)
        remedy = "for other classes pass new_head=True" if head else "build the model with the weights' ViTConfig"
        raise ValueError(f"the weights are of another model: {'; '.join(faults[:4])}{more}; {remedy}")


def save_model(model: nn.Module, path: str | Path, extra: dict[str, Any] | None = None) -> None:
    """Write weights, configuration and ``extra`` (JSON values) to one safetensors file, whole or not at all.

    Args:
        model: a ViT, a ViT with a teacher's head (:class:`DistilledClassifier`) or a ConvNet, also inside DataParallel or torch.compile, and with LoRA, which is merged in the file (see
            :func:`plain_model`); the model itself stays as it is.
        extra: ``classes`` (names, in the order of the logits), ``mean`` and ``std`` (of each channel, of pixels from 0 to 1) are what
            ``vit-tutorial predict`` and ``export`` look for.

    Raises:
        ValueError: the file would not load again, because the model is another one or not what its configuration says.
        OSError: the disk is full or the folder cannot be written; a file that stood there before is intact.
    """
    distilled = _inside(model, DistilledClassifier)
    plain = plain_model(model if distilled is None else distilled.encoder)
    arch, tensors = "cnn" if isinstance(plain, ConvNet) else "vit", plain.state_dict()
    if distilled is not None:
        arch, tensors = "distilled", {f"encoder.{name}": tensor for name, tensor in tensors.items()}
        tensors |= {f"head_dist.{name}": tensor for name, tensor in distilled.head_dist.state_dict().items()}
    metadata = {"arch": arch, "config": plain.config.to_dict(), "extra": extra or {}}
    write_safetensors(path, tensors, {METADATA_KEY: json.dumps(metadata)})


def plain_model(model: nn.Module) -> VisionTransformer | ConvNet:
    """The ViT or ConvNet inside wrappers, with LoRA merged and the names that its configuration gives it: what can be saved and loaded.

    Its tensors are those of the given model, which is not changed; only merged weights are new.

    Raises:
        ValueError: there is no such model inside, or its tensors are not those of its configuration; the first one is named.
    """
    inside = _inside(model, (VisionTransformer, ConvNet))
    if inside is None:
        encoder = isinstance(getattr(model, "encoder", None), VisionTransformer)
        remedy = (
            "its encoder can be: save_model(model.encoder, path)"
            if encoder
            else "use torch.save(model.state_dict(), path)"
        )
        raise ValueError(
            f"a {type(model).__name__} is no VisionTransformer or ConvNet, and cannot be saved by save_model; {remedy}"
        )
    state = flatten(merged_state_dict(inside))
    with torch.device("meta"):  # no memory, no random numbers
        plain = ConvNet(inside.config) if isinstance(inside, ConvNet) else VisionTransformer(inside.config)
    expected = plain.state_dict()
    for name in [*expected, *state]:
        here, wanted = (tuple(found[name].shape) if name in found else None for found in (state, expected))
        if here != wanted:
            if name.startswith("head.") and here:
                remedy = f"model.config = dataclasses.replace(model.config, num_classes={here[0]})"
                raise ValueError(
                    f"{name} is {here} and not {wanted}, as the model's configuration says; if the head was replaced: {remedy}"
                )
            raise ValueError(
                f"{name} is {here or 'missing'} and not {wanted or 'there'}, as the model's configuration says: a part was replaced or "
                "added, and save_model cannot describe it; use torch.save(model.state_dict(), path)"
            )
    plain.load_state_dict(state, assign=True)
    return plain.train(inside.training)


def _inside(model: nn.Module, kinds: Any) -> Any:
    """The model of one of these classes inside torch.compile's and (Distributed)DataParallel's wrappers; None if it is another."""
    while not isinstance(model, kinds):
        wrapped = getattr(model, "_orig_mod", getattr(model, "module", None))
        if not isinstance(wrapped, nn.Module):
            return None
        model = wrapped
    return model


def load_model(path: str | Path, device: torch.device | str = "cpu") -> VisionTransformer:
    """The ViT that :func:`save_model` wrote, in evaluation mode.

    Raises:
        FileNotFoundError: no such file. ValueError: it is cut, of another format, not written by :func:`save_model`, or holds another model.
    """
    model = load_classifier(path, device)
    if not isinstance(model, VisionTransformer):
        kind = "CNN" if isinstance(model, ConvNet) else "ViT with a second head, a teacher's"
        raise ValueError(f"{path} holds a {kind}, and a plain ViT is needed here; load_classifier reads either")
    return model


def load_classifier(
    path: str | Path, device: torch.device | str = "cpu"
) -> VisionTransformer | DistilledClassifier | ConvNet:
    """The model that :func:`save_model` wrote, ViT or CNN, in evaluation mode. Raises as :func:`load_model`, but for another model than a ViT."""
    tensors, metadata = read_safetensors(path, device)
    ours = our_metadata(path, metadata)
    if ours.get("arch", "vit") in ("segmenter", "unet"):
        raise ValueError(f"{path} holds a segmenter, and a classifier is needed here; load_segmenter reads it")
    if ours.get("arch", "vit") == "multitask":
        raise ValueError(
            f"{path} holds a model of several tasks, and a classifier is needed here; load_multitask reads it"
        )
    if ours.get("arch", "vit") == "cnn":
        cnn = ConvNet(CNNConfig.from_dict(ours["config"]))
        cnn.load_state_dict(tensors)
        return cnn.to(device).eval()
    model = VisionTransformer(ViTConfig.from_dict(ours["config"]))
    if ours.get("arch") == "distilled":
        distilled = DistilledClassifier(model)
        distilled.load_state_dict(tensors)
        return distilled.to(device).eval()
    load_weights(model, tensors)
    return model.to(device).eval()


def read_extra(path: str | Path) -> dict[str, Any]:
    """What was given to :func:`save_model` as ``extra``. Raises as :func:`load_model`."""
    return our_metadata(path, read_safetensors(path, only_metadata=True)[1])["extra"]


def _fit_positions(theirs: Tensor, grid: tuple[int, int] | None, model: VisionTransformer) -> Tensor:
    """Their positions for the model's grid. Grids are compared, not numbers of tokens: 4x4 and 2x8 positions are as many."""
    ours = model.pos_embed
    assert ours is not None
    wanted, prefix = model.grid_size, ours.shape[1] - model.patch_embed.num_patches
    patches = theirs.shape[1] - prefix
    if grid is None:
        side = math.isqrt(max(patches, 0))
        likely = {(side, side)} if side * side == patches else set()
        if patches == wanted[0] * wanted[1]:
            likely.add(wanted)
        if len(likely) != 1:
            either = " or ".join(f"{rows}x{columns}" for rows, columns in sorted(likely, reverse=True))
            what = f"may be a grid of {either}" if likely else "are no square grid"
            raise ValueError(
                f"the weights have {theirs.shape[1]} positions; without the model's {prefix} prefix token{'s' * (prefix != 1)} {patches} "
                f"{what} (rows x columns); say which: load_weights(..., grid=(rows, columns))"
            )
        (grid,) = likely
    if tuple(grid) == wanted or model.config.pos_embed == "sincos2d":  # fixed positions are computed, for any grid
        return theirs if tuple(grid) == wanted else ours
    return resize_pos_embed(theirs, (grid[0], grid[1]), wanted, prefix)


def our_metadata(path: str | Path, metadata: dict[str, str]) -> dict[str, Any]:
    """What a save function put into a file. Raises ValueError where none did; the message says what the file is."""
    if metadata.get("format", "").startswith("vit_tutorial checkpoint"):
        raise ValueError(
            f"{path} is the checkpoint of a training; its model is model.safetensors in the same folder, once the training is finished"
        )
    if METADATA_KEY not in metadata:
        raise ValueError(
            f"{path} holds weights but no ViTConfig, so it was not written by save_model; "
            "build the model with a ViTConfig, call load_weights(model, path), and save_model(model, ...) writes a file that says all of it"
        )
    return json.loads(metadata[METADATA_KEY])
