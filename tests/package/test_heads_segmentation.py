"""Segmenters: a linear map or a mask transformer on the patch tokens, enlarged to pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from vit_tutorial.data import digit_scenes
from vit_tutorial.heads import LinearSegmenter, MaskSegmenter, MaskTransformer, QuerySegmenter, Segmenter
from vit_tutorial.losses.segmentation import cross_entropy
from vit_tutorial.vit import VisionTransformer, ViTConfig


def encoder(size: tuple[int, int] = (8, 12), patch: int = 4, **options: object) -> VisionTransformer:
    config = {"embed_dim": 16, "depth": 2, "num_heads": 2, "pos_embed_std": 0.5, "num_classes": 0, "in_chans": 1}
    return VisionTransformer(ViTConfig.from_dict({**config, "img_size": size, "patch_size": patch, **options}))


S = TypeVar("S", bound=Segmenter)


def jittered(model: S) -> S:
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


def test_an_encoder_that_drops_patches_is_refused() -> None:
    with pytest.raises(ValueError, match=r"patch_drop_rate is 0\.5, but masks need every patch; set it to 0"):
        LinearSegmenter(encoder(patch_drop_rate=0.5), 3)


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


# cells


def test_cells_are_scored_where_they_lie() -> None:
    """The weights of class 1, cell (1, 0) alone: only the lower left quarter of each patch answers."""
    model, images = LinearSegmenter(encoder(), 3, cells=2), torch.randn(2, 1, 8, 12)
    torch.nn.init.zeros_(model.head.weight)
    with torch.no_grad():
        model.head.bias.zero_()[1 * 4 + 1 * 2 + 0] = 1.0
    scores = model.patch_logits(images)
    assert scores.shape == (2, 3, 4, 6)
    assert scores[:, 1, 1::2, 0::2].eq(1).all()
    assert scores.sum() == 2 * 2 * 3


def test_with_a_cell_a_pixel_nothing_is_enlarged() -> None:
    model, images = jittered(LinearSegmenter(encoder(), 3, cells=4)), torch.randn(2, 1, 8, 12)
    assert_close(model(images), model.patch_logits(images))


@pytest.mark.parametrize("head", [LinearSegmenter, MaskSegmenter])
def test_no_cell_is_refused(head: type[LinearSegmenter] | type[MaskSegmenter]) -> None:
    with pytest.raises(ValueError, match="cells is 0; a patch is scored in at least one cell"):
        head(encoder(), 2, cells=0)


# the mask transformer


def mask_transformer_by_loop(head: MaskTransformer, tokens: Tensor) -> Tensor:
    """Scores patch by patch and class by class, as the paper's text says it."""
    K, width = head.cls_emb.shape[1], head.proj_classes.shape[1]
    cells = head.proj_patch.shape[1] // width
    out = tokens.new_zeros(len(tokens), tokens.shape[1], K * cells)
    for b, image in enumerate(tokens):
        z = torch.stack([head.proj_dec(token) for token in image] + list(head.cls_emb[0]))[None]
        for block in head.blocks:
            z = block(z)
        z = head.decoder_norm(z)[0]
        for n in range(len(image)):
            for cell, projection in enumerate(head.proj_patch.split(width, dim=1)):
                p = z[n] @ projection
                cosines = []
                for k in range(K):
                    q = z[len(image) + k] @ head.proj_classes
                    cosines.append((p * q).sum() / (p.norm() * q.norm()))
                out[b, n, cell::cells] = head.mask_norm(torch.stack(cosines))
    return out


@pytest.mark.parametrize("cells", [1, 3])
def test_the_mask_transformers_values_and_gradients_are_those_of_a_loop(cells: int) -> None:
    torch.manual_seed(0)
    head, tokens = MaskTransformer(16, 3, depth=2, num_heads=2, cells=cells).double(), torch.randn(2, 6, 16).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    ours, loop = head(tokens), mask_transformer_by_loop(head, tokens)
    assert_close(ours, loop, atol=1e-9, rtol=1e-9)
    weights = torch.randn_like(ours)
    parameters = list(head.parameters())
    for a, b in zip(
        torch.autograd.grad((weights * ours).sum(), parameters), torch.autograd.grad((weights * loop).sum(), parameters)
    ):
        assert_close(a, b, atol=1e-9, rtol=1e-7)


def test_permuted_patches_give_permuted_scores() -> None:
    head, tokens, order = MaskTransformer(16, 3, num_heads=2), torch.randn(2, 6, 16), torch.randperm(6)
    assert_close(head(tokens[:, order]), head(tokens)[:, order], atol=1e-5, rtol=1e-4)


def test_permuted_classes_give_permuted_scores() -> None:
    head, tokens, order = MaskTransformer(16, 5, num_heads=2), torch.randn(2, 6, 16), torch.randperm(5)
    before = head(tokens)
    with torch.no_grad():
        head.cls_emb.copy_(head.cls_emb[:, order])
    assert_close(head(tokens), before[..., order], atol=1e-5, rtol=1e-4)


