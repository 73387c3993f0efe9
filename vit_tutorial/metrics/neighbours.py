"""k nearest neighbours on frozen features: what a representation is worth before anything is trained on it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def knn_scores(
    bank: Tensor, labels: Tensor, queries: Tensor, num_classes: int, k: int = 20, temperature: float = 0.07
) -> Tensor:
    """What the k nearest images of a bank vote for: s_c = sum of exp(cos(q, b_i) / tau) over those neighbours i whose class is c.

    Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", section 3.4; k = 20 and tau = 0.07 are
    DINO's. Features are brought to length 1 here.

    Args:
        bank: [M, D] features of images whose classes are known. labels: int64 [M].
        queries: [N, D].
        k: neighbours; at most M.

    Returns:
        [N, num_classes].

    Raises:
        ValueError: k is not from 1 to M, or shapes do not belong together.
    """
    if bank.ndim != 2 or queries.shape[1:] != bank.shape[1:] or labels.shape != bank.shape[:1]:
        raise ValueError(
            f"expected a bank [M, D], labels [M] and queries [N, D], got {list(bank.shape)}, {list(labels.shape)} and {list(queries.shape)}"
        )
    if not 1 <= k <= len(bank):
        raise ValueError(f"{k} neighbours of {len(bank)} images do not exist; choose k from 1 to {len(bank)}")
    bank, queries = F.normalize(bank.float(), dim=1), F.normalize(queries.float(), dim=1)
    scores = []
    for some in queries.split(1024):  # [1024, M] at a time
        cosines, nearest = (some @ bank.T).topk(k, dim=1)  # [n, k]
        votes = some.new_zeros(len(some), num_classes)
        scores.append(votes.scatter_add_(1, labels[nearest], (cosines / temperature).exp()))
    return torch.cat(scores)


def knn_accuracy(
    bank: Tensor, labels: Tensor, queries: Tensor, truth: Tensor, k: int = 20, temperature: float = 0.07
) -> float:
    """The share of queries whose neighbours vote for their class ``truth`` [N]. Arguments as :func:`knn_scores`."""
    num_classes = int(max(labels.max(), truth.max())) + 1
    called = knn_scores(bank, labels, queries, num_classes, k, temperature).argmax(1)
    return (called == truth).double().mean().item()


def effective_rank(features: Tensor) -> float:
    """exp(-sum_i p_i log p_i) with p_i = sigma_i / sum_j sigma_j of the singular values of features [N, D]: in how many directions they differ.

    From 1, where all are multiples of one vector, to min(N, D). Roy and Vetterli 2007; Garrido et al. 2023 (RankMe) read it as a sign
    of collapse. Features are taken as they are, their mean included: without it the rounding of equal ones would count as directions.
    """
    sigma = torch.linalg.svdvals(features.double())
    p = sigma / sigma.sum()
    return torch.special.entr(p).sum().exp().item()


def mean_entropy(probabilities: Tensor) -> Tensor:
    """The mean of -sum_k p_k log p_k over all distributions [..., K], in nats: 0 where each is sure, log K where each is uniform."""
    return torch.special.entr(probabilities).sum(-1).mean()
