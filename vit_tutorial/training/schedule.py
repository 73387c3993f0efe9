"""Learning-rate schedules: how far the weights move at each step, as a share of the peak.

The learning rate of step t is `lr * factor(t)`. A schedule is a plain function from t to that factor in [0, 1] (no counter inside, nothing
to save), so it gives the same rate after a resume as without one. Only `plateau` needs more than t: the validation scores so far, which the
checkpoint has in its history. Each has the values of a scheduler of torch, which it names. In all of them t counts from 0, T is the
number of steps of the whole training, T_w that of the warm-up, and f = `floor` the last factor, min_lr / lr.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from vit_tutorial.training.recipe import Recipe


def learning_rate_factor(
    recipe: Recipe, step: int, steps_per_epoch: int, scores: Iterable[tuple[int, float]] = ()
) -> float:
    """The factor of a recipe's schedule at a step; the learning rate is `recipe.lr` times it.

    Args:
        step: t.
        steps_per_epoch: turns the recipe's epochs into steps.
        scores: (steps done, validation score) of each evaluation so far, for `plateau`, which ignores those of the warm-up.
    """
    total = recipe.epochs * steps_per_epoch
    warmup_steps = round(recipe.warmup_epochs * steps_per_epoch)
    floor = recipe.min_lr / recipe.lr
    match recipe.schedule:
        case "cosine":
            return warmup_cosine(step, total, warmup_steps, floor)
        case "linear":
            return warmup_linear(step, total, warmup_steps, floor)
        case "wsd":
            return warmup_stable_decay(step, total, warmup_steps, round(recipe.decay_share * total), floor)
        case "one_cycle":
            return one_cycle(step, total, warmup_steps, floor=floor)
        case "step":
            milestones = [round(fraction * total) for fraction in recipe.milestones]
            return warmup_steps_down(step, milestones, recipe.gamma, warmup_steps)
        case "plateau":
            counted = [score for steps_done, score in scores if steps_done > warmup_steps]
            return warmup(step, warmup_steps) * plateau(counted, recipe.gamma, recipe.plateau_patience, floor)
    return warmup_constant(step, warmup_steps)


def remarks(recipe: Recipe) -> list[str]:
    """What the schedule of a recipe cannot do in a training as short as its own, a sentence each."""
    found = []
    if recipe.warmup_epochs >= recipe.epochs:
        found.append(
            f"warmup_epochs is {recipe.warmup_epochs:g} and epochs {recipe.epochs}: the learning rate still rises when the training ends, "
            f"and never is lr; set warmup_epochs below {recipe.epochs}"
        )
    counted = math.ceil(recipe.epochs / recipe.eval_every) - math.floor(recipe.warmup_epochs / recipe.eval_every)
    # The first sets the best, one more than the patience is no better, and the last comes too late.
    needed = recipe.plateau_patience + 3
    if recipe.schedule == "plateau" and counted < needed:
        found.append(
            f"plateau cannot cut the learning rate here: there are {max(0, counted)} evaluations after the warm-up, and it takes {needed}; "
            "set plateau_patience or eval_every lower, or epochs higher"
        )
    return found


def warmup(step: int, warmup_steps: int) -> float:
    """Linear warm-up, (t + 1) / (T_w + 1) for t < T_w, then 1.

    The first step (t = 0) already moves a little, and the factor reaches 1 at t = T_w. torch: `LinearLR(start_factor=1 / (T_w + 1),
    total_iters=T_w)`, whose own default starts at 1/3.

    Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2.
    """
    return min(1.0, (step + 1) / (warmup_steps + 1))


def progress(step: int, first: int, last: int) -> float:
    """u = (t - first) / (last - first), held inside [0, 1]."""
    return min(1.0, max(0.0, (step - first) / max(1, last - first)))


def warmup_cosine(step: int, total_steps: int, warmup_steps: int = 0, floor: float = 0.0) -> float:
    """Linear warm-up, then half a cosine from 1 down to f, f + (1 - f) (1 + cos(pi u)) / 2 with u = (t - T_w) / (T - T_w).

    After T it stays at f; torch's `CosineAnnealingLR` rises again.

    Loshchilov and Hutter 2017, "SGDR", equation 5 (without restarts).
    """
    if step < warmup_steps:
        return warmup(step, warmup_steps)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress(step, warmup_steps, total_steps)))


def warmup_linear(step: int, total_steps: int, warmup_steps: int = 0, floor: float = 0.0) -> float:
    """Linear warm-up, then a straight line from 1 down to f at T. torch: `LinearLR(start_factor=1, end_factor=f)`."""
    if step < warmup_steps:
        return warmup(step, warmup_steps)
    return 1 - (1 - floor) * progress(step, warmup_steps, total_steps)


def warmup_stable_decay(
    step: int, total_steps: int, warmup_steps: int = 0, decay_steps: int = 0, floor: float = 0.0
) -> float:
    """Linear warm-up, then 1, and over the last `decay_steps` a straight line down to f.

    Until the line begins, no factor depends on T, so that the length of the training can be decided while it runs.

    Hu et al. 2024, "MiniCPM"; before, with a falling middle part, Zhai et al. 2022, "Scaling Vision Transformers".
    """
    return min(warmup(step, warmup_steps), 1 - (1 - floor) * progress(step, total_steps - decay_steps, total_steps))


def one_cycle(step: int, total_steps: int, warmup_steps: int = 0, start: float = 1 / 25, floor: float = 4e-6) -> float:
    """Half a cosine from `start` up to 1 at t = T_w - 1, and half a cosine down to f at the last step, t = T - 1.

    torch: `OneCycleLR(max_lr, total_steps=T, pct_start=T_w / T, cycle_momentum=False)`, whose defaults are these; it has no linear warm-up,
    since its rise is one. Momentum stays as it is.

    Smith and Topin 2019, "Super-Convergence".
    """
    if step < warmup_steps - 1:
        return 1 - (1 - start) * 0.5 * (1 + math.cos(math.pi * progress(step, 0, warmup_steps - 1)))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress(step, warmup_steps - 1, total_steps - 1)))


def warmup_constant(step: int, warmup_steps: int = 0) -> float:
    """Linear warm-up, then 1 for ever."""
    return warmup(step, warmup_steps)


def warmup_steps_down(step: int, milestones: Sequence[int], gamma: float = 0.1, warmup_steps: int = 0) -> float:
    """Linear warm-up, then times `gamma` at each milestone: gamma ** (number of milestones <= t). torch: `MultiStepLR`."""
    passed = sum(step >= milestone for milestone in milestones)
    return warmup(step, warmup_steps) * gamma**passed


def plateau(scores: Iterable[float], gamma: float = 0.1, patience: int = 10, floor: float = 0.0) -> float:
    """Times `gamma` whenever more than `patience` evaluations in a row were no better than the best before them.

    Args:
        scores: of the evaluations so far, higher is better; better is by a ten-thousandth of the best.
        gamma, patience, floor: the factor of a cut, the evaluations that are waited for, the lowest factor.

    torch: `ReduceLROnPlateau(mode="max", factor=gamma, patience=patience)`, which carries what this reads off the scores.
    """
    factor, best, stale = 1.0, -math.inf, 0
    for score in scores:
        best, stale = (score, 0) if score > best * (1 + 1e-4) else (best, stale + 1)
        if stale > patience:
            factor, stale = max(floor, factor * gamma), 0
    return factor
