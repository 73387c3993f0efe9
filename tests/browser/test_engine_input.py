"""What the engine says about files and options that it cannot use, and how exact its smaller weight formats are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_page import BUNDLE, EnginePage, random_image, random_model, top1_agreement
from engine_twin import twin_forward

from vit_tutorial.widgets.models.export import PageModel, export_page, page_model

DIGIT = {"img_size": 28, "patch_size": 4, "in_chans": 1, "num_classes": 10, "embed_dim": 64, "depth": 4, "num_heads": 4}


@pytest.fixture(scope="module")
def digit_page() -> PageModel:
    return page_model(random_model(**DIGIT), "int8")


def changed(
    page: PageModel, data: bytes | None = None, config: dict[str, Any] | None = None, **manifest: Any
) -> PageModel:
    """The page model with other bytes, or other fields in its manifest or configuration."""
    new = {**page.manifest, **manifest, "config": {**page.manifest["config"], **(config or {})}}
    return dataclasses.replace(page, manifest=new, data=page.data if data is None else data)


def flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def other_dtype(page: PageModel) -> list[dict[str, Any]]:
    return [{**t, "dtype": "int4"} for t in page.manifest["tensors"]]


BROKEN: dict[str, tuple[Callable[[PageModel], PageModel], str]] = {
    "cut": (lambda p: changed(p, p.data[:-100]), "its manifest says .*cut or belongs to another model"),
    "empty": (lambda p: changed(p, b""), "has 0 bytes"),
    "damaged": (lambda p: changed(p, flipped(p.data)), "damaged: its SHA-256"),
    "foreign": (lambda p: changed(p, format="onnx"), "not a model for this page .onnx 1; known: vit-tutorial-page 1"),
    "newer": (lambda p: changed(p, version=2), "not a model for this page .*export it again"),
    "dtype": (lambda p: changed(p, tensors=other_dtype(p)), "unknown dtype int4 of cls_token; known: fp32,fp16,int8"),
    "tensor missing": (lambda p: changed(p, tensors=p.manifest["tensors"][:-1]), "needs 10 numbers of head.bias, the weight file has 0"),
    "class token missing": (lambda p: changed(p, tensors=p.manifest["tensors"][1:]), "needs 64 numbers of cls_token, the weight file has 0"),
    "depth": (lambda p: changed(p, config={"depth": 5}), "needs 64 numbers of blocks.4.norm1|needs .* numbers of blocks.4"),
    "pooling": (lambda p: changed(p, config={"global_pool": "map"}), "global_pool map is not supported; known: token,avg"),
    "positions": (lambda p: changed(p, config={"pos_embed": "rope"}), "pos_embed rope is not supported"),
    "patch size": (lambda p: changed(p, config={"patch_size": 16}), "not supported: rows would be 1.75"),
    "heads": (lambda p: changed(p, config={"num_heads": 5}), "not supported: headDim would be 12.8"),
}  # fmt: skip


@pytest.mark.parametrize(("breakage", "message"), BROKEN.values(), ids=BROKEN)
def test_a_model_that_cannot_be_read_is_refused_in_plain_words(
    engine: EnginePage, digit_page: PageModel, breakage: Callable[[PageModel], PageModel], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        engine.load(breakage(digit_page))


@pytest.mark.parametrize("arguments", ["undefined", "null", "{}", "globalThis.vitTutorialModels?.digits"])
def test_a_missing_model_is_refused_in_plain_words(engine: EnginePage, arguments: str) -> None:
    with pytest.raises(Exception, match="not a model for this page"):
        engine.run(f"loadViT({arguments})")


def test_missing_weights_are_refused_in_plain_words(engine: EnginePage, digit_page: PageModel) -> None:
    with pytest.raises(Exception, match="weights are missing"):
        engine.run("loadViT(manifest)", manifest=digit_page.manifest)


OPTIONS = {
    "{ hidden: [1] }": "unknown option hidden; known: move,hide,positions,headsOff,temperature,scaleExponent",
    "{ hide: [49] }": "no patch 49; they are 0 to 48",
    "{ hide: [-1] }": "no patch -1",
    "{ hide: [1.5] }": "no patch 1.5",
    "{ hide: Array(49).keys() }": None,  # the class token is left
    "{ move: [1, 0] }": "move has 2 entries; the model has 49 patches",
    "{ move: Array(49).fill(50) }": "no patch 50",
    "{ headsOff: ['4.0'] }": "no head 4.0; they are '0.0' to '3.3'",
    "{ headsOff: ['0'] }": "no head 0;",
    "{ temperature: 0 }": "temperature 0 must be above 0",
    "{ temperature: NaN }": "temperature NaN must be above 0",
    "{ scaleExponent: NaN }": "scaleExponent NaN a number",
    "{ hide: new Set([3]), headsOff: new Set(['0.1']), move: Int32Array.from(Array(49).keys()) }": None,
}


@pytest.mark.parametrize(("options", "message"), OPTIONS.items())
def test_options_are_checked(engine: EnginePage, digit_page: PageModel, options: str, message: str | None) -> None:
    engine.load(digit_page)
    call = f"vit.forward(new Float32Array(784), {options}).logits"
    if message is None:
        assert torch.isfinite(engine.run(call)).all()
    else:
        with pytest.raises(Exception, match=message):
            engine.run(call)


def test_all_patches_hidden_from_a_model_that_reads_only_patches_is_refused(engine: EnginePage) -> None:
    engine.load(random_model(**{**DIGIT, "class_token": False, "global_pool": "avg"}))
    with pytest.raises(Exception, match="all patches are hidden: leave at least one"):
        engine.run("vit.forward(new Float32Array(784), { hide: Array(49).keys() })")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("vit.forward(new Float32Array(1024))", "the image has 1024 numbers; the model takes 1x28x28"),
        ("vit.forward()", "the image has undefined numbers"),
        ("vit.readout(new Float32Array(64))", "the state has 64 numbers; the model takes 50x64"),
        ("imageToInput(vit, new ImageData(32, 32))", "the picture has 1024 pixels; the model takes 28x28: resize it"),
    ],
)
def test_an_image_of_another_size_is_refused(
    engine: EnginePage, digit_page: PageModel, call: str, message: str
) -> None:
    engine.load(digit_page)
    with pytest.raises(Exception, match=message):
        engine.run(call)


@pytest.mark.parametrize("source", ["b.buffer", "b", "new DataView(b.buffer)", "text", "shifted"])
def test_weights_may_come_as_any_kind_of_bytes(engine: EnginePage, digit_page: PageModel, source: str) -> None:
    import base64

    text = base64.b64encode(digit_page.data).decode()
    size = engine.run(
        "(async () => { const b = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));"
        " const longer = new Uint8Array(b.length + 3); longer.set(b, 3); const shifted = longer.subarray(3);"
        f" const vit = await loadViT(manifest, {source}); return vit.forward(new Float32Array(784)).logits.length; }})()",
        text=text,
        manifest=digit_page.manifest,
    )
    assert size == 10


def test_a_page_opened_from_a_file_loads_model_and_engine_as_classic_scripts(chromium: Any, tmp_path: Path) -> None:
    model = random_model(**DIGIT)
    export_page(model, tmp_path / "digits", classes=[str(i) for i in range(10)])
    html = tmp_path / "page.html"
    html.write_text(f'<script src="{BUNDLE.as_uri()}"></script><script src="digits.js"></script>')
    page = chromium.new_page()
    page.goto(html.as_uri())
    found = page.evaluate(
        "async () => { const vit = await VitEngine.loadViT(vitTutorialModels.digits);"
        " return [vit.classes.join(''), vit.forward(new Float32Array(784)).logits.length]; }"
    )
    assert found == ["0123456789", 10]
    page.close()


@pytest.mark.parametrize(("dtype", "limit"), [("fp32", 1e-4), ("fp16", 5e-3), ("int8", 0.1)])
def test_smaller_weight_formats_stay_close(engine: EnginePage, dtype: str, limit: float) -> None:
    model = random_model(**DIGIT)
    image = random_image(model)
    expected = twin_forward(model, image)["logits"]
    engine.load(model, dtype)
    error = (engine.forward(image)["logits"] - expected).abs().max().item()
    print(
        f"{dtype}: {len(page_model(model, dtype).data)} bytes, logits of size {expected.abs().max():.1f} off by {error:.1e}"
    )
    assert error < limit


def test_int8_agrees_with_pytorch_on_the_top_class_of_random_images(engine: EnginePage) -> None:
    model = random_model(**DIGIT)
    images = torch.randn(200, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    share = top1_agreement(engine, model, images)
    print(f"int8: the same top class on {share:.1%} of 200 random images of a random model")
    assert share >= 0.95  # a random model has no margin between its classes; trained ones are held to more
