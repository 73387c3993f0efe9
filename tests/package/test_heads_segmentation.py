"""The linear segmenter: one linear map a patch token, enlarged to pixels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from vit_tutorial.heads import LinearSegmenter
from vit_tutorial.vit import VisionTransformer, ViTConfig


def encoder(size: tuple[int, int] = (8, 12), patch: int = 4, **options: object) -> VisionTransformer:
    config = {"embed_dim": 16, "depth": 2, "num_heads": 2, "pos_embed_std": 0.5, "num_classes": 0, "in_chans": 1}
    return VisionTransformer(ViTConfig.from_dict({**config, "img_size": size, "patch_size": patch, **options}))


def jittered(model: LinearSegmenter) -> LinearSegmenter:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model


def enlarged_by_loop(patch_logits: Tensor, patch: int) -> Tensor:
    """Bilinear enlargement as its definition says it: a pixel mixes the four patches whose centres surround its own centre."""
    B, K, rows, columns = patch_logits.shape
    out = torch.zeros(B, K, rows * patch, columns * patch)
    for y in range(rows * patch):
        for x in range(columns * patch):
            r = min(max((y + 0.5) / patch - 0.5, 0), rows - 1)
            c = min(max((x + 0.5) / patch - 0.5, 0), columns - 1)
            r0, c0 = int(r), int(c)
            r1, c1 = min(r0 + 1, rows - 1), min(c0 + 1, columns - 1)
            a, b = r - r0, c - c0
            upper = (1 - b) * patch_logits[..., r0, c0] + b * patch_logits[..., r0, c1]
            lower = (1 - b) * patch_logits[..., r1, c0] + b * patch_logits[..., r1, c1]
            out[..., y, x] = (1 - a) * upper + a * lower
    return out


def by_loop(model: LinearSegmenter, images: Tensor) -> Tensor:
    """Logits of each pixel, patch by patch and pixel by pixel."""
    tokens = model.encoder.forward_features(images)[:, 1:]
    rows, columns = model.encoder.grid_size
    grid = torch.stack(
        [
            torch.stack([model.head.weight @ token[r * columns + c] + model.head.bias for c in range(columns)], dim=-1)
            for token in tokens
            for r in range(rows)
        ]
    ).reshape(len(images), rows, -1, columns)
    return enlarged_by_loop(grid.transpose(1, 2), model.encoder.config.patch_size)


def test_values_are_those_of_a_loop_over_patches_and_pixels() -> None:
    model, images = jittered(LinearSegmenter(encoder(), 3)), torch.randn(2, 1, 8, 12)
    assert_close(model(images), by_loop(model, images), atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_the_loop() -> None:
    model, images = jittered(LinearSegmenter(encoder(), 3)), torch.randn(2, 1, 8, 12)
    targets = torch.randint(3, (2, 8, 12))
    parameters = [model.head.weight, model.head.bias, model.encoder.patch_embed.proj.weight]
    ours = torch.autograd.grad(F.cross_entropy(model(images), targets), parameters)
    loop = torch.autograd.grad(F.cross_entropy(by_loop(model, images), targets), parameters)
    for a, b in zip(ours, loop):
        assert_close(a, b, atol=1e-6, rtol=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_logits_have_a_score_a_class_a_pixel(batch: int, rows: int, columns: int, patch: int, classes: int) -> None:
    model = LinearSegmenter(encoder((rows * patch, columns * patch), patch), classes)
    images = torch.randn(batch, 1, rows * patch, columns * patch)
    assert model.patch_logits(images).shape == (batch, classes, rows, columns)
    assert model(images).shape == (batch, classes, rows * patch, columns * patch)


def test_patch_n_answers_for_row_n_div_columns_and_column_n_mod_columns() -> None:
    model, images = jittered(LinearSegmenter(encoder(), 3)), torch.randn(1, 1, 8, 12)
    tokens = model.encoder.forward_features(images)[0, 1:]
    assert_close(model.patch_logits(images)[0, :, 1, 2], model.head(tokens[1 * 3 + 2]))


def test_with_patches_of_one_pixel_nothing_is_enlarged() -> None:
    model, images = LinearSegmenter(encoder((3, 4), 1), 2), torch.randn(2, 1, 3, 4)
    assert_close(model(images), model.patch_logits(images))


@pytest.mark.parametrize(
    "options",
    [{"reg_tokens": 2}, {"class_token": False, "global_pool": "avg"}, {"global_pool": "avg"}],
    ids=["registers", "no class token", "class token, mean pooling"],
)
def test_class_token_and_registers_are_not_read(options: dict) -> None:
    torch.manual_seed(0)
    model, images = LinearSegmenter(encoder(**options), 3), torch.randn(2, 1, 8, 12)
    tokens = model.encoder.fc_norm(model.encoder.forward_features(images))[:, -6:]  # the patches come last
    assert_close(model.patch_logits(images).flatten(2).transpose(1, 2), model.head(tokens))


def test_a_fresh_segmenters_loss_is_near_log_k() -> None:
    torch.manual_seed(0)
    model, images = LinearSegmenter(encoder(), 5), torch.randn(4, 1, 8, 12)
    loss = F.cross_entropy(model(images), torch.randint(5, (4, 8, 12)))
    assert abs(loss.item() - torch.tensor(5.0).log().item()) < 0.1


def test_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one class, got num_classes=0"):
        LinearSegmenter(encoder(), 0)


def test_an_image_of_another_size_is_refused_by_the_encoder() -> None:
    with pytest.raises(ValueError, match="the model takes images of 8x12 pixels, these have 12x8"):
        LinearSegmenter(encoder(), 2)(torch.zeros(1, 1, 12, 8))
