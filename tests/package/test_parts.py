"""The parts alone: patches, positions, attention, feed-forward, blocks."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from vit_tutorial.attention import Attention, CrossAttention, attention, attention_weights, causal_mask, split_heads
from vit_tutorial.blocks import DecoderBlock, DropPath, EncoderBlock, LayerScale
from vit_tutorial.feedforward import FeedForward, gelu
from vit_tutorial.patches import PatchEmbed, patchify, unpatchify
from vit_tutorial.positions import resize_pos_embed, sinusoidal_1d, sinusoidal_2d


def jitter(module: nn.Module, seed: int = 0) -> nn.Module:
    """Add N(0, 0.02) to every parameter, so that no bias or gain is at a value that hides a mistake."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p += 0.02 * torch.randn(p.shape, generator=generator)
    return module


# Patches


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(1, 4))
def test_unpatchify_undoes_patchify(batch: int, channels: int, rows: int, columns: int, patch: int) -> None:
    images = torch.randn(batch, channels, rows * patch, columns * patch)
    patches = patchify(images, patch)
    assert patches.shape == (batch, rows * columns, channels * patch * patch)
    assert_close(unpatchify(patches, patch, (rows, columns)), images)


def test_patch_n_is_the_square_in_row_n_div_columns_and_column_n_mod_columns() -> None:
    images = torch.randn(2, 3, 8, 12)
    patches = patchify(images, 4)  # a 2 x 3 grid
    assert_close(patches[:, 4], images[:, :, 4:8, 4:8].flatten(1))


def test_patchify_orders_a_patch_as_torchs_unfold_does() -> None:
    images = torch.randn(2, 3, 8, 12)
    assert_close(patchify(images, 4), F.unfold(images, 4, stride=4).transpose(1, 2))


