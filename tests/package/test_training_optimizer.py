"""Parameter groups, the optimiser, and the moving average, against timm's and torch's."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from training_helpers import tiny

from vit_tutorial.pretraining import MaskedAutoencoder
from vit_tutorial.tasks.classification import Classification
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.log import RunLog
from vit_tutorial.training.loop import Saver, train
from vit_tutorial.training.optimizer import EMA, build_optimizer, orthogonalised, parameter_groups, stacked_muon_step
from vit_tutorial.training.recipe import RecipeError
from vit_tutorial.training.state import TrainingState
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


def rates(groups: list[dict], model: nn.Module) -> dict[str, float]:
    names = {id(p): name for name, p in model.named_parameters()}
    return {names[id(p)]: group["lr_scale"] for group in groups for p in group["params"]}


def test_layers_learn_more_slowly_towards_the_pixels_as_in_timm() -> None:
    timm_optim = pytest.importorskip("timm.optim")
    timm = pytest.importorskip("timm")
    fields = {"img_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 3, "num_heads": 2, "num_classes": 5}
    theirs = timm.models.VisionTransformer(**fields)
    expected = rates(timm_optim.param_groups_layer_decay(theirs, layer_decay=0.7), theirs)
    # BEiT's and MAE's code count the last norm to the head, timm to block L.
    expected |= {"norm.weight": 1.0, "norm.bias": 1.0}
    ours = VisionTransformer(ViTConfig(**fields))
    assert rates(parameter_groups(ours, 0.05, layer_decay=0.7), ours) == pytest.approx(expected)


def test_layer_decay_is_the_formula_from_embedding_to_head() -> None:
    model = VisionTransformer(CONFIG)  # L = 2
    scale = rates(parameter_groups(model, 0.05, layer_decay=0.5), model)
    assert scale["head.weight"] == scale["norm.bias"] == 1
    assert scale["blocks.1.mlp.fc1.weight"] == 0.5
    assert scale["blocks.0.attn.qkv.bias"] == 0.25
    assert scale["patch_embed.proj.weight"] == scale["cls_token"] == scale["reg_token"] == scale["pos_embed"] == 0.125


def test_layer_decay_keeps_what_decays_and_what_does_not() -> None:
    model = VisionTransformer(CONFIG)
    decaying = [
        {id(p) for group in parameter_groups(model, 0.1, d) if group["weight_decay"] for p in group["params"]}
        for d in (1.0, 0.5)
    ]
    assert decaying[0] == decaying[1]


def test_layers_are_found_inside_another_module_and_a_decoders_blocks_are_no_layers() -> None:
    model = MaskedAutoencoder(VisionTransformer(CONFIG), decoder_dim=8, decoder_depth=4, decoder_heads=2)
    scale = rates(parameter_groups(model, 0.1, layer_decay=0.5), model)
    assert scale["encoder.blocks.0.norm1.weight"] == 0.25
    assert scale["decoder_blocks.3.norm1.weight"] == scale["decoder_pred.weight"] == 1


def test_the_loop_steps_each_layer_with_its_own_rate() -> None:
    recipe = tiny(epochs=1, layer_decay=0.5, lr=1e-3, schedule="constant", warmup_epochs=0)
    task = Classification(recipe)
    state = TrainingState(task.build_model(), recipe)
    L = len(state.model.blocks)
    train(
        task, recipe, Engine("cpu"), state, Saver(state, recipe, None, Engine("cpu")), RunLog(None, 1, 0, False), seed=0
    )
    rate = {id(p): group["lr"] for group in state.optimizer.param_groups for p in group["params"]}
    assert rate[id(state.model.head.weight)] == pytest.approx(1e-3)
    assert rate[id(state.model.pos_embed)] == pytest.approx(1e-3 * 0.5 ** (L + 1))


@pytest.mark.parametrize("wrong", [0.0, -0.5, 1.5])
def test_a_layer_decay_outside_its_range_is_refused(wrong: float) -> None:
    with pytest.raises(RecipeError, match="layer_decay"):
        tiny(layer_decay=wrong)


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


def test_muon_steps_the_blocks_matrices_and_adamw_the_rest_as_torchs_own_two_do() -> None:
    recipe = tiny(optimizer="muon", lr=0.01, weight_decay=0.1)
    ours, theirs = VisionTransformer(CONFIG), VisionTransformer(CONFIG)
    theirs.load_state_dict(ours.state_dict())
    optimizer = build_optimizer(ours, recipe)
    hidden = {name: p for name, p in theirs.named_parameters() if name.startswith("blocks.") and p.ndim == 2}
    matrices, others = (group["params"] for group in parameter_groups(theirs, 0.1))
    taken = {id(p) for p in hidden.values()}
    groups = [
        {"params": [p for p in matrices if id(p) not in taken], "weight_decay": 0.1},
        {"params": others, "weight_decay": 0.0},
    ]
    two = [
        torch.optim.Muon(hidden.values(), lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(groups, lr=0.01),
    ]
    for seed in range(3):
        torch.manual_seed(seed)
        for mine, other in zip(ours.parameters(), theirs.parameters()):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        for one in (optimizer, *two):
            one.step()
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters()):
        torch.testing.assert_close(mine, other, msg=lambda text, name=name: f"{name}: {text}")
    assert len(hidden) == 2 * 4


@pytest.mark.parametrize("nesterov", [True, False])
def test_matrices_of_one_shape_at_once_go_where_torchs_muon_takes_them_one_by_one(nesterov: bool) -> None:
    shapes = [(8, 8), (24, 8), (8, 24), (8, 8)]  # square, tall and wide
    ours, theirs = ([torch.nn.Parameter(torch.ones(shape)) for shape in shapes] for _ in range(2))
    settings = {"lr": 0.1, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw", "nesterov": nesterov}
    one, other = torch.optim.Muon(ours, **settings), torch.optim.Muon(theirs, **settings)
    for step in range(3):
        torch.manual_seed(step)
        for mine, its in zip(ours, theirs):
            mine.grad = torch.randn_like(mine)
            its.grad = mine.grad.clone()
        ours[3].grad = theirs[3].grad = None if step == 1 else ours[3].grad  # a matrix that a step has no gradient for
        stacked_muon_step(one)
        other.step()
    for mine, its in zip(ours, theirs):
        torch.testing.assert_close(mine, its, atol=2e-3, rtol=0)  # in bfloat16
        assert (mine - 1).abs().mean() > 0.02
        assert torch.equal(one.state[mine]["momentum_buffer"], other.state[its]["momentum_buffer"])


def test_singular_values_are_brought_near_one() -> None:
    torch.manual_seed(0)
    matrices = torch.randn(3, 24, 8) * torch.tensor([1e-3, 1.0, 1e3])[:, None, None]
    values = torch.linalg.svdvals(orthogonalised(matrices, (3.4445, -4.7750, 2.0315), 5, 1e-7).float())
    assert ((values > 0.5) & (values < 1.3)).all()


def test_with_its_blocks_frozen_a_model_is_left_to_adamw() -> None:
    model = VisionTransformer(CONFIG)
    model.blocks.requires_grad_(False)
    optimizer = build_optimizer(model, tiny(optimizer="muon", lr=0.01))
    assert isinstance(optimizer, torch.optim.AdamW)
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert trained == {id(p) for p in model.parameters() if p.requires_grad}


def test_muon_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="this model has none; use adamw"):
        build_optimizer(nn.Linear(3, 1), tiny(optimizer="muon"))
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(ValueError, match=r"needs torch 2.9 or newer, here is 2\.\d+.*; use adamw"):
        build_optimizer(VisionTransformer(CONFIG), tiny(optimizer="muon"))


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
