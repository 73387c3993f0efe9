"""A masked autoencoder in the page computes what PyTorch computes: every patch's pixels, whatever is hidden."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_page import EnginePage, random_image
from torch import Tensor

from vit_tutorial.patches import patchify
from vit_tutorial.pretraining import MaskedAutoencoder
from vit_tutorial.pretraining.mae import masked_mse
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.widgets.models.export import page_model
from vit_tutorial.widgets.models.page_model import build_page_model

BUNDLE = Path(__file__).parents[2] / "vit_tutorial/widgets/patch_masker/dist/vit-masking.js"
GARMENT = {"img_size": 28, "patch_size": 4, "in_chans": 1, "num_classes": 0, "embed_dim": 48, "depth": 2, "num_heads": 4, "mlp_ratio": 2.0}  # fmt: skip
MODELS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "garments": (GARMENT, {"decoder_dim": 64, "decoder_depth": 2, "decoder_heads": 4, "mlp_ratio": 2.0}),
    "colour, not square, registers, targets normalised": (
        GARMENT | {"img_size": (12, 20), "in_chans": 3, "reg_tokens": 2, "pos_embed": "sincos2d", "init_values": 0.5},
        {"decoder_dim": 24, "decoder_depth": 1, "decoder_heads": 2, "norm_targets": True},
    ),
    "no class token, the mean is pooled, no qkv bias": (
        GARMENT | {"class_token": False, "global_pool": "avg", "qkv_bias": False, "norm_eps": 1e-3},
        {"decoder_dim": 32, "decoder_depth": 1, "decoder_heads": 4},
    ),
    "an encoder that still has its classes": (
        GARMENT | {"num_classes": 7},
        {"decoder_dim": 16, "decoder_depth": 1, "decoder_heads": 1},
    ),
}
each_model = pytest.mark.parametrize(("fields", "decoder"), MODELS.values(), ids=MODELS)


def random_autoencoder(fields: dict[str, Any], decoder: dict[str, Any]) -> MaskedAutoencoder:
    """In which every part matters: see random_model of engine_page."""
    torch.manual_seed(0)
    model = MaskedAutoencoder(VisionTransformer(ViTConfig(**fields)), **decoder).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5 if name.endswith("weight") else 0.5)
            parameter += 0.02 * torch.randn_like(parameter)
    return model


def mask_of(model: MaskedAutoencoder, hide: list[int]) -> Tensor:
    return torch.tensor([[i in hide for i in range(model.encoder.patch_embed.num_patches)]])


class AutoencoderPage:
    """A page with the script of the figure, which holds the engine for masked autoencoders."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.engine = EnginePage(browser, folder, BUNDLE)

    def load(self, model: MaskedAutoencoder, dtype: str = "fp32", simd: bool = True) -> str:
        page = page_model(model, dtype)
        return str(
            self.engine.page.evaluate(
                "async ([m, b, simd]) => { globalThis.model = await VitAutoencoder.loadAutoencoder(m, b, { simd }); return model.kernel; }",
                [page.manifest, base64.b64encode(page.data).decode(), simd],
            )
        )

    def forward(self, image: Tensor, hide: list[int]) -> dict[str, Any]:
        """``prediction``, ``painted`` and the two ``errors``; and the encoder's ``features``."""
        expression = (
            "(() => { const { prediction, painted, encoder } = model.forward(image, { hide });"
            " return { prediction, painted, features: encoder.features, errors: VitAutoencoder.errors(image, painted, hide, model.shape) }; })()"
        )
        return dict(self.engine.run(expression, image=image, hide=hide))


@pytest.fixture(scope="module")
def page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> AutoencoderPage:
    return AutoencoderPage(chromium, tmp_path_factory.mktemp("autoencoder"))


@pytest.mark.parametrize("simd", [True, False], ids=["wasm", "plain JavaScript"])
@each_model
def test_every_patch_is_painted_as_pytorch_paints_it(
    page: AutoencoderPage, fields: dict[str, Any], decoder: dict[str, Any], simd: bool
) -> None:
    model = random_autoencoder(fields, decoder)
    image = random_image(model.encoder)
    assert page.load(model, simd=simd) == ("wasm-simd" if simd else "javascript")
    n = model.encoder.patch_embed.num_patches
    for hide in ([], [3], list(range(0, n, 2)), list(range(1, n))):
        mask = mask_of(model, hide)
        with torch.no_grad():
            expected = model.decode(model.encode(image[None], mask), mask)[0]
        painted = model.reconstruct(image[None], mask)[0][0]
        found = page.forward(image, hide)
        error = (found["prediction"].reshape(expected.shape) - expected).abs().max().item()
        print(f"{len(hide)} of {n} hidden: {error:.1e}")
        assert error < 1e-4
        torch.testing.assert_close(found["painted"].reshape(painted.shape), painted, atol=1e-4, rtol=0)