def test_patch_embedding_is_patchify_and_one_matrix() -> None:
    embed = jitter(PatchEmbed((8, 12), 4, 3, 10))
    images = torch.randn(2, 3, 8, 12)
    assert isinstance(embed, PatchEmbed)
    by_hand = patchify(images, 4) @ embed.proj.weight.flatten(1).T + embed.proj.bias
    assert_close(embed(images), by_hand, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (3, 8, 8),
            r"expected a batch of images \[B, C, H, W\], got 3 dimensions \(3, 8, 8\); add the batch dimension",
        ),
        ((2, 1, 8, 8), "the model takes 3 channels, the images have 1"),
        ((2, 3, 8, 12), "the model takes images of 8x8 pixels, these have 8x12"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused_with_its_values(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PatchEmbed(8, 4, 3, 10)(torch.zeros(shape))


def test_a_patch_size_that_does_not_divide_the_image_is_refused_with_sizes_that_do() -> None:
    with pytest.raises(ValueError, match=r"image height 28 is not divisible by patch size 16; choose 2, 4, 7, 14"):
        PatchEmbed(28, 16, 1, 10)
    with pytest.raises(ValueError, match=r"image width 13 is not divisible by patch size 4; choose 13"):
        patchify(torch.zeros(1, 1, 13 * 4, 13), 4)


def test_unpatchify_refuses_a_grid_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="5 patches of length 16 do not fill a 2x2 grid"):
        unpatchify(torch.zeros(1, 5, 16), 4, (2, 2))


# Positions


def test_a_shift_of_the_position_rotates_every_pair() -> None:
    dim, shift = 16, 5.0
    here, there = sinusoidal_1d(torch.tensor([3.0, 3.0 + shift]), dim)
    frequencies = 10_000.0 ** (-torch.arange(0, dim, 2) / dim)
    sin, cos = here.split(dim // 2)
    rotated_sin = sin * (frequencies * shift).cos() + cos * (frequencies * shift).sin()
    rotated_cos = cos * (frequencies * shift).cos() - sin * (frequencies * shift).sin()
    assert_close(torch.cat([rotated_sin, rotated_cos]), there, atol=1e-5, rtol=0)


def test_the_first_pair_turns_by_one_radian_a_position() -> None:
    e = sinusoidal_1d(4, 6)
    assert_close(e[:, 0], torch.arange(4.0).sin())
    assert_close(e[:, 3], torch.arange(4.0).cos())


def test_the_grid_embedding_holds_the_row_in_one_half_and_the_column_in_the_other() -> None:
    e = sinusoidal_2d((3, 5), 8).reshape(3, 5, 8)
    for row in range(3):
        for column in range(5):
            assert_close(e[row, column], torch.cat([sinusoidal_1d(3, 4)[row], sinusoidal_1d(5, 4)[column]]))


def test_no_two_places_share_a_sinusoidal_embedding() -> None:
    e = sinusoidal_2d((14, 14), 64)
    distances = torch.cdist(e, e) + 10 * torch.eye(len(e))
    assert distances.min() > 0.1


@pytest.mark.parametrize(
    ("function", "dim"), [(lambda d: sinusoidal_1d(4, d), 7), (lambda d: sinusoidal_2d((2, 2), d), 6)]
)
def test_a_width_that_cannot_be_paired_is_refused(function, dim: int) -> None:
    with pytest.raises(ValueError, match=str(dim)):
        function(dim)


def test_resizing_equals_timms_and_leaves_the_prefix_alone() -> None:
    from timm.layers import resample_abs_pos_embed

    pos = torch.randn(1, 2 + 7 * 7, 12)
    ours = resize_pos_embed(pos, (7, 7), (10, 5), num_prefix_tokens=2)
    assert_close(ours, resample_abs_pos_embed(pos, [10, 5], [7, 7], num_prefix_tokens=2))
    assert_close(ours[:, :2], pos[:, :2])


def test_resizing_without_antialias_equals_hugging_faces() -> None:
    from transformers import ViTConfig
    from transformers.models.vit.modeling_vit import ViTEmbeddings

    theirs = ViTEmbeddings(ViTConfig(hidden_size=8, image_size=28, patch_size=4))
    with torch.no_grad():
        pos = theirs.position_embeddings.normal_()
        resized = theirs.interpolate_pos_encoding(torch.zeros(1, 1 + 14 * 10, 8), 56, 40)
    assert_close(resize_pos_embed(pos, (7, 7), (14, 10), antialias=False), resized, atol=1e-5, rtol=0)
    assert (resize_pos_embed(pos, (7, 7), (14, 10)) - resized).abs().max() > 1e-2


def test_resizing_with_corners_equals_torchvisions() -> None:
    from torchvision.models.vision_transformer import interpolate_embeddings

    pos = torch.randn(1, 1 + 14 * 14, 8)
    theirs = interpolate_embeddings(384, 16, {"encoder.pos_embedding": pos.clone()}, interpolation_mode="bicubic")
    ours = resize_pos_embed(pos, (14, 14), (24, 24), align_corners=True)
    assert_close(ours, theirs["encoder.pos_embedding"], atol=1e-5, rtol=0)
    assert (ours - resize_pos_embed(pos, (14, 14), (24, 24))).abs().max() > 1e-2


def test_resizing_refuses_a_grid_that_is_not_the_embeddings() -> None:
    with pytest.raises(ValueError, match="50 tokens, but 1 prefix tokens and a 6x8 grid make 49"):
        resize_pos_embed(torch.zeros(1, 50, 4), (6, 8), (2, 2))


# Attention


@pytest.mark.parametrize("masked", [False, True])
def test_explicit_attention_equals_torchs_in_values_and_gradients(masked: bool) -> None:
    q, k, v = (torch.randn(2, 3, 5, 8, dtype=torch.float64, requires_grad=True) for _ in range(3))
    mask = causal_mask(5) if masked else None
    ours, theirs = attention(q, k, v, mask), F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    assert_close(ours, theirs)
    weight = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad((ours * weight).sum(), (q, k, v)), torch.autograd.grad((theirs * weight).sum(), (q, k, v))
    ):
        assert_close(a, b)


@pytest.mark.parametrize(
    ("dtype", "learns", "tokens", "fused"),
    [
        (torch.float32, True, 5, True),
        (torch.bfloat16, False, 5, True),
        (torch.bfloat16, True, 513, True),  # its weights would need too much memory
        (torch.bfloat16, True, 5, False),
    ],
)
def test_a_processor_trains_in_bfloat16_by_the_explicit_path(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, learns: bool, tokens: int, fused: bool
) -> None:
    layer, x = Attention(16, 2).to(dtype).requires_grad_(learns), torch.randn(2, tokens, 16, dtype=dtype)
    calls, original = [], F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or original(*a, **k))
    layer(x)
    assert bool(calls) == fused


