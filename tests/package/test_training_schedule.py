"""Learning-rate schedules against torch's own schedulers, at every step of a training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.optim import lr_scheduler as torchs
from training_helpers import tiny

from vit_tutorial.training import RecipeError, load_recipe
from vit_tutorial.training.schedule import (
    learning_rate_factor,
    one_cycle,
    plateau,
    remarks,
    warmup,
    warmup_constant,
    warmup_cosine,
    warmup_linear,
    warmup_stable_decay,
    warmup_steps_down,
)

T, T_W = 50, 10
Build = Callable[[torch.optim.Optimizer], torchs.LRScheduler]


def torch_factors(build: Build, steps: int = T) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = build(optimizer)
    factors = []
    for _ in range(steps):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return factors


def after_warmup(*parts: Build, milestones: list[int]) -> Build:
    """torch's linear warm-up of T_W steps, and then other schedulers from these steps on."""

    def build(optimizer: torch.optim.Optimizer) -> torchs.LRScheduler:
        rise = torchs.LinearLR(optimizer, start_factor=1 / (T_W + 1), total_iters=T_W)
        return torchs.SequentialLR(optimizer, [rise, *(part(optimizer) for part in parts)], milestones)

    return build


def exactly(values: list[float]) -> object:
    return pytest.approx(values, rel=1e-12, abs=1e-12)


def test_cosine_is_torchs_cosine_annealing() -> None:
    reference = torch_factors(lambda o: torchs.CosineAnnealingLR(o, T_max=T, eta_min=0.1), T + 1)
    assert [warmup_cosine(t, T, floor=0.1) for t in range(T + 1)] == exactly(reference)


def test_warm_up_then_cosine_is_torchs_linear_then_cosine() -> None:
    build = after_warmup(lambda o: torchs.CosineAnnealingLR(o, T_max=T - T_W), milestones=[T_W])
    assert [warmup_cosine(t, T, T_W) for t in range(T)] == exactly(torch_factors(build))


def test_warm_up_then_a_line_down_is_torchs_two_linear_schedulers() -> None:
    build = after_warmup(
        lambda o: torchs.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=T - T_W), milestones=[T_W]
    )
    assert [warmup_linear(t, T, T_W, floor=0.1) for t in range(T + 5)] == exactly(torch_factors(build, T + 5))


def test_warm_up_stable_decay_is_torchs_linear_constant_and_linear() -> None:
    build = after_warmup(
        lambda o: torchs.ConstantLR(o, factor=1.0),
        lambda o: torchs.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=15),
        milestones=[T_W, T - 15],
    )
    ours = [warmup_stable_decay(t, T, T_W, decay_steps=15, floor=0.1) for t in range(T + 5)]
    assert ours == exactly(torch_factors(build, T + 5))


def test_until_it_falls_warm_up_stable_decay_does_not_know_how_long_the_training_is() -> None:
    short, long = ([warmup_stable_decay(t, n, T_W, decay_steps=10) for t in range(n - 10)] for n in (T, 10 * T))
    assert short == long[: T - 10]


@pytest.mark.parametrize("warmup_steps", [0, 2, 15, 50])
def test_one_cycle_is_torchs_with_its_defaults_but_for_the_momentum(warmup_steps: int) -> None:
    reference = torch_factors(
        lambda o: torchs.OneCycleLR(o, 1.0, total_steps=T, pct_start=warmup_steps / T, cycle_momentum=False), T - 1
    )
    assert [one_cycle(t, T, warmup_steps) for t in range(T - 1)] == exactly(reference)


def test_after_its_last_step_one_cycle_stays_where_torchs_raises() -> None:
    assert one_cycle(T - 1, T, 15) == one_cycle(2 * T, T, 15) == pytest.approx(4e-6)


def test_steps_down_is_torchs_multi_step() -> None:
    reference = torch_factors(lambda o: torchs.MultiStepLR(o, [20, 35], gamma=0.3))
    assert [warmup_steps_down(t, [20, 35], 0.3) for t in range(T)] == exactly(reference)


def test_constant_is_torchs_linear_warm_up() -> None:
    reference = torch_factors(lambda o: torchs.LinearLR(o, start_factor=1 / 6, total_iters=5), 20)
    assert [warmup_constant(t, 5) for t in range(20)] == exactly(reference)


