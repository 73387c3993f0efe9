"""Calibration: against scikit-learn, a brute-force search, and models whose calibration is known."""

from __future__ import annotations

import pytest
import torch
from sklearn.calibration import calibration_curve
from torch.nn import functional as F

from vit_tutorial.metrics.calibration import doubt_threshold, fit_temperature, reliability
from vit_tutorial.metrics.classification import wilson_interval


def honest_model(n: int = 20_000, temperature: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and targets that are drawn from softmax(logits / temperature): calibrated at that temperature by construction."""
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(n, 5, generator=generator)
    return logits, torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)[:, 0]


def test_a_model_that_means_its_probabilities_has_almost_no_calibration_error() -> None:
    logits, targets = honest_model()
    assert reliability(logits.softmax(-1), targets).error < 0.01


def test_a_model_that_is_always_sure_and_half_right_has_an_error_of_one_half() -> None:
    probabilities = torch.eye(2)[torch.zeros(10, dtype=torch.long)]
    assert reliability(probabilities, torch.arange(10) % 2).error == pytest.approx(0.5)


def test_bins_are_scikit_learns_for_two_classes() -> None:
    """scikit-learn bins the probability of class 1; where that is the confidence throughout, the two must agree."""
    generator = torch.Generator().manual_seed(1)
    p = 0.5 + 0.5 * torch.rand(500, generator=generator, dtype=torch.float64)
    targets = (torch.rand(500, generator=generator) < p).long()
    ours = reliability(torch.stack([1 - p, p], 1), targets, bins=10)
    share, confidence = calibration_curve(targets.numpy(), p.numpy(), n_bins=10)
    filled = ours.count > 0
    assert ours.accuracy[filled].tolist() == pytest.approx(share.tolist())
    assert ours.confidence[filled].tolist() == pytest.approx(confidence.tolist())


def test_every_prediction_is_in_one_bin() -> None:
    probabilities = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.8, 0.2], [0.2, 0.8]], dtype=torch.float64)
    assert reliability(probabilities, torch.zeros(4, dtype=torch.long), bins=5).count.tolist() == [0, 0, 1, 2, 1]


def test_the_fitted_temperature_is_the_one_the_targets_were_drawn_with() -> None:
    logits, targets = honest_model(temperature=2.5)
    assert fit_temperature(logits, targets) == pytest.approx(2.5, rel=0.03)


def test_no_other_temperature_has_a_smaller_loss() -> None:
    logits, targets = honest_model(500, temperature=0.4)
    best = fit_temperature(logits, targets)
    losses = {t: F.cross_entropy(logits.double() / t, targets).item() for t in (0.9 * best, best, 1.1 * best)}
    assert min(losses, key=lambda t: losses[t]) == best


def test_a_temperature_keeps_every_prediction() -> None:
    logits, targets = honest_model(500, temperature=3.0)
    assert torch.equal((logits / fit_temperature(logits, targets)).argmax(-1), logits.argmax(-1))


def test_predictions_that_are_all_right_have_no_best_temperature() -> None:
    with pytest.raises(ValueError, match="no temperature is best"):
        fit_temperature(5 * torch.eye(3), torch.arange(3))


def test_predictions_that_are_all_wrong_have_no_best_temperature() -> None:
    with pytest.raises(ValueError, match="no better than chance"):
        fit_temperature(5 * torch.eye(3), torch.tensor([1, 2, 0]))


@pytest.mark.parametrize(
    ("probabilities", "targets", "bins"),
    [
        (torch.randn(4, 3), torch.zeros(4, dtype=torch.long), 10),  # logits
        (torch.full((4, 2), 0.5), torch.zeros(3, dtype=torch.long), 10),
        (torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), 10),
        (torch.full((4, 2), 0.5), torch.zeros(4, dtype=torch.long), 0),
    ],
)
def test_what_cannot_be_sorted_is_refused(probabilities: torch.Tensor, targets: torch.Tensor, bins: int) -> None:
    with pytest.raises(ValueError, match=r"probabilities|bins"):
        reliability(probabilities, targets, bins)


def test_wilsons_interval_covers_the_truth_about_95_times_in_100() -> None:
    hits = torch.distributions.Binomial(50, torch.tensor(0.9)).sample((2000,))
    covered = [low <= 0.9 <= high for low, high in (wilson_interval(h.item() / 50, 50) for h in hits)]
    assert 0.92 < sum(covered) / len(covered) < 0.99


@pytest.mark.parametrize(
    ("share", "n", "expected"), [(0.0, 10, (0.0, 0.2775)), (0.5, 10, (0.2366, 0.7634)), (1.0, 10, (0.7225, 1.0))]
)
def test_wilsons_interval_has_its_published_form(share: float, n: int, expected: tuple[float, float]) -> None:
    assert wilson_interval(share, n) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("share", "n"), [(1.5, 10), (-0.1, 10), (0.5, 0)])
def test_an_interval_of_no_share_is_refused(share: float, n: int) -> None:
    with pytest.raises(ValueError, match="share"):
        wilson_interval(share, n)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
def test_the_threshold_doubts_the_share_of_right_answers_that_was_asked_for(share: float) -> None:
    logits, targets = honest_model()
    confidence, predictions = logits.softmax(-1).max(1)
    doubted = confidence.double()[predictions == targets] < doubt_threshold(logits.softmax(-1), targets, share)
    assert doubted.double().mean().item() == pytest.approx(share, abs=1e-4)


def test_of_the_wrong_answers_it_doubts_more() -> None:
    logits, targets = honest_model()
    confidence, predictions = logits.softmax(-1).max(1)
    doubted = confidence.double() < doubt_threshold(logits.softmax(-1), targets, 0.05)
    assert doubted[predictions != targets].double().mean() > 0.1


def test_without_a_right_answer_there_is_no_threshold() -> None:
    with pytest.raises(ValueError, match="none of these 3"):
        doubt_threshold(torch.tensor([[0.9, 0.1]] * 3), torch.ones(3, dtype=torch.long))
    with pytest.raises(ValueError, match="share is 1"):
        doubt_threshold(torch.tensor([[0.9, 0.1]]), torch.zeros(1, dtype=torch.long), 1)
