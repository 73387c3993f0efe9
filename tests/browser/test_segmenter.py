"""A segmenter in the page computes what PyTorch computes: the logits of every cell, with linear head and mask transformer, hidden patches too."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from engine_page import EnginePage, random_image
from engine_twin import twin_forward
from torch import Tensor

from vit_tutorial.enlarge import classes_of_pixels
from vit_tutorial.heads import LinearSegmenter, MaskSegmenter, Segmenter, SegmenterConfig
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.widgets.models.export import page_model
from vit_tutorial.widgets.models.page_model import build_page_model

SCENE = {"img_size": (24, 32), "patch_size": 4, "in_chans": 1, "num_classes": 0, "embed_dim": 96, "depth": 4, "num_heads": 4, "mlp_ratio": 2.0}  # fmt: skip
MODELS: dict[str, tuple[dict[str, Any], SegmenterConfig]] = {
    "scenes, linear, a score for every pixel": (SCENE, SegmenterConfig(11, head_cells=4)),
    "scenes, mask transformer": (SCENE | {"pos_embed": "sincos2d"}, SegmenterConfig(11, "mask_transformer", 4)),
    "photographs: mean pooling, cells of two pixels, three classes": (
        SCENE | {"in_chans": 3, "class_token": False, "global_pool": "avg", "init_values": 0.5},
        SegmenterConfig(3, head_cells=2),
    ),
    "one cell a patch, registers, no qkv bias, own heads": (
        SCENE | {"img_size": (12, 20), "reg_tokens": 2, "qkv_bias": False, "norm_eps": 1e-2, "depth": 2},
        SegmenterConfig(2, "mask_transformer", head_depth=1, head_num_heads=6),
    ),
}
each_model = pytest.mark.parametrize(("fields", "head"), MODELS.values(), ids=MODELS)


def random_segmenter(fields: dict[str, Any], head: SegmenterConfig) -> Segmenter:
    """In which every part matters: see random_model of engine_page."""
    torch.manual_seed(0)
    model = head.build(VisionTransformer(ViTConfig(**fields))).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5 if name.endswith("weight") else 0.5)
            parameter += 0.02 * torch.randn_like(parameter)
    return model


@torch.no_grad()
def twin_segment(model: Segmenter, image: Tensor, hide: list[int]) -> Tensor:
    """The logits of cells [K, s rows, s columns], written a second time from the formulas; hidden patches are looked at by nobody."""
    encoder = model.encoder
    n = encoder.patch_embed.num_patches
    features = encoder.fc_norm(twin_forward(encoder, image, hide=hide)["features"])[-n:]
    if isinstance(model, LinearSegmenter):
        scores = model.head(features).reshape(n, -1, model.cells**2)  # [n, K, s*s]
    else:
        assert isinstance(model, MaskSegmenter)
        head = model.head
        z = torch.cat([head.proj_dec(features), head.cls_emb[0]])
        seen = torch.tensor([i not in hide for i in range(len(z))])
        for block in head.blocks:
            z = z + block.attn(block.norm1(z)[None], seen[None, None, None])[0]
            z = z + block.mlp(block.norm2(z))
        z = head.decoder_norm(z)
        cells = (z[:n] @ head.proj_patch).reshape(n, model.cells**2, -1)
        classes = z[n:] @ head.proj_classes
        cosines = torch.einsum("nsd,kd->nsk", cells, classes) / cells.norm(dim=-1, keepdim=True) / classes.norm(dim=-1)
        scores = head.mask_norm(cosines).transpose(1, 2)  # [n, K, s*s]
    (rows, columns), s = encoder.grid_size, model.cells
    return scores.reshape(rows, columns, -1, s, s).permute(2, 0, 3, 1, 4).reshape(-1, rows * s, columns * s)


class SegmenterPage:
    """A page with the script of the figure of scenes, which holds the engine for segmenters."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.engine = EnginePage(
            browser, folder, Path(__file__).parents[2] / "vit_tutorial/widgets/scene_segmenter/dist/vit-scenes.js"
        )
        self.run = self.engine.run

    def load(self, model: Segmenter, dtype: str = "fp32", simd: bool = True) -> str:
        page = page_model(model, dtype)
        argument = [page.manifest, base64.b64encode(page.data).decode(), simd]
        return self.engine.page.evaluate(
            "async ([m, b, simd]) => { globalThis.model = await VitSegmenter.loadSegmenter(m, b, { simd }); return model.kernel; }",
            argument,
        )

    def forward(self, image: Tensor, hide: list[int] | None = None) -> tuple[Tensor, Tensor]:
        """(logits of cells, classes of pixels), both flat."""
        found = self.run(
            "(() => { const { logits, mask } = model.forward(image, { hide }); return { logits, mask: Array.from(mask) }; })()",
            image=image,
            hide=hide or [],
        )
        return found["logits"], torch.tensor(found["mask"])


