"""Learning-rate schedules: plain functions from the step number to a factor in [0, 1].

The learning rate of step t is `lr * factor(t)`. A function of t alone (no counter inside, nothing to save) gives the
same rate after a resume as without one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vit_tutorial.training.recipe import Recipe


def warmup(step: int, warmup_steps: int) -> float:
    """Linear warm-up, (t + 1) / (T_w + 1) for t < T_w, then 1.

    The first step (t = 0) already moves a little, and the factor reaches 1 at t = T_w.

    Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2.
    """
    return min(1.0, (step + 1) / (warmup_steps + 1))


def warmup_cosine(step: int, total_steps: int, warmup_steps: int = 0, floor: float = 0.0) -> float:
    """Linear warm-up, then half a cosine from 1 down to `floor`.

    For T_w <= t <= T, with progress u = (t - T_w) / (T - T_w):

        factor = floor + (1 - floor) * (1 + cos(pi * u)) / 2

    Args:
        step: t, counted from 0.
        total_steps: T, the number of steps of the whole training; after it the factor stays at `floor`.
        warmup_steps: T_w.
        floor: the last factor, min_lr / lr.

    Loshchilov and Hutter 2017, "SGDR", equation 5 (without restarts).
    """
    if step < warmup_steps:
        return warmup(step, warmup_steps)
    progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def warmup_constant(step: int, warmup_steps: int = 0) -> float:
    """Linear warm-up, then 1 for ever."""
    return warmup(step, warmup_steps)


def warmup_steps_down(step: int, milestones: Sequence[int], gamma: float = 0.1, warmup_steps: int = 0) -> float:
    """Linear warm-up, then times `gamma` at each milestone: gamma ** (number of milestones <= t)."""
    passed = sum(step >= milestone for milestone in milestones)
    return warmup(step, warmup_steps) * gamma**passed


def learning_rate_factor(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The factor of a recipe's schedule at a step; the learning rate is `recipe.lr` times it."""
    total = recipe.epochs * steps_per_epoch
    warmup_steps = round(recipe.warmup_epochs * steps_per_epoch)
    if recipe.schedule == "cosine":
        return warmup_cosine(step, total, warmup_steps, recipe.min_lr / recipe.lr)
    if recipe.schedule == "step":
        milestones = [round(fraction * total) for fraction in recipe.milestones]
        return warmup_steps_down(step, milestones, recipe.gamma, warmup_steps)
    return warmup_constant(step, warmup_steps)
