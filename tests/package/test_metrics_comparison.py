"""Differences of paired measurements: what their intervals hold, and how often they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from vit_tutorial.metrics.comparison import paired_bootstrap, paired_t, share_of_false_alarms

RNG = np.random.default_rng(0)


def test_students_interval_is_scipys() -> None:
    a, b = RNG.normal(size=7), RNG.normal(size=7)
    wanted = stats.ttest_rel(a, b).confidence_interval(0.9)
    found = paired_t(a, b, 0.9)
    assert (found.low, found.high) == (pytest.approx(wanted.low), pytest.approx(wanted.high))
    assert found.mean == pytest.approx((a - b).mean())
    assert found.n == 7


def test_what_a_seed_does_to_both_cancels() -> None:
    of_seed = RNG.normal(size=6) * 10
    plain, shifted = (
        paired_t(a, b) for a, b in (([1, 2, 3, 1, 2, 3], [0] * 6), (of_seed + np.array([1, 2, 3, 1, 2, 3]), of_seed))
    )
    assert (shifted.low, shifted.high) == (pytest.approx(plain.low), pytest.approx(plain.high))
    assert plain.is_established


def test_the_bootstrap_of_many_seeds_is_students_interval() -> None:
    a, b = RNG.normal(size=200), RNG.normal(size=200)
    t, drawn = paired_t(a, b), paired_bootstrap(a, b)
    assert drawn.low == pytest.approx(t.low, abs=0.02)
    assert drawn.high == pytest.approx(t.high, abs=0.02)


def test_three_pairs_of_one_sign_look_established_to_the_bootstrap_and_not_to_student() -> None:
    assert paired_bootstrap([1.0, 2.0, 9.0], [0.0, 0.0, 0.0]).is_established
    assert not paired_t([1.0, 2.0, 9.0], [0.0, 0.0, 0.0]).is_established


def test_seeds_that_agree_leave_the_images_uncertainty_alone() -> None:
    right = RNG.random(400) < 0.9
    d = paired_bootstrap(np.stack([right] * 5), np.zeros((5, 400)))
    wanted = 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 400)
    assert (d.high - d.low) / 2 == pytest.approx(wanted, rel=0.1)


def test_images_that_agree_leave_the_seeds_uncertainty_alone() -> None:
    of_seed = RNG.normal(size=12)
    both = paired_bootstrap(np.repeat(of_seed[:, None], 50, axis=1), np.zeros((12, 50)))
    seeds = paired_bootstrap(of_seed, np.zeros(12))
    assert (both.low, both.high) == (pytest.approx(seeds.low, abs=0.03), pytest.approx(seeds.high, abs=0.03))


def test_false_alarms_of_three_seeds_are_a_twentieth_by_student_and_a_quarter_by_the_bootstrap() -> None:
    values = RNG.normal(size=500)
    assert share_of_false_alarms(values, 3, "t") == pytest.approx(0.05, abs=0.02)
    assert share_of_false_alarms(values, 3, "bootstrap", trials=400) == pytest.approx(0.25, abs=0.07)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0, 2.0], [1.0], r"pairs need one shape, got \(2,\) and \(1,\)"),
        ([1.0], [2.0], "an interval needs two seeds or more, here is 1"),
    ],
)
def test_what_makes_no_pairs_is_refused(a: list[float], b: list[float], message: str) -> None:
    for interval in (paired_t, paired_bootstrap):
        with pytest.raises(ValueError, match=message):
            interval(a, b)


def test_student_takes_no_images() -> None:
    with pytest.raises(ValueError, match="pairs need one shape"):
        paired_t(np.zeros((3, 5)), np.zeros((3, 5)))


def test_two_groups_need_runs_for_both() -> None:
    with pytest.raises(ValueError, match="two groups of 3 runs need 6, here are 5"):
        share_of_false_alarms([0.0] * 5, 3, "t")
