"""Learning-rate schedules against torch's own schedulers."""

from __future__ import annotations

import pytest
import torch
from torch.optim import lr_scheduler as torch_schedules

from vit_tutorial.training import load_recipe
from vit_tutorial.training.optimizer import (
    learning_rate_factor,
    warmup,
    warmup_constant,
    warmup_cosine,
    warmup_steps_down,
)


def torch_factors(build: object, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = build(optimizer)
    factors = []
    for _ in range(steps):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return factors


def test_cosine_is_torchs_cosine_annealing() -> None:
    reference = torch_factors(lambda o: torch_schedules.CosineAnnealingLR(o, T_max=50, eta_min=0.1), 51)
    assert [warmup_cosine(t, 50, floor=0.1) for t in range(51)] == pytest.approx(reference)


def test_warm_up_then_cosine_is_torchs_linear_then_cosine() -> None:
    def build(optimizer: torch.optim.Optimizer) -> torch_schedules.SequentialLR:
        linear = torch_schedules.LinearLR(optimizer, start_factor=1 / 11, total_iters=10)
        cosine = torch_schedules.CosineAnnealingLR(optimizer, T_max=40)
        return torch_schedules.SequentialLR(optimizer, [linear, cosine], milestones=[10])

    assert [warmup_cosine(t, 50, 10) for t in range(50)] == pytest.approx(torch_factors(build, 50))


def test_steps_down_is_torchs_multi_step() -> None:
    reference = torch_factors(lambda o: torch_schedules.MultiStepLR(o, [20, 35], gamma=0.3), 50)
    assert [warmup_steps_down(t, [20, 35], 0.3) for t in range(50)] == pytest.approx(reference)


def test_constant_is_torchs_linear_warm_up() -> None:
    reference = torch_factors(lambda o: torch_schedules.LinearLR(o, start_factor=1 / 6, total_iters=5), 20)
    assert [warmup_constant(t, 5) for t in range(20)] == pytest.approx(reference)


def test_warm_up_moves_at_the_first_step_and_is_full_after_the_last() -> None:
    assert warmup(0, 4) == pytest.approx(0.2)
    assert warmup(4, 4) == 1
    assert warmup(0, 0) == 1


def test_cosine_stays_at_its_floor_after_the_end() -> None:
    assert warmup_cosine(99, 50, floor=0.25) == pytest.approx(0.25)


def test_a_recipe_counts_its_warm_up_in_epochs_and_its_floor_as_a_learning_rate() -> None:
    recipe = load_recipe("digits", epochs=10, warmup_epochs=0.5, lr=0.01, min_lr=0.001, schedule="cosine")
    assert [learning_rate_factor(recipe, t, steps_per_epoch=20) for t in (0, 9, 10, 200)] == pytest.approx(
        [1 / 11, 10 / 11, 1.0, 0.1]
    )


def test_a_recipes_milestones_are_fractions_of_the_training() -> None:
    recipe = load_recipe("digits", epochs=10, warmup_epochs=0, schedule="step", milestones=[0.5, 0.75], gamma=0.1)
    assert [learning_rate_factor(recipe, t, steps_per_epoch=4) for t in (19, 20, 29, 30)] == pytest.approx(
        [1, 0.1, 0.1, 0.01]
    )
