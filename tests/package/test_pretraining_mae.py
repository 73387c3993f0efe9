"""The masked autoencoder: what is hidden, what the encoder sees, and what the loss counts."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from vit_tutorial.patches import patchify
from vit_tutorial.pretraining import MaskedAutoencoder, masked_mse, random_mask
from vit_tutorial.vit import VisionTransformer, ViTConfig

CONFIG = ViTConfig(
    img_size=(8, 12), patch_size=2, in_chans=3, num_classes=0, embed_dim=16, depth=2, num_heads=2, reg_tokens=1
)
N = 24


def autoencoder(mask_ratio: float = 0.75, norm_targets: bool = False, **fields) -> MaskedAutoencoder:
    torch.manual_seed(0)
    encoder = VisionTransformer(ViTConfig.from_dict({**CONFIG.to_dict(), **fields}))
    model = MaskedAutoencoder(
        encoder, decoder_dim=8, decoder_depth=1, decoder_heads=2, mask_ratio=mask_ratio, norm_targets=norm_targets
    )
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)  # no zero hides a mistake
    return model


def images(batch: int = 3) -> Tensor:
    return torch.randn(batch, 3, 8, 12, generator=torch.Generator().manual_seed(1))


# What is hidden


@given(patches=st.integers(2, 200), ratio=st.floats(0.01, 0.99), batch=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_every_image_has_exactly_the_rounded_share_hidden(patches: int, ratio: float, batch: int) -> None:
    if not 0 < round(ratio * patches) < patches:
        return
    assert (random_mask(batch, patches, ratio).sum(dim=1) == round(ratio * patches)).all()


def test_images_of_a_batch_have_different_masks_and_a_generator_repeats_them() -> None:
    first, second = (random_mask(8, N, 0.5, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert len({tuple(row.tolist()) for row in first}) == 8


def test_every_patch_is_hidden_equally_often() -> None:
    share = random_mask(4000, 16, 0.25, generator=torch.Generator().manual_seed(0)).float().mean(dim=0)
    assert (share - 0.25).abs().max() < 0.03  # four standard deviations


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.1, 1.2])
def test_a_share_outside_its_range_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match="it must be above 0 and below 1"):
        autoencoder(mask_ratio=ratio)


def test_a_share_that_hides_no_patch_is_refused_when_the_model_is_built() -> None:
    with pytest.raises(ValueError, match=r"hides 0 of 24 patches; choose one from 0\.0417 to 0\.958"):
        autoencoder(mask_ratio=0.01)


def test_masks_that_hide_different_numbers_make_no_batch() -> None:
    mask = random_mask(3, N, 0.5)
    mask[0] = True
    with pytest.raises(ValueError, match="hide as many in each image"):
        autoencoder()(images(), mask)


def test_images_of_another_size_are_refused_by_the_encoder() -> None:
    with pytest.raises(ValueError, match="the model takes images of 8x12 pixels"):
        autoencoder()(torch.randn(2, 3, 8, 8))


# What the encoder sees


def test_the_encoder_gets_prefix_and_visible_patches_only() -> None:
    model, mask = autoencoder(0.75), random_mask(3, N, 0.75)
    assert model.encode(images(), mask).shape == (3, 2 + 6, 16)


def test_hidden_pixels_reach_nothing() -> None:
    model, mask = autoencoder(), random_mask(3, N, 0.75)
    x = images().requires_grad_()
    prediction, _ = model(x, mask)
    gradient = torch.autograd.grad(prediction.square().sum(), x)[0]
    touched = patchify(gradient, 2).abs().sum(dim=-1) > 0  # [B, N]
    assert torch.equal(touched, ~mask)


def test_with_nothing_hidden_the_encoder_is_the_full_encoder() -> None:
    model, x = autoencoder(), images()
    tokens = model.encode(x, torch.zeros(3, N, dtype=torch.bool))
    assert_close(tokens, model.encoder.forward_features(x))


def test_visible_tokens_are_those_of_a_full_encoder_in_which_hidden_tokens_are_masked_out() -> None:
    model, x, mask = autoencoder(), images(), random_mask(3, N, 0.5)
    may_look = torch.cat([torch.ones(3, 2, dtype=torch.bool), ~mask], dim=1)[:, None, None]  # [B, 1, 1, 2 + N]
    z = model.encoder.embed(x)
    for block in model.encoder.blocks:
        z = z + block.attn(block.norm1(z), may_look)
        z = z + block.mlp(block.norm2(z))
    z = model.encoder.norm(z)
    expected = torch.stack([z[b, torch.cat([torch.ones(2, dtype=torch.bool), ~mask[b]])] for b in range(3)])
    assert_close(model.encode(x, mask), expected, atol=1e-5, rtol=1e-5)


def test_an_encoder_without_class_token_works() -> None:
    model = autoencoder(class_token=False, reg_tokens=0, global_pool="avg")
    prediction, mask = model(images())
    assert prediction.shape == (3, N, 12)
    assert mask.sum() == 3 * 18


# What the decoder does


def test_each_visible_token_returns_to_its_place() -> None:
    """With a decoder that changes nothing, the tokens that come out are those that went in, each where its patch was."""
    model, x, mask = autoencoder(), images(), random_mask(3, N, 0.5)
    model.decoder_embed = model.decoder_norm = model.decoder_pred = torch.nn.Identity()
    model.decoder_blocks = torch.nn.ModuleList()
    model.mask_token = torch.nn.Parameter(torch.full((1, 1, 16), 7.0))
    model.decoder_pos_embed = torch.zeros(1, 2 + N, 16)
    tokens = model.encode(x, mask)
    out = model.decode(tokens, mask)
    assert (out[mask] == 7).all()
    for b in range(3):
        assert torch.equal(out[b, ~mask[b]], tokens[b, 2:])


def test_the_decoder_knows_the_places_of_mask_tokens() -> None:
    prediction, mask = autoencoder()(images())
    hidden = prediction[0, mask[0]]
    assert torch.pdist(hidden).min() > 1e-4  # one mask token, but no two predictions alike


def test_an_image_is_predicted_from_itself_alone() -> None:
    model, x, mask = autoencoder(), images(), random_mask(3, N, 0.75)
    order = torch.tensor([2, 0, 1])
    assert_close(model(x[order], mask[order])[0], model(x, mask)[0][order])


def test_gradients_reach_encoder_decoder_and_mask_token() -> None:
    model = autoencoder()
    model.loss(images()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or p.grad.abs().sum() == 0]
    assert without == []


# What the loss counts


def test_the_loss_is_the_formula() -> None:
    prediction, target = torch.tensor([[[1.0, 3.0], [0.0, 0.0], [5.0, 5.0]]]), torch.zeros(1, 3, 2)
    mask = torch.tensor([[True, True, False]])
    assert_close(masked_mse(prediction, target, mask), torch.tensor(((1 + 9) / 2 + 0) / 2))


def test_the_loss_does_not_count_visible_patches() -> None:
    prediction, target, mask = torch.randn(2, N, 12), torch.randn(2, N, 12), random_mask(2, N, 0.5)
    before = masked_mse(prediction, target, mask)
    prediction[~mask] += 100
    assert torch.equal(masked_mse(prediction, target, mask), before)


def test_the_loss_is_torchs_mse_over_the_hidden_pixels() -> None:
    model, x, mask = autoencoder(), images(), random_mask(3, N, 0.75)
    prediction, _ = model(x, mask)
    expected = torch.nn.functional.mse_loss(prediction[mask], patchify(x, 2)[mask])
    assert_close(model.loss(x, mask), expected)
    ours, theirs = (
        torch.autograd.grad(loss, list(model.parameters()), retain_graph=True, allow_unused=True)
        for loss in (model.loss(x, mask), expected)
    )
    assert_close(ours, theirs)


def test_a_mask_that_hides_nothing_leaves_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match="nothing to predict"):
        masked_mse(torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), torch.zeros(1, 2, dtype=torch.bool))


def test_normalised_targets_have_mean_0_and_variance_1_in_every_patch() -> None:
    targets = autoencoder(norm_targets=True).targets(images())
    assert_close(targets.mean(-1), torch.zeros(3, N), atol=1e-5, rtol=0)
    assert_close(targets.var(-1), torch.ones(3, N), atol=1e-4, rtol=0)


@pytest.mark.parametrize("norm_targets", [False, True])
def test_a_reconstruction_keeps_the_visible_pixels(norm_targets: bool) -> None:
    model, x, mask = autoencoder(norm_targets=norm_targets), images(), random_mask(3, N, 0.75)
    painted, given = model.reconstruct(x, mask)
    assert given is mask
    same = (patchify(painted, 2) == patchify(x, 2)).all(-1)
    assert torch.equal(same, ~mask)


def test_a_perfect_normalised_prediction_paints_the_image() -> None:
    model, x = autoencoder(norm_targets=True), images()
    model.decode = lambda tokens, mask: model.targets(x)
    assert_close(model.reconstruct(x)[0], x)


def test_the_given_encoder_is_trained_itself() -> None:
    encoder = VisionTransformer(CONFIG)
    model = MaskedAutoencoder(encoder, decoder_dim=8, decoder_depth=1, decoder_heads=2)
    assert model.encoder is encoder
    before = encoder.blocks[0].attn.qkv.weight.clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    mask = random_mask(3, N, 0.75)
    for _ in range(20):
        loss = model.loss(images(), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert not torch.equal(encoder.blocks[0].attn.qkv.weight, before)
