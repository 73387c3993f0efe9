"""Losses of classification: by their formulas, whatever form the targets have, and with the best prediction that they say."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from vit_tutorial.losses.classification import binary_cross_entropy, cross_entropy, soft_labels
from vit_tutorial.losses.imbalance import balanced_weights, log_frequencies, mean_one

Loss = Callable[..., Tensor]
each_loss = pytest.mark.parametrize("loss", [cross_entropy, binary_cross_entropy])


def random_batch(B: int = 12, K: int = 5, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, class numbers and distributions, in float64."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(B, K, generator=random, dtype=torch.float64)
    mixed = torch.rand(B, K, generator=random, dtype=torch.float64)
    return logits, torch.randint(K, (B,), generator=random), mixed / mixed.sum(1, keepdim=True)


def best_prediction(loss: Loss, K: int = 4) -> Tensor:
    """The logits [1, K] that Newton's method finds for one image."""
    logits = torch.zeros(1, K, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [logits], max_iter=200, tolerance_grad=1e-12, tolerance_change=0.0, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(logits)
        value.backward()
        return value

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return logits.detach()


# cross-entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_minus_the_mean_of_q_log_p(smoothing: float) -> None:
    logits, classes, mixed = random_batch()
    for targets in (classes, mixed):
        q = soft_labels(targets, 5, smoothing).double()
        by_hand = -(q * logits.log_softmax(1)).sum(1).mean()
        assert_close(cross_entropy(logits, targets, label_smoothing=smoothing), by_hand)


def test_without_weights_it_is_torchs_to_the_bit() -> None:
    logits, classes, mixed = random_batch()
    for targets in (classes, mixed):
        ours = cross_entropy(logits, targets, label_smoothing=0.1)
        assert torch.equal(ours, F.cross_entropy(logits, targets, label_smoothing=0.1))


def test_a_class_number_and_its_one_hot_label_have_one_loss() -> None:
    logits, classes, _ = random_batch()
    weight = torch.tensor([0.5, 1.0, 2.0, 0.0, 3.0], dtype=torch.float64)
    one_hot = F.one_hot(classes, 5).double()
    for options in ({}, {"weight": weight}, {"weight": weight, "label_smoothing": 0.1}):
        assert_close(cross_entropy(logits, classes, **options), cross_entropy(logits, one_hot, **options))


def test_the_gradient_is_p_minus_q() -> None:
    logits, _, mixed = random_batch()
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(len(logits) * cross_entropy(logits, mixed, label_smoothing=0.2), logits)
    assert_close(gradient, logits.detach().softmax(1) - soft_labels(mixed, 5, 0.2))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equal_parts_of_a_weighted_batch_have_the_mean_of_the_batch(smoothing: float) -> None:
    logits, classes, _ = random_batch()
    weight = torch.tensor([0.1, 1.0, 2.0, 5.0, 9.0], dtype=torch.float64)
    parts = [cross_entropy(logits[i : i + 4], classes[i : i + 4], weight, smoothing) for i in range(0, len(logits), 4)]
    assert_close(torch.stack(parts).mean(), cross_entropy(logits, classes, weight, smoothing))


def test_a_weight_does_not_change_the_best_prediction_of_an_image() -> None:
    """Where torch's weights would call an image of class 0 by the rare class 3."""
    weight = torch.tensor([1.0, 1.0, 1.0, 100.0], dtype=torch.float64)
    target, q = torch.tensor([0]), soft_labels(torch.tensor([0]), 4, 0.1).double()
    ours = best_prediction(lambda logits: cross_entropy(logits, target, weight, 0.1))
    assert_close(ours.softmax(1), q, atol=1e-6, rtol=0)
    torchs = best_prediction(lambda logits: F.cross_entropy(logits, target, weight, label_smoothing=0.1))
    assert_close(torchs.softmax(1), weight * q / (weight * q).sum(), atol=1e-6, rtol=0)
    assert torchs.argmax() == 3


def test_under_autocast_the_loss_is_float32() -> None:
    logits, classes, _ = random_batch()
    weight = torch.ones(5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for loss in (cross_entropy, binary_cross_entropy):
            assert loss(logits.bfloat16(), classes, weight).dtype == torch.float32


# yes or no


def test_binary_cross_entropy_is_k_coins() -> None:
    logits, classes, _ = random_batch()
    answers = (torch.rand(12, 5, generator=torch.Generator().manual_seed(1)) < 0.4).double()
    p = logits.sigmoid()
    by_hand = -(answers * p.log() + (1 - answers) * (1 - p).log()).sum(1).mean()
    assert_close(binary_cross_entropy(logits, answers), by_hand)
    assert_close(binary_cross_entropy(logits, classes), binary_cross_entropy(logits, F.one_hot(classes, 5).double()))


def test_binary_cross_entropy_of_two_classes_is_cross_entropy_of_the_difference() -> None:
    logits, _, _ = random_batch(K=2)
    answers = torch.randint(2, (12, 1), generator=torch.Generator().manual_seed(1))
    difference = logits[:, 1:] - logits[:, :1]
    assert_close(binary_cross_entropy(difference, answers.double()), cross_entropy(logits, answers[:, 0]))


def test_a_positive_weight_moves_the_best_probability() -> None:
    weight = torch.tensor([1.0, 4.0, 9.0, 0.5], dtype=torch.float64)
    p = torch.tensor([[0.2, 0.2, 0.5, 0.9]], dtype=torch.float64)
    found = best_prediction(lambda logits: binary_cross_entropy(logits, p, weight)).sigmoid()
    assert_close(found, weight * p / (weight * p + 1 - p), atol=1e-6, rtol=0)


def test_smoothing_of_answers_keeps_the_middle() -> None:
    logits, answers = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    found = best_prediction(lambda z: binary_cross_entropy(z, answers.double(), label_smoothing=0.2), K=2)
    assert_close(found.sigmoid(), torch.tensor([[0.9, 0.1]], dtype=torch.float64), atol=1e-6, rtol=0)
    assert_close(binary_cross_entropy(logits, answers, label_smoothing=0.2), torch.tensor(2 * math.log(2)))


# classes of unequal number


def test_balanced_weights_make_all_classes_weigh_alike() -> None:
    counts = torch.tensor([90, 9, 1])
    weight = balanced_weights(counts)
    assert_close(weight * counts, torch.full((3,), 9.0))
    assert_close(balanced_weights(counts, 0.5), weight.sqrt())
    assert_close(balanced_weights(counts, 0.0), torch.ones(3))


def test_weights_of_mean_one_keep_the_size_of_the_loss() -> None:
    counts = torch.tensor([90, 9, 1])
    weight = mean_one(balanced_weights(counts), counts)
    classes = torch.arange(3).repeat_interleave(counts)
    assert_close(cross_entropy(torch.zeros(100, 3), classes, weight), torch.tensor(math.log(3)))


def test_adjusted_logits_learn_what_equal_classes_would_say() -> None:
    """Two classes, 9 to 1, and one image that shows neither more than the other: bare logits must be level."""
    counts = torch.tensor([9, 1])
    seen = torch.tensor([0] * 9 + [1])
    best = best_prediction(
        lambda logits: cross_entropy(logits.expand(10, -1) + log_frequencies(counts).double(), seen), K=2
    )
    assert_close(best.softmax(1), torch.full((1, 2), 0.5, dtype=torch.float64), atol=1e-6, rtol=0)


def test_a_class_without_images_has_no_frequency() -> None:
    with pytest.raises(ValueError, match="class 'owl' has no training image"):
        log_frequencies(torch.tensor([3, 0]), ["cat", "owl"])


# bad input


@each_loss
def test_what_does_not_belong_together_is_refused(loss: Loss) -> None:
    logits, classes, mixed = random_batch()
    with pytest.raises(ValueError, match=r"got \[12, 5\] and \[11\]"):
        loss(logits, classes[:11])
    with pytest.raises(ValueError, match=r"got \[12, 5\] and \[12, 4\]"):
        loss(logits, mixed[:, :4])
    with pytest.raises(ValueError, match=r"weight is \[4\]; it must be \[5\]"):
        loss(logits, classes, torch.ones(4))
    with pytest.raises(ValueError, match=r"targets.float\(\)"):
        loss(logits, F.one_hot(classes, 5))
