"""Metrics against scikit-learn."""

from __future__ import annotations

import pytest
import torch
from sklearn import metrics as reference

from vit_tutorial.metrics.classification import (
    accuracy,
    accuracy_from_confusion,
    confusion_matrix,
    recall_per_class,
    topk_correct,
)

LOGITS = torch.randn(200, 7, generator=torch.Generator().manual_seed(0))
TARGETS = torch.randint(7, (200,), generator=torch.Generator().manual_seed(1))


def test_accuracy_is_scikit_learns() -> None:
    assert accuracy(LOGITS, TARGETS) == pytest.approx(reference.accuracy_score(TARGETS, LOGITS.argmax(1)))


@pytest.mark.parametrize("k", [1, 2, 5, 7])
def test_top_k_accuracy_is_scikit_learns(k: int) -> None:
    expected = reference.top_k_accuracy_score(TARGETS, LOGITS, k=k, labels=range(7)) if k < 7 else 1.0
    assert accuracy(LOGITS, TARGETS, k) == pytest.approx(expected)


def test_confusion_matrix_is_scikit_learns() -> None:
    predictions = LOGITS.argmax(1)
    expected = reference.confusion_matrix(TARGETS, predictions, labels=range(7))
    assert confusion_matrix(predictions, TARGETS, 7).tolist() == expected.tolist()


def test_class_numbers_in_bytes_are_counted_as_those_in_int64() -> None:
    labels, guesses = torch.randint(100, (2, 500), generator=torch.Generator().manual_seed(0))
    expected = confusion_matrix(guesses, labels, 100)
    assert torch.equal(confusion_matrix(guesses.to(torch.uint8), labels.to(torch.uint8), 100), expected)


def test_confusion_matrices_of_batches_add_up_to_that_of_all() -> None:
    predictions = LOGITS.argmax(1)
    parts = [confusion_matrix(predictions[part], TARGETS[part], 7) for part in (slice(0, 90), slice(90, None))]
    assert torch.equal(sum(parts), confusion_matrix(predictions, TARGETS, 7))
    assert accuracy_from_confusion(sum(parts)) == pytest.approx(accuracy(LOGITS, TARGETS))


def test_recall_of_each_class_is_scikit_learns() -> None:
    predictions = LOGITS.argmax(1)
    expected = reference.recall_score(TARGETS, predictions, labels=range(7), average=None)
    assert recall_per_class(confusion_matrix(predictions, TARGETS, 7)).tolist() == pytest.approx(expected.tolist())


def test_more_candidates_than_classes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="top-8 of 7 classes does not exist; choose k from 1 to 7"):
        topk_correct(LOGITS, TARGETS, 8)


def test_logits_and_targets_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got \[200, 7\] and \[199\]"):
        topk_correct(LOGITS, TARGETS[:-1])