def test_both_paths_learn_the_same_in_bfloat16() -> None:
    layer, x = Attention(16, 2), torch.randn(2, 5, 16)
    exact = torch.autograd.grad(layer(x).square().sum(), list(layer.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = torch.autograd.grad(layer(x).float().square().sum(), list(layer.parameters()))
    for a, b in zip(rounded, exact, strict=True):
        assert_close(a, b, rtol=0.05, atol=0.02 * b.abs().max().item())


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 16), st.floats(0.01, 30))
def test_attention_weights_are_a_distribution_over_the_keys(queries: int, keys: int, dim: int, scale: float) -> None:
    weights = attention_weights(scale * torch.randn(queries, dim), torch.randn(keys, dim))
    assert weights.shape == (queries, keys)
    assert (weights >= 0).all()
    assert_close(weights.sum(-1), torch.ones(queries))


def test_a_causal_mask_gives_the_future_no_weight() -> None:
    weights = attention_weights(torch.randn(6, 4), torch.randn(6, 4), causal_mask(6))
    assert weights.triu(1).count_nonzero() == 0
    assert_close(weights.sum(-1), torch.ones(6))


def test_a_query_that_may_look_nowhere_gets_zeros_not_nan() -> None:
    mask = torch.tensor([[True, True], [False, False]])
    assert_close(attention(torch.randn(2, 4), torch.randn(2, 4), torch.randn(2, 4), mask)[1], torch.zeros(4))


def test_self_attention_equals_torchs_multihead_attention() -> None:
    ours, theirs = jitter(Attention(24, 4)), nn.MultiheadAttention(24, 4, batch_first=True)
    assert isinstance(ours, Attention)
    theirs.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.proj.weight,
            "out_proj.bias": ours.proj.bias,
        }
    )
    x = torch.randn(2, 7, 24)
    assert_close(ours(x), theirs(x, x, x)[0], atol=1e-5, rtol=1e-5)