def test_the_scores_of_a_patch_depend_on_the_rest_of_the_image_unlike_a_linear_heads() -> None:
    head, tokens = MaskTransformer(16, 3, num_heads=2), torch.randn(1, 6, 16)
    other = torch.cat([tokens[:, :5], torch.randn(1, 1, 16)], dim=1)
    assert (head(tokens)[:, 0] - head(other)[:, 0]).abs().max() > 1e-3


def test_a_mask_segmenter_scores_every_pixel() -> None:
    model, images = MaskSegmenter(encoder(reg_tokens=2), 3, depth=1), torch.randn(2, 1, 8, 12)
    assert model.patch_logits(images).shape == (2, 3, 2, 3)
    assert_close(model(images), enlarged_by_loop(model.patch_logits(images), 4))


def test_a_mask_segmenters_cells_lie_as_the_linear_ones() -> None:
    model, images = MaskSegmenter(encoder(), 3, depth=1, cells=2), torch.randn(2, 1, 8, 12)
    found = model.patch_logits(images)
    tokens = model.encoder.fc_norm(model.encoder.forward_features(images))[:, model.encoder.num_prefix_tokens :]
    scores = model.head(tokens).unflatten(2, (3, 2, 2))  # [B, N, K, row in the patch, column in it]
    for n in range(6):
        rows, columns = slice(2 * (n // 3), 2 * (n // 3) + 2), slice(2 * (n % 3), 2 * (n % 3) + 2)
        assert_close(found[:, :, rows, columns], scores[:, n])


def test_a_mask_transformer_of_one_class_or_no_block_is_refused() -> None:
    for K, depth in ((1, 2), (3, 0)):
        with pytest.raises(ValueError, match=f"got num_classes={K}, depth={depth}; .* use LinearSegmenter"):
            MaskSegmenter(encoder(), K, depth)
    with pytest.raises(ValueError, match="width 16 is not divisible by 3 heads"):
        MaskSegmenter(encoder(), 2, num_heads=3)


# class queries


def test_queries_join_the_last_blocks_only_and_are_compared_with_the_patches() -> None:
    torch.manual_seed(0)
    model, images = jittered(QuerySegmenter(encoder(reg_tokens=2), 5, depth=1)), torch.randn(2, 1, 8, 12)
    z = model.encoder.blocks[0](model.encoder.embed(images))  # [B, 3 + 6, D]
    z = torch.cat([z, model.head.queries.expand(2, -1, -1)], dim=1)  # behind or before: tokens have no order
    z = model.encoder.norm(model.encoder.blocks[1](z))
    scores = torch.stack([z[:, 3:9] @ model.head.mask_head(z[:, 9 + k])[..., None] for k in range(5)], 1) / 16**0.5
    assert_close(model.patch_logits(images).flatten(2), scores[..., 0], atol=1e-5, rtol=1e-4)


def test_patches_look_at_the_queries() -> None:
    model, images = QuerySegmenter(encoder(), 3, depth=1), torch.randn(1, 1, 8, 12)
    before = model.patch_logits(images)
    with torch.no_grad():
        model.head.queries[:, 2].neg_()  # adding a number to all of it would be undone by LayerNorm
    assert (model.patch_logits(images)[:, :2] - before[:, :2]).abs().max() > 1e-4


def test_permuted_queries_give_permuted_scores() -> None:
    model, images, order = QuerySegmenter(encoder(), 5), torch.randn(2, 1, 8, 12), torch.randperm(5)
    before = model.patch_logits(images)
    with torch.no_grad():
        model.head.queries.copy_(model.head.queries[:, order])
    assert_close(model.patch_logits(images), before[:, order], atol=1e-5, rtol=1e-4)


def test_more_blocks_than_the_encoder_has_are_refused() -> None:
    for depth in (0, 3):
        with pytest.raises(ValueError, match=f"depth is {depth}; queries can join the last 1 to 2 blocks"):
            QuerySegmenter(encoder(), 3, depth)


@pytest.mark.parametrize("make", [LinearSegmenter, MaskSegmenter, QuerySegmenter])
def test_a_segmenter_learns_scenes_by_its_patches_scores_alone(make: Callable[..., Segmenter]) -> None:
    """Four scenes by heart: the loss enlarges the scores itself, and falls by half."""
    torch.manual_seed(0)
    scenes = digit_scenes(4, (16, 24), 2)
    images, targets = scenes.images.float() / 255, scenes.class_masks
    model = make(encoder((16, 24), 4), 11, pixels=False)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    losses = []
    for _ in range(25):
        losses.append(cross_entropy(model(images), targets))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert model(images).shape == (4, 11, 4, 6)
    assert losses[-1] < 0.5 * losses[0]
