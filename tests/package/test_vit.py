"""The assembled model: shapes, options, saving, recording, and clear refusals."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from vit_tutorial.heads import LinearClassifier
from vit_tutorial.interpret import record_attention
from vit_tutorial.positions import sinusoidal_2d
from vit_tutorial.vit import VisionTransformer, ViTConfig, count_parameters, drop_patches

SMALL = ViTConfig(img_size=8, patch_size=2, in_chans=1, num_classes=10, embed_dim=24, depth=2, num_heads=3)


@settings(deadline=None, max_examples=20)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.booleans(), st.integers(0, 3), st.booleans(),
    st.sampled_from(["learned", "sincos2d", "none"]), st.sampled_from(["token", "avg"]), st.sampled_from([None, 0.1]),
)  # fmt: skip
def test_every_combination_of_options_turns_images_into_logits(
    grid, class_token, registers, no_embed, pos, pool, scale
) -> None:
    class_token = class_token or pool == "token"
    size = (4 * grid[0], 4 * grid[1])
    width = ViTConfig(img_size=size, patch_size=4, in_chans=2, num_classes=5, embed_dim=16, depth=2, num_heads=4)
    options = {"class_token": class_token, "reg_tokens": registers, "no_embed_class": no_embed, "pos_embed": pos}
    model = VisionTransformer(dataclasses.replace(width, **options, global_pool=pool, init_values=scale))
    images = torch.randn(3, 2, 4 * grid[0], 4 * grid[1])
    assert model.forward_features(images).shape == (3, class_token + registers + grid[0] * grid[1], 16)
    assert model(images).shape == (3, 5)
    model(images).sum().backward()
    unused = {name for name, p in model.named_parameters() if p.grad is None}
    assert unused <= {"cls_token"}


def test_the_parameter_count_is_the_formulas() -> None:
    D, depth, N, P2C, K = 24, 2, 16, 4, 10
    block = (3 * D * D + 3 * D) + (D * D + D) + (8 * D * D + 5 * D) + 4 * D
    assert count_parameters(VisionTransformer(SMALL)) == (P2C * D + D) + D + (N + 1) * D + depth * block + 2 * D + (
        K * D + K
    )


@pytest.mark.parametrize(("size", "millions"), [("tiny", 5.7), ("small", 22.1), ("base", 86.6), ("large", 304.3)])
def test_named_sizes_have_the_published_parameter_counts(size: str, millions: float) -> None:
    with torch.device("meta"):
        model = VisionTransformer(ViTConfig.named(size))
    assert count_parameters(model) / 1e6 == pytest.approx(millions, abs=0.05)


def test_without_positions_shuffled_patches_give_the_same_logits_and_with_them_they_do_not() -> None:
    from vit_tutorial.patches import patchify, unpatchify

    images = torch.randn(2, 1, 8, 8)
    shuffled = unpatchify(patchify(images, 2)[:, torch.randperm(16)], 2, (4, 4))
    blind = VisionTransformer(dataclasses.replace(SMALL, pos_embed="none")).eval()
    assert_close(blind(shuffled), blind(images), atol=1e-5, rtol=0)
    sighted = VisionTransformer(SMALL).eval()
    torch.nn.init.normal_(sighted.pos_embed)
    assert (sighted.forward_features(shuffled)[:, 0] - sighted.forward_features(images)[:, 0]).abs().max() > 1e-3


def test_drop_path_grows_linearly_over_the_blocks() -> None:
    model = VisionTransformer(dataclasses.replace(SMALL, depth=5, drop_path_rate=0.4))
    assert [block.drop_path1.drop_prob for block in model.blocks] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(("rate", "prefix"), [(0.5, 1), (0.3, 0), (0.99, 2)])
def test_dropped_patches_are_timms_at_the_same_random_numbers(rate: float, prefix: int) -> None:
    timm = pytest.importorskip("timm.layers", reason="timm is not installed")
    tokens = torch.randn(3, prefix + 10, 4)
    torch.manual_seed(5)
    expected = timm.PatchDropout(rate, prefix)(tokens)
    torch.manual_seed(5)
    assert torch.equal(drop_patches(tokens, rate, prefix), expected)


def test_patches_are_dropped_in_training_alone_others_for_each_image_and_never_positions_or_prefix() -> None:
    model = VisionTransformer(dataclasses.replace(SMALL, patch_drop_rate=0.5))
    images = torch.randn(1, 1, 8, 8).repeat(4, 1, 1, 1)
    N = model.patch_embed.num_patches
    with torch.no_grad():
        kept = model.train().forward_features(images)
        assert kept.shape[1] == model.num_prefix_tokens + N // 2
        assert not torch.allclose(kept[0], kept[1])
        assert model.eval().forward_features(images).shape[1] == model.num_prefix_tokens + N
        plain = VisionTransformer(SMALL).eval()
        plain.load_state_dict(model.state_dict())
        assert torch.equal(model(images), plain(images))


def test_recorded_weights_have_one_map_a_layer_and_rows_that_sum_to_one() -> None:
    model, images = VisionTransformer(SMALL).eval(), torch.randn(2, 1, 8, 8)
    plain = model(images)
    with record_attention(model) as maps:
        recorded = model(images)
    assert_close(recorded, plain, atol=1e-6, rtol=1e-5)
    assert [tuple(m.shape) for m in maps] == [(2, 3, 17, 17)] * 2
    for m in maps:
        assert_close(m.sum(-1), torch.ones(2, 3, 17))


def test_recording_ends_with_its_block_also_after_an_error() -> None:
    model = VisionTransformer(SMALL)
    with pytest.raises(RuntimeError, match="stop"), record_attention(model):
        raise RuntimeError("stop")
    assert all(block.attn.recorder is None for block in model.blocks)


def test_recording_twice_at_once_or_nothing_at_all_is_refused() -> None:
    model = VisionTransformer(SMALL)
    with record_attention(model), pytest.raises(ValueError, match="recorded already"), record_attention(model):
        pass
    with pytest.raises(ValueError, match="Linear has no attention layer"), record_attention(torch.nn.Linear(2, 2)):
        pass


def test_a_larger_input_resizes_learned_positions_and_recomputes_fixed_ones() -> None:
    model = VisionTransformer(SMALL)
    before = model.pos_embed.detach().clone()
    model.set_input_size((12, 16))
    assert model(torch.randn(1, 1, 12, 16)).shape == (1, 10)
    assert_close(model.pos_embed[:, :1], before[:, :1])
    fixed = VisionTransformer(dataclasses.replace(SMALL, pos_embed="sincos2d"))
    fixed.set_input_size((12, 16))
    assert_close(fixed.pos_embed[0], sinusoidal_2d((6, 8), 24))
    assert fixed(torch.randn(1, 1, 12, 16)).shape == (1, 10)
    assert VisionTransformer(fixed.config)(torch.randn(1, 1, 12, 16)).shape == (1, 10)


def test_a_fresh_head_takes_the_new_number_of_classes() -> None:
    model = VisionTransformer(SMALL)
    model.reset_classifier(3)
    assert model(torch.randn(2, 1, 8, 8)).shape == (2, 3)
    model.reset_classifier(0)
    assert model(torch.randn(2, 1, 8, 8)).shape == (2, 24)
    assert model.config.num_classes == 0


def test_a_frozen_classifier_trains_its_head_only() -> None:
    probe = LinearClassifier(
        VisionTransformer(dataclasses.replace(SMALL, num_classes=0, drop_path_rate=0.5)), 4, frozen=True
    ).train()
    images = torch.randn(2, 1, 8, 8)
    assert_close(probe(images), probe(images))
    probe(images).sum().backward()
    assert {name for name, p in probe.named_parameters() if p.grad is not None} == {"head.weight", "head.bias"}
    with pytest.raises(ValueError, match="num_classes=0"):
        LinearClassifier(VisionTransformer(SMALL), 0)


def test_a_config_survives_its_dictionary() -> None:
    config = dataclasses.replace(SMALL, img_size=(8, 12), init_values=1e-4)
    assert ViTConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"embed_dims": 3}, "unknown ViTConfig field 'embed_dims'; did you mean 'embed_dim'?"),
        ({"pos_embed": "rope"}, "pos_embed is 'rope'; it must be one of learned, sincos2d, none"),
        ({"global_pool": "max"}, "global_pool is 'max'; it must be one of token, avg"),
        ({"class_token": False}, "use global_pool='avg'"),
        ({"depth": 0}, "depth is 0; it must be a whole number of at least 1"),
        ({"reg_tokens": -1}, "reg_tokens is -1"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        ViTConfig.from_dict(fields)


def test_an_unknown_size_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown size 'huge'; choose one of tiny, small, base, large"):
        ViTConfig.named("huge")


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match="width 24 is not divisible by 5 heads"):
        VisionTransformer(dataclasses.replace(SMALL, num_heads=5))


def test_a_saved_model_comes_back_whole(tmp_path: Path) -> None:
    from vit_tutorial.weights import load_model, read_extra, save_model

    model = VisionTransformer(dataclasses.replace(SMALL, pos_embed="sincos2d", drop_path_rate=0.1))
    save_model(model, tmp_path / "m.safetensors", {"classes": ["zero", "eins"]})
    again = load_model(tmp_path / "m.safetensors")
    images = torch.randn(2, 1, 8, 8)
    assert_close(again(images), model.eval()(images), atol=0, rtol=0)
    assert again.config == model.config
    assert read_extra(tmp_path / "m.safetensors") == {"classes": ["zero", "eins"]}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("pos_embed", ["learned", "sincos2d", "none"])
def test_a_fresh_head_and_a_larger_input_keep_the_models_type(dtype: torch.dtype, pos_embed: str) -> None:
    model = VisionTransformer(dataclasses.replace(SMALL, pos_embed=pos_embed)).to(dtype)
    model.reset_classifier(3)
    model.set_input_size((12, 16))
    assert {tensor.dtype for tensor in model.state_dict().values()} == {dtype}
    assert model(torch.randn(1, 1, 12, 16, dtype=dtype)).shape == (1, 3)


def test_a_frozen_model_stays_frozen_when_its_head_or_its_input_size_change() -> None:
    model = VisionTransformer(SMALL).requires_grad_(False)
    model.reset_classifier(3)
    model.set_input_size(16)
    assert count_parameters(model) == 0


def test_what_was_trained_stays_trained_when_head_or_input_size_change() -> None:
    model = VisionTransformer(SMALL)
    model.blocks.requires_grad_(False)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    model.reset_classifier(3)
    model.set_input_size((12, 16))
    assert {name for name, p in model.named_parameters() if p.requires_grad} == trained


def test_a_head_on_a_frozen_encoder_that_had_none_is_trained() -> None:
    encoder = VisionTransformer(dataclasses.replace(SMALL, num_classes=0)).requires_grad_(False)
    encoder.reset_classifier(4)
    assert {name for name, p in encoder.named_parameters() if p.requires_grad} == {"head.weight", "head.bias"}


def test_a_size_that_does_not_fit_leaves_the_model_as_it_was() -> None:
    model = VisionTransformer(SMALL)
    for wrong, options in ((9, {}), (12, {"mode": "cubist"})):
        with pytest.raises((ValueError, NotImplementedError)):
            model.set_input_size(wrong, **options)
        assert (model.config, model.grid_size) == (SMALL, (4, 4))
        assert model(torch.randn(1, 1, 8, 8)).shape == (1, 10)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_head_with_lora_that_is_replaced_is_a_plain_head_again(rank: int) -> None:
    from vit_tutorial.lora import add_lora

    model = VisionTransformer(SMALL)
    add_lora(model, rank=rank, targets=("head",), trainable=())
    model.reset_classifier(6)
    assert model.head.weight.requires_grad
    assert model.head.weight.shape == (6, 24)
