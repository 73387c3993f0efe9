"""Classes of unequal number: what a loss can do so that the frequent ones are not all that it sees.

Two remedies. Weights let rare classes count more while training (:func:`balanced_weights`). Logit adjustment leaves all images as they are and tells
the model how frequent each class is, so that its logits need not (:func:`log_frequencies`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def balanced_weights(counts: Tensor, power: float = 1.0) -> Tensor:
    """w_k = (median_j n_j / n_k)^power, so that with power 1 all classes weigh alike.

    Median frequency balancing of Eigen and Fergus 2015, who count a class's pixels against those of the images that show it; here against all.

    Args:
        counts: n [K], the number of training images or pixels of each class; the median is of those above 0.
        power: 0 weighs all alike.

    Returns:
        float32 [K]; 1 for a class that does not occur.
    """
    n = counts.double()
    there = n > 0
    weight = torch.ones_like(n)
    weight[there] = (n[there].median() / n[there]) ** power
    return weight.float()


def mean_one(weight: Tensor, counts: Tensor) -> Tensor:
    """The weights [K] times the factor that makes their mean over the counted images 1, so that the loss keeps its size."""
    share = counts.double() / counts.sum()
    return (weight / (share * weight).sum()).float()


def log_frequencies(counts: Tensor, classes: Sequence[str] = ()) -> Tensor:
    """log of the class frequencies, log(n_k / sum_j n_j): what logit adjustment adds (Menon et al. 2021, equation 10).

    Bayes: p(k | x) is proportional to p(x | k) pi_k. Train with ``cross_entropy(logits + tau * log_frequencies(counts), targets)``
    and the softmax of the bare logits is what p(k | x) would be if all classes were equally frequent (tau = 1).

    Args:
        counts: n [K], the number of training images of each class.
        classes: their names, for the message.

    Returns:
        float32 [K].

    Raises:
        ValueError: a class has no image.
    """
    if (counts < 1).any():
        k = int((counts < 1).nonzero()[0])
        raise ValueError(
            f"class {classes[k] if classes else k!r} has no training image, so that its frequency has no logarithm; "
            "give it images, or leave it out of the classes"
        )
    return (counts.double() / counts.sum()).log().float()