@each_model
def test_what_a_hidden_patch_shows_reaches_nothing(
    page: AutoencoderPage, fields: dict[str, Any], decoder: dict[str, Any]
) -> None:
    model = random_autoencoder(fields, decoder)
    image = random_image(model.encoder)
    page.load(model)
    hide, prefix = [0, 4, 7], model.encoder.num_prefix_tokens
    other = image.clone()
    other[:, :4, :4] += 1  # patch 0
    seen = [i for i in range(model.encoder.patch_embed.num_patches) if i not in hide]
    first, second = page.forward(image, hide), page.forward(other, hide)
    assert torch.equal(first["prediction"], second["prediction"])
    D = model.encoder.config.embed_dim
    features = [
        result["features"].reshape(-1, D)[[*range(prefix), *(prefix + i for i in seen)]] for result in (first, second)
    ]
    assert torch.equal(*features)
    with torch.no_grad():
        expected = model.encode(image[None], mask_of(model, hide))[0]  # of the visible patches alone
    torch.testing.assert_close(model.encoder.fc_norm(features[0]), expected, atol=1e-4, rtol=0)
    assert not torch.equal(page.forward(other, hide[1:])["prediction"], page.forward(image, hide[1:])["prediction"])


def test_the_errors_are_the_loss_and_that_of_a_guess(page: AutoencoderPage) -> None:
    model = random_autoencoder(*MODELS["garments"])
    image, hide = random_image(model.encoder), [1, 2, 8, 30]
    page.load(model)
    mask, patches = mask_of(model, hide), patchify(image[None], 4)
    errors = page.forward(image, hide)["errors"]
    with torch.no_grad():
        assert errors["painted"] == pytest.approx(model.loss(image[None], mask).item(), rel=1e-4)
    guess = patches[~mask].mean().expand_as(patches)
    assert errors["guess"] == pytest.approx(masked_mse(guess, patches, mask).item(), rel=1e-4)


@each_model
def test_rounded_weights_give_the_page_what_they_give_python(
    page: AutoencoderPage, fields: dict[str, Any], decoder: dict[str, Any]
) -> None:
    """In 8 bit the page runs other weights than the model's: those that build_page_model reads, to which it is compared."""
    model = random_autoencoder(fields, decoder)
    image, hide = random_image(model.encoder), [2, 3, 5, 6]
    page.load(model, "int8")
    exported = page_model(model, "int8")
    rounded = build_page_model(exported.manifest, exported.data)
    assert isinstance(rounded, MaskedAutoencoder)
    assert rounded.norm_targets == model.norm_targets
    expected = rounded.reconstruct(image[None], mask_of(model, hide))[0][0]
    torch.testing.assert_close(
        page.forward(image, hide)["painted"].reshape(expected.shape), expected, atol=1e-4, rtol=0
    )
    assert (expected - model.reconstruct(image[None], mask_of(model, hide))[0][0]).abs().max() > 1e-4


@pytest.mark.parametrize("sampling", ["random", "block", "grid"])
def test_patches_are_hidden_as_the_sampling_says(page: AutoencoderPage, sampling: str) -> None:
    shape = {"rows": 7, "columns": 7, "patches": 49}
    draws = [page.engine.run(f"VitAutoencoder.order('{sampling}', {shape})") for _ in range(20)]
    assert all(sorted(draw) == list(range(49)) for draw in draws)
    assert len({tuple(draw) for draw in draws}) == 20
    for draw in draws:
        places = [divmod(patch, 7) for patch in draw]
        if sampling == "grid":
            assert all(row % 2 == 0 and column % 2 == 0 for row, column in places[33:])
        if sampling == "block":  # the first nine fit in a square of four
            rows, columns = zip(*places[:9])
            assert max(max(rows) - min(rows), max(columns) - min(columns)) <= 3
    if sampling == "random":
        assert len({draw[0] for draw in draws}) > 5


def test_a_file_that_holds_no_autoencoder_is_named(page: AutoencoderPage) -> None:
    encoder = page_model(VisionTransformer(ViTConfig(**GARMENT)))
    said = page.engine.page.evaluate(
        "([m, b]) => VitAutoencoder.loadAutoencoder(m, b).catch((error) => error.message)",
        [encoder.manifest, base64.b64encode(encoder.data).decode()],
    )
    assert said == "no masked autoencoder for this page: its manifest describes no decoder"
