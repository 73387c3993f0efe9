"""Rollout, head statistics and occlusion: against hand-computed cases and invariants."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from vit_tutorial.interpret import (
    attention_distance,
    attention_entropy,
    attention_rollout,
    heads_off,
    occlusion,
    record_attention,
)
from vit_tutorial.vit import VisionTransformer, ViTConfig

TINY = ViTConfig(img_size=8, patch_size=4, in_chans=1, num_classes=3, embed_dim=8, depth=2, num_heads=2, reg_tokens=1)


def tiny() -> VisionTransformer:
    torch.manual_seed(0)
    model = VisionTransformer(TINY).eval()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.3 * torch.randn_like(p)
    return model


def one_map(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows)[None, None]  # [1, 1, N, N]


# Rollout


def test_rollout_of_two_tokens_and_two_layers_is_the_product_by_hand() -> None:
    first, second = one_map([[0.0, 1.0], [0.0, 1.0]]), one_map([[1.0, 0.0], [1.0, 0.0]])
    # (first + I) / 2 = [[.5, .5], [0, 1]];  (second + I) / 2 = [[1, 0], [.5, .5]];  second layer times first
    assert_close(attention_rollout([first, second])[0], torch.tensor([[0.5, 0.5], [0.25, 0.75]]))


def test_rollout_is_exact_where_a_network_does_nothing_but_average() -> None:
    maps = [torch.randn(2, 1, 5, 5).softmax(-1) for _ in range(3)]
    start = z = torch.randn(2, 5, 4)
    for weights in maps:
        z = 0.5 * weights[:, 0] @ z + 0.5 * z
    assert_close(attention_rollout(maps) @ start, z)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(1, 4))
def test_rollouts_rows_sum_to_one(batch: int, heads: int, tokens: int, layers: int) -> None:
    rollout = attention_rollout([torch.randn(batch, heads, tokens, tokens).softmax(-1) for _ in range(layers)])
    assert rollout.shape == (batch, tokens, tokens)
    assert_close(rollout.sum(-1), torch.ones(batch, tokens))


def test_rollout_of_layers_that_look_at_themselves_only_is_the_identity() -> None:
    assert_close(attention_rollout([torch.eye(4).expand(1, 3, 4, 4)] * 5)[0], torch.eye(4))


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ([], "no attention maps"),
        ([torch.ones(1, 2, 3, 4) / 4], r"layer 0 has \[1, 2, 3, 4\]"),
        ([torch.ones(1, 1, 2, 2) / 2, torch.ones(1, 1, 3, 3) / 3], r"layer 1 has \[1, 1, 3, 3\]"),
        ([torch.randn(1, 1, 3, 3)], "rows of layer 0 do not sum to 1"),
    ],
)
def test_rollout_refuses_what_is_no_list_of_attention_maps(maps: list[Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attention_rollout(maps)


# Head statistics


def test_uniform_attention_has_entropy_log_n_and_a_single_key_has_none() -> None:
    assert_close(attention_entropy(torch.full((2, 3, 7, 7), 1 / 7)), torch.full((2, 3), math.log(7)))
    assert_close(attention_entropy(torch.eye(7).expand(2, 3, 7, 7)), torch.zeros(2, 3))


def test_entropy_is_torchs_mean_over_the_queries() -> None:
    weights = torch.randn(2, 3, 4, 6).softmax(-1)
    assert_close(attention_entropy(weights), torch.distributions.Categorical(probs=weights).entropy().mean(-1))


def test_distance_of_two_patches_is_the_one_by_hand() -> None:
    weights = one_map([[0.5, 0.5], [0.0, 1.0]])
    assert_close(attention_distance(weights, (1, 2), patch_size=4), torch.tensor([[1.0]]))
    assert_close(attention_distance(weights, (2, 1), patch_size=8), torch.tensor([[2.0]]))


def test_a_head_that_looks_at_itself_has_distance_zero() -> None:
    assert_close(attention_distance(torch.eye(7).expand(2, 3, 7, 7), (2, 3), 4), torch.zeros(2, 3))


def test_prefix_tokens_are_left_out_of_the_distance() -> None:
    patches = torch.randn(1, 2, 6, 6).softmax(-1)
    with_prefix = torch.zeros(1, 2, 8, 8)
    with_prefix[..., 2:, 2:] = 0.7 * patches
    with_prefix[..., 0] = 1 - with_prefix.sum(-1)
    assert_close(attention_distance(with_prefix, (2, 3), 4), attention_distance(patches, (2, 3), 4))


def test_distance_is_between_the_centres_of_the_patches_in_pixels() -> None:
    weights, rows, columns = torch.randn(1, 3, 9, 9).softmax(-1), 2, 4
    centres = torch.cartesian_prod(torch.arange(rows) * 4.0 + 2, torch.arange(columns) * 4.0 + 2)
    on_patches = weights[..., 1:, 1:] / weights[..., 1:, 1:].sum(-1, keepdim=True)
    expected = (on_patches * torch.cdist(centres, centres)).sum(-1).mean(-1)
    assert_close(attention_distance(weights, (rows, columns), 4), expected, atol=1e-4, rtol=0)


def test_distance_refuses_a_grid_with_more_patches_than_tokens() -> None:
    with pytest.raises(ValueError, match="9 patches of a 3x3 grid"):
        attention_distance(torch.eye(4)[None, None], (3, 3), 4)


# Heads off


def test_a_head_that_is_off_is_a_head_whose_columns_of_the_output_map_are_zero() -> None:
    model, other, images = tiny(), tiny(), torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        other.blocks[1].attn.proj.weight[:, 4:8] = 0  # type: ignore[union-attr,index]
    with heads_off(model, [(1, 1)]):
        assert_close(model(images), other(images))


def test_after_the_with_the_heads_are_on_again_even_after_an_error() -> None:
    model, images = tiny(), torch.randn(2, 1, 8, 8)
    before = model(images)
    with heads_off(model, [(0, 0), (0, 1), (1, 0)]):
        assert not torch.allclose(model(images), before)
    with pytest.raises(ValueError, match="channels"), heads_off(model, [(0, 0), (0, 1), (1, 0)]):
        model(torch.zeros(1, 2, 8, 8))
    assert torch.equal(model(images), before)


def test_with_all_heads_off_only_the_output_bias_is_left_of_attention() -> None:
    model, z = tiny(), torch.randn(1, 6, 8)
    attn = model.blocks[0].attn
    with heads_off(model, [(0, 0), (0, 1)]):
        assert_close(attn(z), attn.proj.bias.expand(1, 6, 8))  # type: ignore[union-attr,operator]


def test_heads_off_works_while_attention_is_recorded() -> None:
    model, images = tiny(), torch.randn(1, 1, 8, 8)
    with heads_off(model, [(0, 1)]):
        fused = model(images)
        with record_attention(model) as maps:
            assert_close(model(images), fused)
    assert maps[0].shape == (1, 2, 6, 6)


@pytest.mark.parametrize("head", [(2, 0), (0, 2), (-1, 0)])
def test_a_head_that_is_not_there_is_named(head: tuple[int, int]) -> None:
    with (
        pytest.raises(ValueError, match=rf"no head {head[1]} in layer {head[0]}; the model has 2 layers of 2 heads"),
        heads_off(tiny(), [head]),
    ):
        pass


# Occlusion


class InkOfOnePatch(nn.Module):
    """Class 1's logit is the sum of the lower left 2x2 patch; class 0's is 0."""

    def forward(self, images: Tensor) -> Tensor:
        ink = images[:, 0, 2:, :2].sum((1, 2))
        return torch.stack([torch.zeros_like(ink), ink], dim=1)


def test_occlusion_finds_the_patch_that_the_answer_hangs_on_and_no_other() -> None:
    images = torch.ones(1, 1, 4, 4)
    drop = occlusion(InkOfOnePatch().eval(), images, torch.tensor([1]), patch_size=2)
    expected = torch.zeros(1, 2, 2)
    expected[0, 1, 0] = torch.tensor(4.0).sigmoid() - 0.5
    assert_close(drop, expected)


def test_occlusion_is_negative_where_a_patch_spoke_against() -> None:
    drop = occlusion(InkOfOnePatch().eval(), torch.ones(1, 1, 4, 4), torch.tensor([0]), patch_size=2)
    assert drop[0, 1, 0] < 0


def test_hiding_what_is_not_there_changes_nothing() -> None:
    images = torch.full((3, 1, 8, 8), 0.7)
    assert_close(occlusion(tiny(), images, torch.tensor([0, 1, 2]), 4, fill=0.7), torch.zeros(3, 2, 2))


def test_occlusion_equals_one_image_and_one_patch_at_a_time() -> None:
    model, images, target = tiny(), torch.randn(2, 1, 8, 8), torch.tensor([2, 0])
    drop = occlusion(model, images, target, 4)
    assert drop.shape == (2, 2, 2)
    holed = images[1:].clone()
    holed[:, :, 4:, :4] = 0
    with torch.no_grad():
        expected = model(images[1:]).softmax(-1)[0, 0] - model(holed).softmax(-1)[0, 0]
    assert_close(drop[1, 1, 0], expected)


def test_occlusion_leaves_the_images_alone() -> None:
    images = torch.randn(1, 1, 8, 8)
    before = images.clone()
    occlusion(tiny(), images, torch.tensor([0]), 4)
    assert torch.equal(images, before)


def test_occlusion_refuses_what_would_give_random_or_wrong_numbers() -> None:
    model, images = tiny(), torch.zeros(2, 1, 8, 8)
    with pytest.raises(ValueError, match="training mode"):
        occlusion(tiny().train(), images, torch.tensor([0, 0]), 4)
    with pytest.raises(ValueError, match=r"2 images need 2 targets, got shape \[1\]"):
        occlusion(model, images, torch.tensor([0]), 4)
    with pytest.raises(ValueError, match="not divisible by patch size 3"):
        occlusion(model, images, torch.tensor([0, 0]), 3)
