"""Models leave Python whole: the page format holds the weights it says, ONNX computes what PyTorch computes."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vit_tutorial.cli import main
from vit_tutorial.heads import Segmenter, SegmenterConfig
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import save_model, save_segmenter
from vit_tutorial.widgets.models.export import (
    PageModel,
    export_onnx,
    export_page,
    page_model,
)
from vit_tutorial.widgets.models.page_model import build_page_model

SMALL = {"img_size": 8, "patch_size": 4, "in_chans": 1, "num_classes": 3, "embed_dim": 24, "depth": 2, "num_heads": 2}


def random_model(**fields: Any) -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(ViTConfig(**{**SMALL, **fields})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


HEADS = [
    SegmenterConfig(3, head_cells=2),
    SegmenterConfig(3, "mask_transformer", head_cells=2, head_depth=1),
    SegmenterConfig(3, "queries", head_depth=1),
]


def random_segmenter(head: SegmenterConfig, **fields: Any) -> Segmenter:
    """As training saves it: it gives the scores of patches."""
    torch.manual_seed(0)
    encoder = VisionTransformer(ViTConfig(**{**SMALL, "img_size": (8, 12), "num_classes": 0, **fields}))
    model = head.build(encoder, pixels=False).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def read_back(page: PageModel) -> dict[str, torch.Tensor]:
    """The tensors of a page model, decoded from its documented layout."""
    tensors = {}
    for entry in page.manifest["tensors"]:
        shape, at = entry["shape"], entry["offset"]
        count = int(np.prod(shape))
        if entry["dtype"] == "int8":
            scale = np.frombuffer(page.data, "<f4", shape[0], at)[:, None]
            values = scale * np.frombuffer(page.data, "i1", count, at + 4 * shape[0]).reshape(shape[0], -1)
        else:
            values = np.frombuffer(page.data, {"fp16": "<f2", "fp32": "<f4"}[entry["dtype"]], count, at)
        tensors[entry["name"]] = torch.tensor(values.astype("f4").reshape(shape))
    return tensors


def test_fp32_keeps_every_tensor_exactly() -> None:
    model = random_model(reg_tokens=1, init_values=0.1, pos_embed="sincos2d")
    tensors = read_back(page_model(model, "fp32"))
    assert list(tensors) == list(model.state_dict())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensors[name], tensor), name


@pytest.mark.parametrize("dtype", ["fp16", "int8"])
def test_smaller_formats_are_off_by_no_more_than_half_a_step(dtype: str) -> None:
    model = random_model()
    tensors = read_back(page_model(model, dtype))
    for name, tensor in model.state_dict().items():
        if dtype == "int8" and name.endswith("weight") and tensor.ndim > 1:
            rows = tensor.flatten(1)
            step = rows.abs().amax(1, keepdim=True) / 127
            assert ((tensors[name].flatten(1) - rows).abs() <= 0.5001 * step).all(), name
        else:
            assert ((tensors[name] - tensor).abs() <= tensor.abs() * 2**-11 + 2**-25).all(), name


def test_a_row_of_zeros_survives_int8() -> None:
    model = random_model()
    with torch.no_grad():
        model.head.weight[1].zero_()
    assert torch.equal(read_back(page_model(model, "int8"))["head.weight"][1], torch.zeros(24))


def test_the_three_files_say_the_same(tmp_path: Path) -> None:
    paths = export_page(
        random_model(), tmp_path / "deep" / "small.v1", "int8", classes=["a", "b", "</script>"], mean=[0.5], std=[0.2]
    )
    assert [p.name for p in paths] == ["small.v1.json", "small.v1.bin", "small.v1.js"]
    manifest, data, script = json.loads(paths[0].read_text()), paths[1].read_bytes(), paths[2].read_text()
    assert manifest["bytes"] == len(data)
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest()
    assert (manifest["classes"], manifest["mean"], manifest["std"]) == (["a", "b", "</script>"], [0.5], [0.2])
    start = '(globalThis.vitTutorialModels??={})["small.v1"]='
    assert script.startswith(start)
    entry = json.loads(script.removeprefix(start).removesuffix(";\n"))
    assert entry["manifest"] == manifest
    assert base64.b64decode(entry["base64"]) == data


def test_the_same_model_gives_the_same_bytes() -> None:
    assert page_model(random_model(), "int8") == page_model(random_model(), "int8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "int4"}, "unknown dtype 'int4'; choose one of int8, fp16, fp32"),
        ({"mean": [0.5, 0.5, 0.5]}, "mean has 3 and std 1 numbers; the model has 1 channels"),
        ({"classes": ["cat", "dog"]}, "2 class names for a model of 3 classes"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        page_model(random_model(), **arguments)


@pytest.mark.parametrize(
    ("value", "message"), [(float("nan"), "norm.bias holds numbers that are not finite"), (1e5, "beyond fp16's 65504")]
)
def test_weights_that_cannot_be_stored_are_refused(value: float, message: str) -> None:
    model = random_model()
    with torch.no_grad():
        model.norm.bias[0] = value
    with pytest.raises(ValueError, match=message):
        page_model(model, "int8")


@pytest.mark.slow
@pytest.mark.parametrize(
    "fields",
    [{}, {"num_classes": 0, "class_token": False, "global_pool": "avg", "pos_embed": "sincos2d", "init_values": 0.1}],
    ids=["classifier", "encoder"],
)
def test_onnx_runtime_computes_what_pytorch_computes_for_any_batch(tmp_path: Path, fields: dict[str, Any]) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = random_model(depth=1, **fields).train()
    session = onnxruntime.InferenceSession(str(export_onnx(model, tmp_path / "model.onnx")))
    assert model.training, "export leaves the model's mode as it was"
    assert [i.name for i in session.get_inputs()] == ["images"]
    assert [o.name for o in session.get_outputs()] == ["logits" if model.config.num_classes else "features"]
    for batch in (1, 5):
        images = torch.randn(batch, 1, 8, 8)
        (found,) = session.run(None, {"images": images.numpy()})
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(found), model.eval()(images), atol=1e-5, rtol=0)


@pytest.mark.parametrize("head", HEADS[:2], ids=["linear", "mask transformer"])
def test_a_segmenter_comes_back_whole_and_in_8_bit_nearly(head: SegmenterConfig) -> None:
    model, images = random_segmenter(head), torch.randn(4, 1, 8, 12)
    exact = page_model(model, "fp32", ["a", "b", "c"], source={"recipe": {"title": "A trial"}})
    assert exact.manifest["head"] == SegmenterConfig.of(model).to_dict()
    assert exact.manifest["source"]["recipe"]["title"] == "A trial"
    again = build_page_model(exact.manifest, exact.data)
    with torch.no_grad():
        model.pixels = True
        expected = model(images)
        assert torch.equal(again(images), expected)
        small = page_model(model, "int8")
        rounded = build_page_model(small.manifest, small.data)(images)
    assert len(small.data) < 0.45 * len(exact.data)
    error = (rounded - expected).abs().max() / expected.std()
    print(f"{head.head}: 8 bits change a logit by at most {error:.3f} of their spread")
    assert error < 0.25


def test_queries_are_refused_by_the_page_with_what_to_do() -> None:
    with pytest.raises(ValueError, match="this head has queries; export it to onnx"):
        page_model(random_segmenter(HEADS[2]))


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS, ids=["linear", "mask transformer", "queries"])
def test_onnx_runtime_gives_the_scores_of_all_pixels_for_any_batch(tmp_path: Path, head: SegmenterConfig) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = random_segmenter(head, depth=1).train()
    session = onnxruntime.InferenceSession(str(export_onnx(model, tmp_path / "model.onnx", classes=["a", "b", "c"])))
    assert (model.training, model.pixels) == (True, False), "export leaves the model's modes as they were"
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == ["a", "b", "c"]
    assert "just fit into 12 wide and 8 high" in metadata["preprocessing"]
    model.eval().pixels = True
    for batch in (1, 5):
        images = torch.randn(batch, 1, 8, 12)
        (found,) = session.run(None, {"images": images.numpy()})
        assert found.shape == (batch, 3, 8, 12)
        with torch.no_grad():
            torch.testing.assert_close(torch.from_numpy(found), model(images), atol=1e-4, rtol=0)


def run_command(*words: str) -> int:
    return main(["export", *words])


def test_the_command_exports_a_saved_model_with_its_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    extra = {"classes": ["a", "b", "c"], "mean": [0.1], "std": [0.3]}
    save_model(random_model(), tmp_path / "model.safetensors", extra)
    assert run_command(str(tmp_path / "model.safetensors"), "--to", "page", "--dtype", "fp16") == 0
    manifest = json.loads((tmp_path / "model.json").read_text())
    assert {key: manifest[key] for key in extra} == extra
    assert manifest["dtype"] == "fp16"
    assert "model.bin  " in capsys.readouterr().out


def test_the_command_names_a_missing_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(str(tmp_path / "none.safetensors"), "--to", "onnx") == 2
    assert "no weights file" in capsys.readouterr().err


def test_the_command_exports_a_segmenter_and_says_what_it_comes_from(tmp_path: Path) -> None:
    extra = {"classes": ["a", "b", "c"], "mean": [0.1], "std": [0.3], "recipe": {"title": "A trial"}, "data": "scenes"}
    save_segmenter(random_segmenter(HEADS[0]), tmp_path / "model.safetensors", extra)
    assert run_command(str(tmp_path / "model.safetensors"), "--to", "page") == 0
    manifest = json.loads((tmp_path / "model.json").read_text())
    assert {key: manifest[key] for key in ("classes", "mean", "std")} == {
        key: extra[key] for key in ("classes", "mean", "std")
    }
    assert manifest["source"] == {"recipe": {"title": "A trial"}, "data": "scenes"}


def test_the_command_names_a_unet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from vit_tutorial.cnn import UNet, UNetConfig

    save_segmenter(UNet(UNetConfig(num_classes=3, in_chans=1)), tmp_path / "model.safetensors")
    assert run_command(str(tmp_path / "model.safetensors"), "--to", "onnx") == 2
    assert "holds a U-Net, and export writes ViTs" in capsys.readouterr().err
