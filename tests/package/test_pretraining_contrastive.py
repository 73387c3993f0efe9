"""MoCo v3: what InfoNCE is and what its gradient is, and what of the model is trained."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from vit_tutorial.pretraining import Contrastive, info_nce, symmetric_info_nce
from vit_tutorial.vit import VisionTransformer, ViTConfig

CONFIG = ViTConfig(img_size=8, patch_size=2, in_chans=1, num_classes=0, embed_dim=16, depth=2, num_heads=2)


def unit(*shape: int) -> Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))), dim=-1)


def contrastive(**settings) -> Contrastive:
    torch.manual_seed(0)
    return Contrastive(VisionTransformer(CONFIG), hidden_dim=8, out_dim=6, **settings)


def views(batch: int = 4) -> dict[str, Tensor]:
    return {"large": torch.randn(batch, 2, 1, 8, 8, generator=torch.Generator().manual_seed(1))}


def test_info_nce_is_its_definition_image_by_image() -> None:
    q, k, tau = unit(5, 3), unit(5, 3) + 0.1, 0.3
    terms = []
    for i in range(5):
        e = [math.exp(float(q[i] @ k[j]) / tau) for j in range(5)]
        terms.append(-math.log(e[i] / sum(e)))
    assert_close(info_nce(q, k, tau).item(), sum(terms) / 5, rtol=1e-5, atol=1e-6)


def test_its_gradient_is_the_probabilities_less_the_truth_times_the_keys() -> None:
    q, k, tau = unit(5, 3).requires_grad_(), unit(5, 4)[:, :3], 0.3
    (gradient,) = torch.autograd.grad(info_nce(q, k, tau), q)
    p = (q.detach() @ k.T / tau).softmax(1)
    assert_close(gradient, (p - torch.eye(5)) @ k / (5 * tau))


def test_queries_that_know_nothing_cost_the_log_of_the_batch() -> None:
    same = unit(1, 3).expand(7, 3)
    assert_close(info_nce(same, same, 0.2), torch.tensor(math.log(7)))


def test_the_factor_two_tau_takes_back_what_the_temperature_does_to_the_gradient() -> None:
    q, k = unit(6, 2, 3), unit(6, 2, 4)[..., :3]
    q1, q2, k1, k2 = *q.unbind(1), *k.unbind(1)
    for tau in (0.1, 0.5):
        assert_close(symmetric_info_nce(q, k, tau), 2 * tau * (info_nce(q1, k2, tau) + info_nce(q2, k1, tau)))
    same = unit(1, 1, 3).expand(6, 2, 3).clone().requires_grad_()
    for tau in (0.1, 0.5):  # the gradient is that of the probabilities, without 1 / tau
        (gradient,) = torch.autograd.grad(symmetric_info_nce(same, k, tau), same)
        p = (same[:, 0].detach() @ k2.T / tau).softmax(1)
        assert_close(gradient[:, 0], 2 * (p - torch.eye(6)) @ k2 / 6)


def test_a_query_meets_the_key_of_the_other_view() -> None:
    q, k = unit(6, 2, 3), unit(6, 2, 4)[..., :3]
    crossed = symmetric_info_nce(q, k, 0.2)
    assert not torch.isclose(crossed, symmetric_info_nce(q, k.flip(1), 0.2))
    assert_close(crossed, symmetric_info_nce(q.flip(1), k.flip(1), 0.2))


def test_no_gradient_reaches_what_makes_the_keys() -> None:
    model = contrastive().train()
    model.loss(views()).backward()
    slow = [*model.slow_encoder.parameters(), *model.slow_projector.parameters()]
    assert all(p.grad is None and not p.requires_grad for p in slow)
    assert all(
        p.grad is not None for part in (model.encoder, model.projector, model.predictor) for p in part.parameters()
    )


def test_the_slow_networks_follow_by_the_momentum() -> None:
    model = contrastive(momentum=0.8)
    before = [p.clone() for p in model.slow_projector.parameters()]
    with torch.no_grad():
        for p in model.projector.parameters():
            p += torch.randn_like(p)
    model.after_step(0, 10)
    for slow, old, fast in zip(model.slow_projector.parameters(), before, model.projector.parameters()):
        assert_close(slow, 0.8 * old + 0.2 * fast)


def test_a_frozen_patch_projection_stays_as_it_was_drawn() -> None:
    model = contrastive(frozen_patches=True).train()
    before = model.encoder.patch_embed.proj.weight.clone()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.loss(views()).backward()
    optimizer.step()
    model.after_step(0, 10)
    assert torch.equal(model.encoder.patch_embed.proj.weight, before)
    assert torch.equal(model.slow_encoder.patch_embed.proj.weight, before)
    assert model.encoder.blocks[0].attn.qkv.weight.grad is not None


def test_a_batch_of_one_has_nothing_to_tell_it_from() -> None:
    with pytest.raises(ValueError, match="give at least two"):
        contrastive().train()(views(1))
    with pytest.raises(ValueError, match="give at least two"):
        info_nce(unit(1, 3), unit(1, 3), 0.2)


def test_bad_settings_say_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"temperature is 0\.0; it must be above 0"):
        contrastive(temperature=0.0)
    with pytest.raises(ValueError, match="num_classes=0"):
        Contrastive(VisionTransformer(ViTConfig(img_size=8, patch_size=2, embed_dim=8, depth=1, num_heads=2)))
