"""Weights in the forms that people have them: wrapped, nested, of other libraries, in other files, for other grids and channels."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import pickle
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

from vit_tutorial.cnn import CNNConfig, ConvNet
from vit_tutorial.heads import LinearClassifier
from vit_tutorial.lora import LoRALinear, add_lora, merge_lora
from vit_tutorial.positions import resize_pos_embed
from vit_tutorial.pretraining import MaskedAutoencoder
from vit_tutorial.training.checkpoint import save_checkpoint
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import (
    convert_state_dict,
    load_model,
    load_weights,
    read_weights,
    save_model,
    write_safetensors,
)
from vit_tutorial.weights.convert import adapt_channels

CONFIG = ViTConfig(img_size=16, patch_size=4, num_classes=5, embed_dim=24, depth=2, num_heads=3)


def vit(seed: int = 0, **fields: Any) -> VisionTransformer:
    """A ViT whose every parameter has been moved, in evaluation mode."""
    torch.manual_seed(seed)
    model = VisionTransformer(dataclasses.replace(CONFIG, **fields))
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn(p.shape)
    return model.eval()


def photos(channels: int = 3, height: int = 16, width: int = 16) -> Tensor:
    return torch.randn(2, channels, height, width, generator=torch.Generator().manual_seed(9))


def check_loads(source: Any, expected: nn.Module, **options: Any) -> None:
    """A fresh model gives the expected one's logits after it has loaded the source."""
    ours = vit(seed=5, **{"num_classes": expected.config.num_classes})
    load_weights(ours, source, **options)
    assert_close(ours(photos()), expected(photos()), atol=0, rtol=0)


# Names with a prefix, and models inside checkpoints


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "backbone.", "teacher.", "student.backbone.",
     "model.module.encoder.", "vit.", "0."],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_prefix_before_every_name_is_taken_off(prefix: str, suffix: str, tmp_path: Path) -> None:
    model = vit()
    named = {prefix + name: tensor for name, tensor in model.state_dict().items()}
    check_loads(named, model)
    (save_file if suffix == ".safetensors" else torch.save)(named, tmp_path / f"w{suffix}")
    check_loads(tmp_path / f"w{suffix}", model)


def test_arrays_of_numpy_load_as_tensors_do() -> None:
    model = vit()
    check_loads({name: tensor.numpy() for name, tensor in model.state_dict().items()}, model)


def test_names_that_do_not_fit_are_told_before_the_positions_and_from_both_sides() -> None:
    distilled = vit().state_dict() | {
        "dist_token": torch.zeros(1, 1, 24),
        "pos_embed": torch.zeros(1, 18, 24),
    }  # as DeiT's
    with pytest.raises(ValueError, match=r"of another model: dist_token is not in the model; build the model with"):
        load_weights(vit(), distilled)
    renamed = {name.replace("blocks.", "layers."): tensor for name, tensor in vit().state_dict().items()}
    with pytest.raises(
        ValueError,
        match=r"blocks\.0\S* is missing; \S* is missing; layers\.0\S* is not in the model; .*build the model with",
    ):
        load_weights(vit(), renamed)


@pytest.mark.parametrize(
    "wrap",
    [torch.compile, nn.DataParallel, lambda m: nn.DataParallel(torch.compile(m)), lambda m: nn.Sequential(m)],
    ids=["compiled", "data parallel", "both", "sequential"],
)
def test_the_state_dict_of_a_wrapped_model_loads(wrap: Callable[[nn.Module], nn.Module]) -> None:
    model = vit()
    check_loads(wrap(copy.deepcopy(model)).state_dict(), model)


def test_single_blocks_that_were_compiled_load_too() -> None:
    model = vit()
    compiled = copy.deepcopy(model)
    compiled.blocks[1] = torch.compile(compiled.blocks[1])
    assert "blocks.1._orig_mod.norm1.weight" in compiled.state_dict()
    check_loads(compiled.state_dict(), model)


def test_torchs_average_of_a_model_loads_and_its_counter_is_left_out() -> None:
    model = vit()
    with pytest.warns(UserWarning, match=r"left out of these weights: n_averaged \(1 tensor\)"):
        check_loads(torch.optim.swa_utils.AveragedModel(model).state_dict(), model)