def test_permuting_the_tokens_permutes_the_output() -> None:
    attn, x, order = jitter(Attention(24, 4)), torch.randn(2, 7, 24), torch.randperm(7)
    assert_close(attn(x[:, order]), attn(x)[:, order], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_the_recorded_path_gives_the_fused_paths_result(masked: bool) -> None:
    attn, x, seen = Attention(24, 4), torch.randn(2, 7, 24), []
    mask = causal_mask(7) if masked else None
    fused = attn(x, mask)
    attn.recorder = seen.append
    assert_close(attn(x, mask), fused, atol=1e-6, rtol=1e-5)
    assert [tuple(w.shape) for w in seen] == [(2, 4, 7, 7)]


def test_heads_are_consecutive_pieces_of_the_width() -> None:
    x = torch.arange(12.0).reshape(1, 2, 6)
    assert_close(split_heads(x, 3)[0, 1], x[0, :, 2:4])


def test_a_width_that_heads_do_not_divide_is_refused_with_counts_that_do() -> None:
    for layer in (Attention, CrossAttention):
        with pytest.raises(ValueError, match="width 64 is not divisible by 5 heads; choose 1, 2, 4, 8, 16"):
            layer(64, 5)


# Feed-forward and blocks


def test_gelu_is_torchs_exact_one_and_not_the_tanh_one() -> None:
    x = torch.linspace(-6, 6, 101, dtype=torch.float64)
    assert_close(gelu(x), F.gelu(x))
    assert (gelu(x) - F.gelu(x, approximate="tanh")).abs().max() > 1e-4


def test_the_feed_forward_network_treats_every_token_alone() -> None:
    ffn, x = FeedForward(8, 32), torch.randn(2, 5, 8)
    assert_close(ffn(x)[:, 3], ffn(x[:, 3]))
    changed = x.clone()
    changed[:, 0] += 1
    assert_close(ffn(changed)[:, 1:], ffn(x)[:, 1:])


def _torch_layer_state(attn: Attention, prefix: str) -> dict[str, Tensor]:
    return {
        f"{prefix}.in_proj_weight": attn.qkv.weight,
        f"{prefix}.in_proj_bias": attn.qkv.bias,
        f"{prefix}.out_proj.weight": attn.proj.weight,
        f"{prefix}.out_proj.bias": attn.proj.bias,
    }


def test_the_encoder_block_equals_torchs_pre_norm_layer() -> None:
    ours = jitter(EncoderBlock(24, 4))
    theirs = nn.TransformerEncoderLayer(24, 4, 96, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True)
    assert isinstance(ours, EncoderBlock)
    state = _torch_layer_state(ours.attn, "self_attn")
    for name, module in (
        ("linear1", ours.mlp.fc1),
        ("linear2", ours.mlp.fc2),
        ("norm1", ours.norm1),
        ("norm2", ours.norm2),
    ):
        state |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    theirs.load_state_dict(state)
    x = torch.randn(2, 7, 24)
    assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_the_decoder_block_equals_torchs_pre_norm_layer(causal: bool) -> None:
    ours = jitter(DecoderBlock(24, 4, causal=causal))
    theirs = nn.TransformerDecoderLayer(24, 4, 96, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True)
    assert isinstance(ours, DecoderBlock)
    cross = ours.cross_attn
    state = _torch_layer_state(ours.self_attn, "self_attn") | {
        "multihead_attn.in_proj_weight": torch.cat([cross.q.weight, cross.kv.weight]),
        "multihead_attn.in_proj_bias": torch.cat([cross.q.bias, cross.kv.bias]),
        "multihead_attn.out_proj.weight": cross.proj.weight,
        "multihead_attn.out_proj.bias": cross.proj.bias,
    }
    for name, module in (
        ("linear1", ours.mlp.fc1),
        ("linear2", ours.mlp.fc2),
        *((f"norm{i}", getattr(ours, f"norm{i}")) for i in (1, 2, 3)),
    ):
        state |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    theirs.load_state_dict(state)
    x, memory = torch.randn(2, 5, 24), torch.randn(2, 9, 24)
    mask = nn.Transformer.generate_square_subsequent_mask(5) if causal else None
    assert_close(ours(x, memory), theirs(x, memory, tgt_mask=mask), atol=1e-5, rtol=1e-5)


def test_a_causal_decoder_block_does_not_see_later_tokens() -> None:
    block, x, memory = jitter(DecoderBlock(24, 4)), torch.randn(1, 6, 24), torch.randn(1, 4, 24)
    changed = x.clone()
    changed[:, 4] += 1
    assert_close(block(changed, memory)[:, :4], block(x, memory)[:, :4])
    assert (block(changed, memory)[:, 4:] - block(x, memory)[:, 4:]).abs().max() > 1e-2


def test_drop_path_keeps_the_mean_and_drops_whole_images() -> None:
    torch.manual_seed(0)
    drop, x = DropPath(0.25), torch.ones(4000, 2, 3)
    y = drop(x)
    per_image = y.flatten(1)
    assert (per_image == per_image[:, :1]).all()
    assert per_image.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert y.mean().item() == pytest.approx(1, abs=0.03)
    assert drop.eval()(x) is x


def test_drop_path_refuses_a_probability_of_one() -> None:
    with pytest.raises(ValueError, match=r"1\.0 must be at least 0 and below 1"):
        DropPath(1.0)


def test_layer_scale_starts_each_channel_at_its_value() -> None:
    assert_close(LayerScale(4, 0.1)(torch.ones(2, 3, 4)), torch.full((2, 3, 4), 0.1))
