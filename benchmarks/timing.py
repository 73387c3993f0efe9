"""Timing several candidates in turns, so that whatever else the machine does meets all of them alike.

One after the other, a candidate that ran while something else was busy looks slow. Here every candidate runs once in each round, in
a random order, and what is compared is the ratio of two times *of the same round*; the median over the rounds is the result, and the
interquartile range says how much the rounds disagree.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

Step = Callable[[], object]


def in_rounds(
    steps: dict[str, Step], rounds: int, device: torch.device, repeats: int = 1, warmup: int = 2
) -> dict[str, list[float]]:
    """Seconds a call of each step, one value a round.

    Args:
        steps: name -> what is timed.
        rounds: at least 2.
        device: CUDA works ahead of Python, so there the clock is read only when all work is done.
        repeats: calls in one reading of the clock; more than one for steps of a millisecond.
        warmup: calls of each before the first round, which are not counted.
    """
    order = random.Random(0)
    for step in steps.values():
        for _ in range(warmup):
            step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name in order.sample(list(steps), len(steps)):
            times[name].append(seconds(steps[name], device, repeats))
    return times


def seconds(step: Step, device: torch.device, repeats: int = 1) -> float:
    """Wall time of one call, in seconds, the mean over `repeats`."""
    wait(device)
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    wait(device)
    return (time.perf_counter() - start) / repeats


def wait(device: torch.device) -> None:
    """Until the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def compare(times: dict[str, list[float]], baseline: str) -> dict[str, dict[str, Any]]:
    """For each candidate its median time and the ratio time / baseline's time, taken round by round.

    Returns:
        name -> median_s, ratio (median over the rounds), ratio_iqr (25th and 75th percentile), rounds.
    """
    rows = {}
    for name, values in times.items():
        ratios = [mine / theirs for mine, theirs in zip(values, times[baseline], strict=True)]
        rows[name] = {
            "median_s": statistics.median(values),
            "ratio": statistics.median(ratios),
            "ratio_iqr": quartiles(ratios),
            "rounds": len(values),
        }
    return rows


def quartiles(values: Sequence[float]) -> list[float]:
    """25th and 75th percentile."""
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return [low, high]
