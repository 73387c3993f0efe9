"""Parameter groups, the optimiser, and the moving average, against timm's and torch's."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from training_helpers import tiny

from vit_tutorial.training.optimizer import EMA, build_optimizer, parameter_groups
from vit_tutorial.vit import VisionTransformer, ViTConfig

CONFIG = ViTConfig(img_size=8, patch_size=2, num_classes=5, embed_dim=16, depth=2, num_heads=2, reg_tokens=1)


def test_only_matrices_decay_as_in_timm() -> None:
    timm_optim = pytest.importorskip("timm.optim")
    model = VisionTransformer(CONFIG)
    ours = parameter_groups(model, 0.1)
    skip = ("cls_token", "reg_token", "pos_embed")
    theirs = timm_optim.param_groups_weight_decay(model, 0.1, no_weight_decay_list=skip)
    members = [{g["weight_decay"]: {id(p) for p in g["params"]} for g in groups} for groups in (ours, theirs)]
    assert members[0] == members[1]


def test_every_parameter_is_in_one_group() -> None:
    model = VisionTransformer(CONFIG)
    grouped = [id(p) for group in parameter_groups(model, 0.1) for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


def test_frozen_parameters_are_in_no_group() -> None:
    model = VisionTransformer(CONFIG)
    model.blocks.requires_grad_(False)
    grouped = {id(p) for group in parameter_groups(model, 0.1) for p in group["params"]}
    assert grouped.isdisjoint(id(p) for p in model.blocks.parameters())


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_each_optimiser_lowers_a_loss(name: str) -> None:
    model = nn.Linear(3, 1)
    optimizer = build_optimizer(model, tiny(optimizer=name, lr=0.05))
    inputs, targets = torch.randn(32, 3), torch.randn(32, 1)
    losses = []
    for _ in range(30):
        loss = (model(inputs) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def drift(model: nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))


def test_after_its_ramp_the_average_is_torchs() -> None:
    model = nn.Linear(4, 3)
    ours = EMA(model, 0.9)
    theirs = AveragedModel(copy.deepcopy(model), multi_avg_fn=get_ema_multi_avg_fn(0.9))
    theirs.update_parameters(model)  # torch's first update copies
    for step in range(1000, 1010):  # min(0.9, (1 + t) / (10 + t)) is 0.9 here
        drift(model)
        ours.update(step)
        theirs.update_parameters(model)
    torch.testing.assert_close(ours.model.weight, theirs.module.weight)


def test_the_average_follows_quickly_at_first() -> None:
    model = nn.Linear(4, 3)
    average, before = EMA(model, 0.999), model.weight.detach().clone()
    drift(model)
    average.update(step=0)  # d_0 = 1 / 10
    torch.testing.assert_close(average.model.weight, 0.1 * before + 0.9 * model.weight)


def test_the_average_has_the_models_buffers() -> None:
    model = nn.BatchNorm1d(3)
    average = EMA(model, 0.9)
    model(torch.randn(8, 3))
    average.update(0)
    assert torch.equal(average.model.running_mean, model.running_mean)


def test_without_decay_the_average_is_the_model() -> None:
    model = nn.Linear(2, 2)
    assert EMA(model, 0.0).model is model