@pytest.fixture(scope="module")
def page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> SegmenterPage:
    return SegmenterPage(chromium, tmp_path_factory.mktemp("segmenter"))


@each_model
def test_the_twin_with_nothing_hidden_is_the_model(fields: dict[str, Any], head: SegmenterConfig) -> None:
    model = random_segmenter(fields, head)
    image = random_image(model.encoder)
    with torch.no_grad():
        torch.testing.assert_close(
            twin_segment(model, image, []), model.patch_logits(image[None])[0], atol=5e-5, rtol=0
        )


@pytest.mark.parametrize("simd", [True, False], ids=["wasm", "plain JavaScript"])
@each_model
def test_every_cells_logits_equal_pytorchs(
    page: SegmenterPage, fields: dict[str, Any], head: SegmenterConfig, simd: bool
) -> None:
    model = random_segmenter(fields, head)
    image = random_image(model.encoder)
    assert page.load(model, simd=simd) == ("wasm-simd" if simd else "javascript")
    for hide in ([], [0, 5, 7]):
        expected = twin_segment(model, image, hide)
        logits, mask = page.forward(image, hide)
        error = (logits.reshape(expected.shape) - expected).abs().max().item()
        print(f"{len(hide)} hidden: {error:.1e}")
        assert error < 1e-4
        height, width = image.shape[-2:]
        assert (
            mask.reshape(height, width) == classes_of_pixels(expected[None], (height, width))[0]
        ).float().mean() > 0.999


@each_model
def test_hiding_a_patch_changes_what_the_others_say(
    page: SegmenterPage, fields: dict[str, Any], head: SegmenterConfig
) -> None:
    model = random_segmenter(fields, head)
    image = random_image(model.encoder)
    page.load(model)
    assert (page.forward(image, [3])[0] - page.forward(image)[0]).abs().max() > 1e-3


@each_model
def test_rounded_weights_give_the_page_what_they_give_python(
    page: SegmenterPage, fields: dict[str, Any], head: SegmenterConfig
) -> None:
    """In 8 bit the page runs other weights than the model's: those that build_page_model reads, to which it is compared."""
    model = random_segmenter(fields, head)
    image = random_image(model.encoder)
    page.load(model, "int8")
    exported = page_model(model, "int8")
    rounded = build_page_model(exported.manifest, exported.data)
    assert isinstance(rounded, Segmenter)
    with torch.no_grad():
        expected = rounded.patch_logits(image[None])[0]
    assert (page.forward(image)[0].reshape(expected.shape) - expected).abs().max() < 1e-4


@pytest.mark.parametrize(("H", "W"), [(6, 8), (24, 32), (7, 13), (3, 5)])
def test_scores_are_enlarged_as_pytorch_does(page: SegmenterPage, H: int, W: int) -> None:
    maps = torch.randn(3, 6, 8)
    expected = F.interpolate(maps[None], (H, W), mode="bilinear", align_corners=False)[0]
    found = page.run(f"VitSegmenter.enlarge(maps, 3, 6, 8, {H}, {W})", maps=maps)
    torch.testing.assert_close(found.reshape(expected.shape), expected, atol=1e-5, rtol=0)


def test_a_file_that_holds_no_segmenter_is_named(page: SegmenterPage) -> None:
    classifier = page_model(VisionTransformer(ViTConfig(**{**SCENE, "num_classes": 3})))
    said = page.engine.page.evaluate(
        "([m, b]) => VitSegmenter.loadSegmenter(m, b).catch((error) => error.message)",
        [classifier.manifest, base64.b64encode(classifier.data).decode()],
    )
    assert said == "no segmenter for this page: its head is undefined; known: linear,mask_transformer"
