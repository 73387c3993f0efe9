"""k nearest neighbours against scikit-learn's, and the measures of collapse at their ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch.testing import assert_close

from vit_tutorial.metrics.neighbours import effective_rank, knn_accuracy, knn_scores, mean_entropy


@pytest.mark.parametrize("k", [1, 5, 20])
def test_the_vote_is_scikit_learns_with_these_weights(k: int) -> None:
    random = torch.Generator().manual_seed(k)
    bank, queries = torch.randn(60, 8, generator=random), torch.randn(30, 8, generator=random)
    labels = torch.randint(4, (60,), generator=random)
    reference = KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda distance: np.exp((1 - distance) / 0.07)
    ).fit(bank.numpy(), labels.numpy())
    scores = knn_scores(bank, labels, queries, 4, k)
    assert_close(
        scores / scores.sum(1, keepdim=True),
        torch.from_numpy(reference.predict_proba(queries.numpy())).float(),
        atol=1e-4,
        rtol=1e-4,
    )
    truth = torch.randint(4, (30,), generator=random)
    assert knn_accuracy(bank, labels, queries, truth, k) == pytest.approx(
        reference.score(queries.numpy(), truth.numpy())
    )


def test_the_length_of_a_feature_does_not_count() -> None:
    bank, labels = torch.randn(40, 5), torch.randint(3, (40,))
    queries = torch.randn(7, 5)
    lengths = torch.rand(7, 1) * 100
    assert_close(
        knn_scores(bank, labels, queries, 3),
        knn_scores(bank * 0.01, labels, queries * lengths, 3),
        rtol=1e-3,
        atol=1e-3,
    )


def test_more_neighbours_than_images_and_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="choose k from 1 to 4"):
        knn_scores(torch.randn(4, 2), torch.zeros(4, dtype=torch.int64), torch.randn(1, 2), 1, k=5)
    with pytest.raises(ValueError, match=r"got \[4, 2\], \[3\]"):
        knn_scores(torch.randn(4, 2), torch.zeros(3, dtype=torch.int64), torch.randn(1, 2), 1, k=1)


def test_effective_rank_is_one_of_equal_rows_and_full_of_orthogonal_ones() -> None:
    row = torch.randn(1, 6)
    assert effective_rank(row.expand(50, 6)) == pytest.approx(1.0)
    assert effective_rank(row * torch.rand(50, 1)) == pytest.approx(1.0, abs=1e-5)
    assert effective_rank(torch.eye(6).repeat(10, 1)) == pytest.approx(6.0)


def test_effective_rank_of_two_unequal_directions_by_hand() -> None:
    features = torch.diag(torch.tensor([3.0, 1.0]))
    by_hand = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert effective_rank(features) == pytest.approx(by_hand)


def test_entropy_is_nought_of_the_sure_and_the_log_of_k_of_the_uniform() -> None:
    assert mean_entropy(torch.eye(5)) == 0
    assert_close(mean_entropy(torch.full((3, 5), 0.2)), torch.tensor(math.log(5)))