@pytest.mark.parametrize(("gamma", "patience", "floor"), [(0.5, 0, 0.0), (0.5, 3, 0.0), (0.1, 2, 0.02)])
def test_plateau_is_torchs_after_every_evaluation(gamma: float, patience: int, floor: float) -> None:
    torch.manual_seed(patience)
    scores = (0.9 - torch.rand(60) / torch.arange(1, 61)).double().tolist()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torchs.ReduceLROnPlateau(optimizer, mode="max", factor=gamma, patience=patience, min_lr=floor, eps=0)
    reference = []
    for score in scores:
        scheduler.step(score)
        reference.append(optimizer.param_groups[0]["lr"])
    assert [plateau(scores[: n + 1], gamma, patience, floor) for n in range(60)] == exactly(reference)
    assert len(set(reference)) > 2  # it was cut, more than once


def test_plateau_cuts_at_the_evaluation_after_its_patience_and_counts_anew() -> None:
    assert [plateau([0.5] * n, 0.1, patience=2) for n in (1, 3, 4, 6, 7)] == exactly([1, 1, 0.1, 0.1, 0.01])
    assert plateau([0.5, 0.5, 0.6, 0.6, 0.6], 0.1, patience=2) == 1


def test_warm_up_moves_at_the_first_step_and_is_full_after_the_last() -> None:
    assert warmup(0, 4) == pytest.approx(0.2)
    assert warmup(4, 4) == 1
    assert warmup(0, 0) == 1


def test_cosine_stays_at_its_floor_after_the_end() -> None:
    assert warmup_cosine(99, T, floor=0.25) == pytest.approx(0.25)


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


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("linear", lambda t: warmup_linear(t, 40, 4, 0.1)),
        ("wsd", lambda t: warmup_stable_decay(t, 40, 4, 10, 0.1)),
        ("one_cycle", lambda t: one_cycle(t, 40, 4, floor=0.1)),
    ],
)
def test_a_recipe_names_its_schedule(schedule: str, expected: Callable[[int], float]) -> None:
    fields = {"epochs": 10, "warmup_epochs": 1, "lr": 0.01, "min_lr": 0.001, "decay_share": 0.25}
    recipe = load_recipe("digits", schedule=schedule, **fields)
    assert [learning_rate_factor(recipe, t, steps_per_epoch=4) for t in range(41)] == [expected(t) for t in range(41)]


def test_a_recipes_plateau_ignores_what_was_scored_during_the_warm_up() -> None:
    recipe = load_recipe("digits", schedule="plateau", plateau_patience=0, gamma=0.5, warmup_epochs=2, min_lr=0)
    high = [(4, 0.9), (8, 0.9)]  # warm-up ends with step 8
    assert learning_rate_factor(recipe, 12, 4, [*high, (12, 0.5)]) == 1
    assert learning_rate_factor(recipe, 16, 4, [*high, (12, 0.5), (16, 0.4)]) == 0.5


def test_a_patience_that_ends_the_training_before_plateau_can_cut_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"patience is 3.*takes 4 evaluations.*set patience to 5"):
        tiny(schedule="plateau", plateau_patience=3, patience=3)
    assert tiny(schedule="plateau", plateau_patience=3, patience=4).patience == 4


@pytest.mark.parametrize(("warmup_epochs", "said"), [(2, True), (1.5, False)])
def test_a_warm_up_as_long_as_the_training_is_remarked(warmup_epochs: float, said: bool) -> None:
    found = remarks(load_recipe("digits", epochs=2, warmup_epochs=warmup_epochs))
    assert bool(found) == said
    assert not said or ("warmup_epochs is 2 and epochs 2" in found[0] and "below 2" in found[0])


@pytest.mark.parametrize("epochs", [7, 8])
def test_a_plateau_is_remarked_if_no_scores_could_make_it_cut_in_time(epochs: int) -> None:
    """Of the counted evaluations the first is the best, and the last comes after the last step."""
    recipe = tiny(schedule="plateau", epochs=epochs, eval_every=1, warmup_epochs=2, plateau_patience=3)
    counted = [0.5] * (epochs - 2 - 1)
    cuts = plateau(counted, recipe.gamma, recipe.plateau_patience) < 1
    assert cuts == (not remarks(recipe)) == (epochs == 8)
