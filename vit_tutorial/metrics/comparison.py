"""Is one setting better than another? Differences of paired measurements, with the interval that belongs to them.

Two settings are measured with the same seeds, so what a seed does to both cancels in the difference of a pair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences a - b, and the interval [low, high] around it; `n` is the number of pairs."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def is_established(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}], {self.n} pairs"


def paired_t(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Difference:
    """Student's interval of the mean difference, d ± t_{S-1} std(d) / sqrt(S) over S seeds.

    It holds its confidence for any number of pairs if their differences are normally distributed, and it pays for few of them:
    t is 4.3 for three seeds and 2.3 for ten.

    Args:
        a, b: [S] the measurements, of one seed in one place.
        confidence: of the interval.

    Raises:
        ValueError: lengths differ, or there are fewer than two pairs.
    """
    from scipy import stats  # here, because training need not pay for the import

    d = _differences(a, b, 1)
    half = float(stats.t.ppf((1 + confidence) / 2, len(d) - 1)) * d.std(ddof=1) / math.sqrt(len(d))
    return Difference(float(d.mean()), float(d.mean() - half), float(d.mean() + half), len(d))


def paired_bootstrap(
    a: ArrayLike, b: ArrayLike, confidence: float = 0.95, draws: int = 9999, seed: int = 0
) -> Difference:
    """Percentile interval of the mean difference over drawn repetitions (Efron and Tibshirani 1993, chapter 13).

    With one value a seed, seeds are drawn with repetition. With one value a seed and image, seeds and images are drawn, each on its
    own: the interval is then for other seeds *and* other images (Owen 2007, the pigeonhole bootstrap). It asks for no
    distribution, but a handful of values says little about tails: of three pairs of one sign no draw has the other sign, so two equal
    settings look different in a quarter of all cases.

    Args:
        a, b: [S] a value a seed, or [S, n] a value a seed and image, such as 1 where the image was read correctly.
        confidence: of the interval.
        draws: repetitions.
        seed: of the draws.

    Raises:
        ValueError: shapes differ, or there are fewer than two pairs.
    """
    d, rng = _differences(a, b, 2), np.random.default_rng(seed)
    if d.ndim == 1:
        from scipy import stats

        method = {"confidence_level": confidence, "n_resamples": draws, "method": "percentile", "rng": rng}
        interval = stats.bootstrap((d,), np.mean, **method).confidence_interval
        return Difference(float(d.mean()), float(interval.low), float(interval.high), len(d))
    S, n = d.shape
    of_seeds, of_images = (rng.multinomial(size, np.full(size, 1 / size), draws) / size for size in (S, n))
    means = ((of_seeds @ d) * of_images).sum(1)  # [draws]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Difference(float(d.mean()), float(low), float(high), S)


def _differences(a: ArrayLike, b: ArrayLike, most: int) -> np.ndarray:
    """a - b in double precision, checked: pairs, of at most so many dimensions."""
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.shape != second.shape or not 1 <= first.ndim <= most:
        raise ValueError(
            f"pairs need one shape, got {first.shape} and {second.shape}; give a value of each for every seed"
        )
    if len(first) < 2:
        raise ValueError(f"an interval needs two seeds or more, here is {len(first)}; train more seeds")
    return first - second


def share_of_false_alarms(
    values: Sequence[float], seeds: int, interval: str, trials: int = 2000, seed: int = 0
) -> float:
    """How often two groups of runs of one and the same setting seem different: the share of trials whose interval misses zero.

    Each trial draws two groups from the runs without repetition and pairs them.

    Args:
        values: a measurement of each of many runs that differ only in the seed.
        seeds: runs in a group.
        interval: "t" or "bootstrap".
        trials, seed: of the draws.

    Raises:
        ValueError: too few runs for two groups.
    """
    if len(values) < 2 * seeds:
        raise ValueError(f"two groups of {seeds} runs need {2 * seeds}, here are {len(values)}")
    rng, kinds = np.random.default_rng(seed), {"t": paired_t, "bootstrap": paired_bootstrap}
    options = {} if interval == "t" else {"draws": 500}
    drawn = (rng.choice(values, 2 * seeds, replace=False) for _ in range(trials))
    return sum(kinds[interval](d[:seeds], d[seeds:], **options).is_established for d in drawn) / trials