@pytest.mark.parametrize("key", ["model", "state_dict", "model_state_dict", "net"])
@pytest.mark.parametrize("old_format", [False, True], ids=["zip", "before 1.6"])
def test_a_checkpoint_of_a_training_loads(key: str, old_format: bool, tmp_path: Path) -> None:
    model = vit()
    checkpoint = {key: model.state_dict(), "epoch": 3, "args": argparse.Namespace(lr=0.1, data="x"), "best": None}
    torch.save(checkpoint, tmp_path / "checkpoint.pth", _use_new_zipfile_serialization=not old_format)
    check_loads(tmp_path / "checkpoint.pth", model)


def test_an_optimiser_beside_the_model_is_left_out_with_a_word(tmp_path: Path) -> None:
    model = vit()
    optimizer = torch.optim.AdamW(model.parameters())
    model(photos()).sum().backward()
    optimizer.step()
    torch.save({"state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "last.ckpt")
    with pytest.warns(UserWarning, match=r"left out of these weights: optimizer \(\d+ tensors\)$"):
        check_loads(tmp_path / "last.ckpt", model)


def test_of_teacher_and_student_the_teacher_is_taken_and_the_student_on_request(tmp_path: Path) -> None:
    teacher, student = vit(1, num_classes=0), vit(2, num_classes=0)
    checkpoint = {
        who: {f"module.backbone.{name}": tensor for name, tensor in model.state_dict().items()} | {"head.mlp.0.weight": torch.ones(2)}
        for who, model in (("student", student), ("teacher", teacher))
    }  # fmt: skip
    torch.save(checkpoint, tmp_path / "dino.pth")
    with pytest.warns(
        UserWarning, match=r"left out .*student \(\d+ tensors\), teacher \(1 tensor\); part='student' takes the other"
    ):
        check_loads(tmp_path / "dino.pth", teacher)
    with pytest.warns(UserWarning, match="part='teacher' takes the other"):
        check_loads(tmp_path / "dino.pth", student, part="student")


def test_an_average_kept_beside_the_weights_is_taken() -> None:
    weights, average = vit(1), vit(2)
    with pytest.warns(UserWarning, match="left out of these weights: state_dict"):
        check_loads({"state_dict": weights.state_dict(), "state_dict_ema": average.state_dict()}, average)


def test_several_vits_with_no_reason_to_choose_are_named() -> None:
    both = {"query": vit(1).state_dict(), "key": vit(2).state_dict()}
    with pytest.raises(ValueError, match=r"hold several ViTs; there are: query, key\. Name one .* part='query'"):
        load_weights(vit(), both)
    with pytest.raises(ValueError, match=r"no ViT is called 'teacher' .* there are: query, key"):
        load_weights(vit(), both, part="teacher")
    with pytest.warns(UserWarning, match="left out of these weights: query"):
        check_loads(both, vit(2), part="key")


def test_our_own_checkpoint_gives_its_best_weights(tmp_path: Path) -> None:
    now, best = vit(1), vit(2)
    groups = {"model": now.state_dict(), "best": best.state_dict(), "optimizer": {"0/step": torch.ones(1)}}
    save_checkpoint(tmp_path / "checkpoint.safetensors", groups, {})
    with pytest.warns(UserWarning, match="left out of these weights: model"):
        check_loads(tmp_path / "checkpoint.safetensors", best)


def test_a_probes_and_an_autoencoders_encoder_load_from_their_state_dicts() -> None:
    encoder = vit(num_classes=0)
    with pytest.warns(UserWarning, match=r"left out of these weights: head \(2 tensors\)"):
        check_loads(LinearClassifier(encoder, 4).state_dict(), encoder)
    with pytest.warns(UserWarning, match=r"mask_token \(1 tensor\), decoder_embed \(2 tensors\)"):
        check_loads(MaskedAutoencoder(encoder, 16, 1, 2).state_dict(), encoder)


def test_what_holds_no_weights_is_named() -> None:
    for nothing, message in (([1, 2], "a list"), (torch.ones(2), "a Tensor")):
        with pytest.raises(ValueError, match=f"these are no weights by name but {message}"):
            convert_state_dict(nothing)
    with pytest.raises(ValueError, match=r"no patch embedding among its 0 names"):
        convert_state_dict({"model": {}, "epoch": 3})


# Hugging Face


def hugging_face(name: str, **fields: Any) -> nn.Module:
    import transformers

    sizes = {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 96,
        "image_size": 16,
        "patch_size": 4,
    }
    config = getattr(transformers, "ViTMAEConfig" if "MAE" in name else "ViTConfig")(**sizes, **fields)
    model = getattr(transformers, name)(config)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    return model.eval()


@pytest.mark.parametrize("form", ["state dict", "folder", "safetensors", "bin"])
def test_a_vitmodel_with_its_pooler_loads_and_the_pooler_is_left_out_with_a_word(form: str, tmp_path: Path) -> None:
    theirs = hugging_face("ViTModel")
    assert "pooler.dense.weight" in theirs.state_dict()  # ViTModel(config) has one by default
    theirs.save_pretrained(tmp_path)
    torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    sources = {
        "state dict": theirs.state_dict(),
        "folder": tmp_path,
        "safetensors": tmp_path / "model.safetensors",
        "bin": tmp_path / "pytorch_model.bin",
    }
    ours = vit(num_classes=0, norm_eps=1e-12)
    with pytest.warns(UserWarning, match=r"left out of these weights: pooler \(2 tensors\)"):
        load_weights(ours, sources[form])
    assert_close(ours.forward_features(photos()), theirs(photos()).last_hidden_state, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("name", "left"),
    [("ViTForMaskedImageModeling", r"decoder \(2 tensors\)"), ("ViTMAEForPreTraining", r"decoder \(\d+ tensors\)")],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_an_encoder_pre_trained_by_masking_loads_without_its_decoder(name: str, left: str, prefix: str) -> None:
    more = (
        {"encoder_stride": 4}
        if "MAE" not in name
        else {
            "decoder_hidden_size": 16,
            "decoder_num_hidden_layers": 1,
            "decoder_num_attention_heads": 2,
            "decoder_intermediate_size": 16,
        }
    )
    theirs = hugging_face(name, **more)
    ours = vit(num_classes=0, norm_eps=1e-12)
    with pytest.warns(UserWarning, match=left):
        load_weights(ours, {prefix + key: tensor for key, tensor in theirs.state_dict().items()})
    if name == "ViTForMaskedImageModeling":
        assert_close(ours.forward_features(photos()), theirs.vit(photos()).last_hidden_state, atol=1e-5, rtol=0)
    else:
        assert_close(ours.pos_embed, theirs.vit.embeddings.position_embeddings)


def test_a_wrapped_classifier_of_hugging_face_loads_with_its_head() -> None:
    theirs = hugging_face("ViTForImageClassification", num_labels=5)
    for prefix in ("model.", "module.", "_orig_mod."):
        ours = vit(norm_eps=1e-12)
        load_weights(ours, {prefix + key: tensor for key, tensor in theirs.state_dict().items()})
        assert_close(ours(photos()), theirs(photos()).logits, atol=1e-5, rtol=0)


# JAX


def as_jax(state: dict[str, Tensor], heads: int, layout: str, prefix: str = "") -> dict[str, np.ndarray]:
    """A timm state dict as the two JAX repositories store it; ``stacked``: big_vision with one array for all blocks."""
    attention, mlp, norm2 = ("_1", "_3", "_2") if layout == "vision_transformer" else ("_0", "_0", "_1")
    arrays, depth = {}, 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))

    def kernel(weight: Tensor) -> np.ndarray:
        return weight.T.numpy()

    for i in range(depth):
        block = {
            name.removeprefix(f"blocks.{i}."): tensor
            for name, tensor in state.items()
            if name.startswith(f"blocks.{i}.")
        }
        at, D = f"Transformer/encoderblock_{i}/", block["norm1.weight"].numel()
        for theirs, ours in (("LayerNorm_0", "norm1"), (f"LayerNorm{norm2}", "norm2")):
            arrays[f"{at}{theirs}/scale"], arrays[f"{at}{theirs}/bias"] = (
                block[f"{ours}.weight"].numpy(),
                block[f"{ours}.bias"].numpy(),
            )
        mha = f"{at}MultiHeadDotProductAttention{attention}/"
        for part, weight, bias in zip(
            ("query", "key", "value"), block["attn.qkv.weight"].chunk(3), block["attn.qkv.bias"].chunk(3)
        ):
            arrays[f"{mha}{part}/kernel"] = kernel(weight).reshape(D, heads, D // heads)
            arrays[f"{mha}{part}/bias"] = bias.numpy().reshape(heads, D // heads)
        arrays[f"{mha}out/kernel"] = kernel(block["attn.proj.weight"]).reshape(heads, D // heads, D)
        arrays[f"{mha}out/bias"] = block["attn.proj.bias"].numpy()
        for n in (1, 2):
            arrays[f"{at}MlpBlock{mlp}/Dense_{n - 1}/kernel"] = kernel(block[f"mlp.fc{n}.weight"])
            arrays[f"{at}MlpBlock{mlp}/Dense_{n - 1}/bias"] = block[f"mlp.fc{n}.bias"].numpy()
    if layout == "stacked":
        names = [name.replace("encoderblock_0/", "") for name in arrays if "encoderblock_0/" in name]
        stacks = {
            name: np.stack(
                [arrays[name.replace("Transformer/", f"Transformer/encoderblock_{i}/")] for i in range(depth)]
            )
            for name in names
        }
        arrays = {name.replace("Transformer/", "Transformer/encoderblock/"): stack for name, stack in stacks.items()}
    positions = "Transformer/posembed_input/pos_embedding" if layout == "vision_transformer" else "pos_embedding"
    arrays |= {"cls": state["cls_token"].numpy(), positions: state["pos_embed"].numpy()}
    arrays |= {
        "embedding/kernel": state["patch_embed.proj.weight"].permute(2, 3, 1, 0).numpy(),
        "embedding/bias": state["patch_embed.proj.bias"].numpy(),
    }
    arrays |= {
        "Transformer/encoder_norm/scale": state["norm.weight"].numpy(),
        "Transformer/encoder_norm/bias": state["norm.bias"].numpy(),
    }
    arrays |= {"head/kernel": kernel(state["head.weight"]), "head/bias": state["head.bias"].numpy()}
    return {prefix + name: array for name, array in arrays.items()}


LAYOUTS = [
    ("vision_transformer", ""),
    ("vision_transformer", "opt/target/"),
    ("big_vision", "params/"),
    ("big_vision", "params/img/"),
    ("stacked", "params/"),
]


@pytest.mark.parametrize(("layout", "prefix"), LAYOUTS)
@pytest.mark.parametrize("in_chans", [3, 1])
def test_jaxs_weights_load_as_timm_loads_them(layout: str, prefix: str, in_chans: int, tmp_path: Path) -> None:
    from timm.models.vision_transformer import VisionTransformer as TimmViT
    from timm.models.vision_transformer import _load_weights

    no_class = layout != "vision_transformer"  # big_vision gives no position to the class token
    sizes = {
        "img_size": 16,
        "patch_size": 4,
        "num_classes": 5,
        "embed_dim": 24,
        "depth": 2,
        "num_heads": 3,
        "no_embed_class": no_class,
    }
    source = vit(no_embed_class=no_class)
    np.savez(tmp_path / "ViT.npz", **as_jax(source.state_dict(), 3, layout, prefix))
    theirs, ours = TimmViT(**sizes, in_chans=in_chans).eval(), vit(5, no_embed_class=no_class, in_chans=in_chans)
    with torch.no_grad():
        _load_weights(theirs, str(tmp_path / "ViT.npz"))
    load_weights(ours, tmp_path / "ViT.npz")
    assert_close(ours.state_dict(), theirs.state_dict(), atol=0, rtol=0)
    assert_close(ours(photos(in_chans)), theirs(photos(in_chans)), atol=1e-5, rtol=0)


def test_jaxs_shapes_tell_a_wrong_number_of_heads_which_no_other_file_does() -> None:
    arrays = {name: torch.from_numpy(array) for name, array in as_jax(vit().state_dict(), 3, "big_vision").items()}
    with pytest.raises(ValueError, match="the weights are of 3 heads, the model has 4; build it with num_heads=3"):
        load_weights(vit(num_heads=4), arrays)


def test_our_own_file_tells_a_wrong_number_of_heads(tmp_path: Path) -> None:
    save_model(vit(num_heads=6), tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="the weights are of 6 heads, the model has 3"):
        load_weights(vit(), tmp_path / "m.safetensors")


def test_a_layer_before_the_head_which_timm_drops_silently_is_refused_or_left_out_with_the_head() -> None:
    arrays = {
        name: torch.from_numpy(array) for name, array in as_jax(vit().state_dict(), 3, "vision_transformer").items()
    }
    arrays |= {"pre_logits/kernel": torch.eye(24), "pre_logits/bias": torch.zeros(24)}
    with pytest.raises(ValueError, match=r"pre_logits\.fc\.weight is not in the model.*new_head=True"):
        load_weights(vit(), arrays)
    ours = vit(4)
    load_weights(ours, arrays, new_head=True)
    assert_close(ours.forward_features(photos()), vit().forward_features(photos()), atol=0, rtol=0)


def test_a_hybrid_of_jax_is_refused_by_the_name_that_has_no_place() -> None:
    arrays = {
        name: torch.from_numpy(array) for name, array in as_jax(vit().state_dict(), 3, "vision_transformer").items()
    }
    with pytest.raises(ValueError, match="unknown name 'conv_root/kernel' in a JAX state dict"):
        load_weights(vit(), arrays | {"conv_root/kernel": torch.ones(7, 7, 3, 64)})


# Files that are something else


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.write_text, (self.path, "code ran"))


@pytest.mark.parametrize("form", ["torch", "torch before 1.6", "pickle"])
def test_nothing_in_a_file_is_run(form: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "weights.pt"
    content = {**vit().state_dict(), "more": Harmful(trace)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "torch")
    for read in (lambda: load_weights(vit(), path), lambda: load_model(path), lambda: read_weights(path)):
        with pytest.raises(ValueError, match=r"cannot read .*weights\.pt: "):
            read()
    assert not trace.exists()


class Settings:
    """Something that people put beside their weights."""


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("form", ["object beside", "whole model", "script"])
def test_the_command_in_the_message_makes_the_file_loadable(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = vit(), tmp_path / "it's mine.pt"
    if form == "script":
        torch.jit.save(torch.jit.trace(model, photos()), path)
    else:
        torch.save(
            model if form == "whole model" else {"model": model.state_dict(), "acc": np.float64(0.5), "epoch": 3}, path
        )
    with pytest.raises(ValueError, match="where you trust it") as refused:
        load_weights(vit(), path)
    message = str(refused.value)
    named = {
        "object beside": r"numpy\._core\.multiarray\.scalar|numpy\.core",
        "whole model": r"vit_tutorial\.",
        "script": "TorchScript",
    }
    assert re.search(named[form], message)
    assert "\n" not in message
    command = message[message.index("python -c ") :].removeprefix("python ")
    if form == "object beside":  # once as people run it; a process that imports torch takes seconds
        done = subprocess.run(f"{sys.executable} {command}", shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    else:
        monkeypatch.chdir(tmp_path)
        exec(shlex.split(command)[1], {})
    check_loads(next(tmp_path.glob("weights.*")), model)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the command's process ends with it
def test_a_pickled_dictionary_of_arrays_has_its_command_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = vit()
    (tmp_path / "w.pkl").write_bytes(
        pickle.dumps({name: tensor.numpy() for name, tensor in model.state_dict().items()})
    )
    with pytest.raises(ValueError, match="it is a pickle, which runs code") as refused:
        load_weights(vit(), tmp_path / "w.pkl")
    command = str(refused.value).split("python -c ")[1]
    monkeypatch.chdir(tmp_path)
    exec(shlex.split(command)[0], {})
    check_loads(tmp_path / "weights.npz", model)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer.*git lfs pull"),
        ("model.safetensors", b"\n<!DOCTYPE html><html>", "it is a web page"),
        ("config.json", b'{"hidden_size": 24}', "it is JSON"),
        ("tf_model.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "it is HDF5"),
        ("flax_model.msgpack", b"\xde\x00\x10" + bytes(64), "Flax's msgpack"),
        ("model.onnx", b"\x08\x0a\x12\x07pytorch" + bytes(64), "ONNX model.*model.safetensors that it was exported from"),
        ("weights.pt.gz", b"\x1f\x8b\x08\x00" + bytes(64), "packed by gzip"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(64), "it is an image"),
        ("model.safetensors", b"", r"it is cut or not a safetensors file \(0 bytes"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    for read in (load_model, read_weights):
        with pytest.raises(ValueError, match=rf"cannot read .*{re.escape(name)}: .*{message}"):
            read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".pt", ".npz"])
@pytest.mark.parametrize("kept", [0.4, 0.98])
def test_a_cut_file_says_so(suffix: str, kept: float, tmp_path: Path) -> None:
    path = tmp_path / f"w{suffix}"
    state = vit().state_dict()
    torch.save(state, path) if suffix == ".pt" else np.savez(path, **{name: t.numpy() for name, t in state.items()})
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"cannot read .*: it is cut .*copy it again"):
        load_weights(vit(), path)


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save(vit().state_dict(), path)
    content = bytearray(path.read_bytes())
    content[60:200] = bytes(140)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read .*w\.pt: "):
        load_weights(vit(), path)


def test_a_folder_without_weights_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no model\.safetensors, no pytorch_model\.bin"):
        load_weights(vit(), tmp_path)


# Grids


GRIDS = [
    ((16, 16), (8, 32)),
    ((8, 32), (16, 16)),
    ((8, 32), (32, 8)),
    ((8, 16), (16, 8)),
    ((4, 24), (8, 12)),
    ((16, 16), (24, 24)),
]


@pytest.mark.parametrize(("old", "new"), GRIDS, ids=str)
@pytest.mark.parametrize("form", ["state dict", "our file", "torch file", "compiled", "checkpoint"])
def test_positions_of_another_grid_are_resized_also_where_there_are_as_many(
    form: str, old: Any, new: Any, tmp_path: Path
) -> None:
    source, ours = vit(img_size=old), vit(3, img_size=new)
    given: Any = source.state_dict()
    if form == "our file":
        save_model(source, given := tmp_path / "m.safetensors")
    elif form == "torch file":
        torch.save(source.state_dict(), given := tmp_path / "m.pth")
    elif form == "compiled":
        given = nn.DataParallel(torch.compile(source)).state_dict()
    elif form == "checkpoint":
        given = {"epoch": 1, "model": given}
    load_weights(ours, given)
    assert_close(ours.pos_embed, resize_pos_embed(source.pos_embed, source.grid_size, ours.grid_size))
    resized = copy.deepcopy(source)
    resized.set_input_size(new)
    assert_close(ours(photos(3, *new)), resized(photos(3, *new)), atol=0, rtol=0)


@pytest.mark.parametrize("size", [(8, 32), (16, 8)])
def test_the_same_grid_keeps_the_table(size: Any, tmp_path: Path) -> None:
    source, ours = vit(img_size=size), vit(3, img_size=size)
    load_weights(ours, source.state_dict())
    assert torch.equal(ours.pos_embed, source.pos_embed)


@pytest.mark.parametrize(("size", "what"), [((8, 32), "may be a grid of 4x4 or 2x8")])
def test_where_a_square_and_the_models_grid_are_as_likely_the_grid_has_to_be_said(size: Any, what: str) -> None:
    bare = dict(vit().state_dict())  # a plain dictionary, as of another library: it says no grid
    ours = vit(3, img_size=size)
    with pytest.raises(
        ValueError, match=rf"17 positions; without the model's 1 prefix token 16 {what} .*grid=\(rows, columns\)"
    ):
        load_weights(ours, bare)
    load_weights(ours, bare, grid=(4, 4))
    assert_close(ours.pos_embed, resize_pos_embed(bare["pos_embed"], (4, 4), ours.grid_size))
    load_weights(ours, bare, grid=ours.grid_size)
    assert_close(ours.pos_embed, bare["pos_embed"], atol=0, rtol=0)


def test_a_table_that_is_no_square_and_not_the_models_asks_for_its_grid() -> None:
    bare = dict(vit(img_size=(8, 12)).state_dict())
    with pytest.raises(ValueError, match=r"7 positions; .* 6 are no square grid .*grid=\(rows, columns\)"):
        load_weights(vit(), bare)
    load_weights(ours := vit(), bare, grid=(2, 3))
    assert_close(ours.pos_embed, resize_pos_embed(bare["pos_embed"], (2, 3), (4, 4)))
    with pytest.raises(ValueError, match="7 tokens, but 1 prefix tokens and a 3x3 grid make 10"):
        load_weights(vit(), bare, grid=(3, 3))


def test_fixed_positions_are_computed_for_the_models_grid() -> None:
    ours = vit(img_size=(8, 32), pos_embed="sincos2d")
    expected = ours.pos_embed.clone()
    load_weights(ours, vit(pos_embed="sincos2d").state_dict())
    assert torch.equal(ours.pos_embed, expected)


def test_a_copy_of_a_model_says_its_own_grid() -> None:
    copied = copy.deepcopy(vit())
    copied.set_input_size((8, 32))
    assert copied.state_dict()._metadata[""]["grid_size"] == (2, 8)
    assert vit().state_dict()._metadata[""]["grid_size"] == (4, 4)


# Channels


@pytest.mark.parametrize("in_chans", [1, 2, 3, 4, 6, 7])
def test_other_channels_are_summed_or_repeated_as_timm_does(in_chans: int) -> None:
    from timm.models._manipulate import adapt_input_conv

    source, ours = vit(), vit(3, in_chans=in_chans)
    load_weights(ours, source.state_dict())
    assert_close(ours.patch_embed.proj.weight, adapt_input_conv(in_chans, source.patch_embed.proj.weight.detach()))
    assert torch.equal(ours.patch_embed.proj.bias, source.patch_embed.proj.bias)


@pytest.mark.parametrize("C", [1, 3, 4])
@pytest.mark.parametrize("in_chans", [1, 3, 4, 8])
def test_an_image_of_equal_channels_gives_the_same_where_channels_are_copied_whole(C: int, in_chans: int) -> None:
    weight = torch.randn(8, C, 4, 4)
    adapted = adapt_channels(weight, in_chans)
    assert adapted.shape == (8, in_chans, 4, 4)
    if in_chans % C == 0 or in_chans == 1:
        assert_close(adapted.sum(1), weight.sum(1))


def test_half_precision_weights_are_summed_in_single_precision() -> None:
    weight = torch.randn(8, 3, 4, 4).to(torch.float16)
    assert adapt_channels(weight, 1).dtype == torch.float16
    assert torch.equal(adapt_channels(weight, 1), weight.float().sum(1, keepdim=True).half())


# What is saved can be loaded


def with_lora(model: VisionTransformer, **options: Any) -> VisionTransformer:
    model = copy.deepcopy(model)
    add_lora(model, rank=2, alpha=5, **options)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, LoRALinear):
                module.B.normal_(generator=torch.Generator().manual_seed(1))
    return model


@pytest.mark.parametrize(
    "wrap",
    [torch.compile, nn.DataParallel, lambda m: torch.compile(nn.DataParallel(m)), torch.optim.swa_utils.AveragedModel, with_lora,
     lambda m: nn.DataParallel(with_lora(m)), lambda m: torch.compile(with_lora(m, targets=("fc1", "fc2")))],
    ids=["compiled", "data parallel", "both", "averaged", "LoRA", "LoRA data parallel", "LoRA compiled"],
)  # fmt: skip
def test_a_wrapped_model_is_saved_as_the_model_that_it_is(
    wrap: Callable[[nn.Module], nn.Module], tmp_path: Path
) -> None:
    model = wrap(vit()).eval()
    inside = next(m for m in model.modules() if isinstance(m, VisionTransformer))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_model(model, tmp_path / "m.safetensors", {"classes": list("abcde")})
    assert_close(load_model(tmp_path / "m.safetensors")(photos()), inside(photos()), atol=1e-5, rtol=1e-5)
    assert_close(model.state_dict(), before, atol=0, rtol=0)  # the model goes on as it was


@pytest.mark.parametrize(
    "wrap", [with_lora, lambda m: nn.DataParallel(with_lora(m)), torch.compile], ids=["LoRA", "both", "compiled"]
)
def test_the_page_gets_a_wrapped_model_as_the_model_that_it_is(wrap: Callable[[nn.Module], nn.Module]) -> None:
    from vit_tutorial.widgets.models.export import page_model
    from vit_tutorial.widgets.models.page_model import build_page_model

    model = wrap(vit()).eval()
    page = page_model(model, "fp32")
    inside = next(m for m in model.modules() if isinstance(m, VisionTransformer))
    assert_close(build_page_model(page.manifest, page.data)(photos()), inside(photos()), atol=1e-5, rtol=1e-5)


def test_a_model_with_compiled_blocks_is_saved_under_its_own_names(tmp_path: Path) -> None:
    model = vit()
    names = set(model.state_dict())
    model.blocks[0] = torch.compile(model.blocks[0])
    save_model(model, tmp_path / "m.safetensors")
    assert set(load_model(tmp_path / "m.safetensors").state_dict()) == names


def test_saving_draws_no_random_numbers(tmp_path: Path) -> None:
    model, state = vit(), torch.get_rng_state()
    save_model(model, tmp_path / "m.safetensors")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: MaskedAutoencoder(vit(num_classes=0), 16, 1, 2),
            r"MaskedAutoencoder .*save_model\(model\.encoder, path\)",
        ),
        (
            lambda: nn.Linear(2, 2),
            r"a Linear is no VisionTransformer or ConvNet.*torch\.save\(model\.state_dict\(\), path\)",
        ),
    ],
)
def test_a_model_that_cannot_be_loaded_again_is_refused_when_it_is_saved(
    make: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        save_model(make(), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_head_that_was_replaced_by_hand_is_named_with_the_line_that_mends_it(tmp_path: Path) -> None:
    model = vit()
    model.head = nn.Linear(24, 7)
    with pytest.raises(
        ValueError,
        match=r"head\.weight is \(7, 24\) and not \(5, 24\).*dataclasses\.replace\(model\.config, num_classes=7\)",
    ):
        save_model(model, tmp_path / "m.safetensors")
    model.config = dataclasses.replace(model.config, num_classes=7)
    save_model(model, tmp_path / "m.safetensors")
    assert_close(load_model(tmp_path / "m.safetensors")(photos()), model(photos()), atol=0, rtol=0)


def test_a_part_that_was_added_is_named(tmp_path: Path) -> None:
    model = vit()
    model.blocks[1].adapter = nn.Linear(24, 24)
    with pytest.raises(ValueError, match=r"blocks\.1\.adapter\.weight is \(24, 24\) and not there"):
        save_model(model, tmp_path / "m.safetensors")


def test_a_convnet_is_saved_out_of_its_wrapper_too(tmp_path: Path) -> None:
    from vit_tutorial.weights import load_classifier

    model = ConvNet(CNNConfig(img_size=16, num_classes=5, widths=(4, 8))).eval()
    save_model(torch.compile(model), tmp_path / "c.safetensors")
    assert_close(load_classifier(tmp_path / "c.safetensors")(photos()), model(photos()), atol=0, rtol=0)


@pytest.mark.parametrize("form", ["state dict", "file", "peft"])
def test_unmerged_lora_says_which_call_makes_it_loadable(form: str, tmp_path: Path) -> None:
    state: Any = with_lora(vit()).state_dict()
    call = r"merge_lora\(model\)"
    if form == "file":
        write_safetensors(state_file := tmp_path / "w.safetensors", state)
        state = state_file
    if form == "peft":  # only the adapter, as peft's save_pretrained leaves it
        state = {f"base_model.model.blocks.0.attn.qkv.lora_{part}.weight": torch.ones(2, 24) for part in "AB"}
        call = r"merge_and_unload\(\)"
    with pytest.raises(ValueError, match=rf"a model with LoRA in it, not merged \(.*rank 2\).*call .*{call}"):
        load_weights(vit(), state)


def test_the_merged_state_dict_is_what_merging_leaves() -> None:
    from vit_tutorial.lora import merged_state_dict

    model = with_lora(vit(qkv_bias=False), targets=("qkv", "fc2"))
    merged = merged_state_dict(model)
    merge_lora(model)
    assert_close(merged, dict(model.state_dict()), atol=0, rtol=0)


def test_loading_what_fits_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_loads(vit().state_dict(), vit())


@pytest.mark.parametrize("kind", [torch.int8, torch.bool, torch.complex64])
def test_what_are_no_floating_point_numbers_is_refused_and_not_cast(kind: torch.dtype) -> None:
    state = vit().state_dict() | {"blocks.1.attn.qkv.weight": torch.zeros(72, 24, dtype=kind)}
    with pytest.raises(ValueError, match=r"blocks.1.attn.qkv.weight holds \w+, and weights are floating-point"):
        load_weights(vit(1), state)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused_with_their_name(value: float) -> None:
    state = vit().state_dict()
    state["norm.weight"] = torch.full_like(state["norm.weight"], value)
    with pytest.raises(ValueError, match=r"norm\.weight holds numbers that are not finite"):
        load_weights(vit(1), state)


def in_parts(folder: Path, kind: str) -> Path:
    """The weights of `vit()` in two files, with the index that Hugging Face writes beside them."""
    folder.mkdir()
    stem, suffix = ("model", ".safetensors") if kind == "safetensors" else ("pytorch_model", ".bin")
    names, place = list(vit().state_dict()), {}
    for part, some in enumerate((names[:9], names[9:]), start=1):
        file = f"{stem}-0000{part}-of-00002{suffix}"
        tensors = {name: vit().state_dict()[name].clone() for name in some}
        if kind == "safetensors":
            save_file(tensors, folder / file)
        else:
            torch.save(tensors, folder / file)
        place |= dict.fromkeys(some, file)
    (folder / f"{stem}{suffix}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": place}))
    return folder


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_weights_in_several_files_load_from_their_folder_or_index(kind: str, tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "parts", kind)
    check_loads(folder, vit())
    check_loads(next(folder.glob("*.index.json")), vit())


def test_one_part_of_several_says_so_and_a_missing_one_is_named(tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "parts", "safetensors")
    with pytest.raises(ValueError, match="is part 1 of 2 of the weights; give the folder"):
        load_weights(vit(1), folder / "model-00001-of-00002.safetensors")
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no model-00002-of-00002\.safetensors, which its"):
        load_weights(vit(1), folder)
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(ValueError, match="is no index of weights"):
        load_weights(vit(1), folder)


def test_the_heads_that_a_configuration_beside_the_file_says_are_compared(tmp_path: Path) -> None:
    save_file({name: tensor.clone() for name, tensor in vit().state_dict().items()}, tmp_path / "model.safetensors")
    config = {"hidden_size": 24, "num_attention_heads": 6}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="the weights are of 6 heads, the model has 3"):
        load_weights(vit(1), tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_attention_heads": 3}))
    check_loads(tmp_path, vit())
