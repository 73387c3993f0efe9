"""Is a model as sure as it is right? Reliability, calibration error, and the one number that mends most of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Reliability:
    """Predictions sorted into bins of equal width by their confidence, the highest probability of each.

    Fields:
        edges: [bins + 1] limits of the bins, from 0 to 1.
        count: [bins] predictions in each bin.
        confidence: [bins] their mean confidence; NaN in an empty bin.
        accuracy: [bins] the share of them that is right; NaN in an empty bin.
    """

    edges: Tensor
    count: Tensor
    confidence: Tensor
    accuracy: Tensor

    @property
    def error(self) -> float:
        """Expected calibration error, sum_b (n_b / n) |accuracy_b - confidence_b| (Guo et al. 2017, equation 3)."""
        gap = (self.accuracy - self.confidence).abs().nan_to_num(0.0)
        return ((self.count / self.count.sum()) * gap).sum().item()


def reliability(probabilities: Tensor, targets: Tensor, bins: int = 10) -> Reliability:
    """Sort predictions by confidence and compare confidence with accuracy in each bin (Guo et al. 2017, section 2).

    Bin b holds confidences in (b / bins, (b + 1) / bins].

    Args:
        probabilities: [B, K], rows sum to 1.
        targets: [B] class numbers.
        bins: at least 1.

    Raises:
        ValueError: shapes do not belong together, rows do not sum to 1 (logits?), or there is nothing to sort.
    """
    if probabilities.ndim != 2 or targets.shape != probabilities.shape[:1] or not len(targets):
        raise ValueError(
            f"expected probabilities [B, K] and targets [B], B at least 1; got {list(probabilities.shape)} and {list(targets.shape)}"
        )
    if bins < 1:
        raise ValueError(f"bins is {bins}; it must be at least 1")
    probabilities = probabilities.double()
    if (probabilities < 0).any() or (probabilities.sum(1) - 1).abs().max() > 1e-3:
        raise ValueError("rows of probabilities must be 0 or more and sum to 1; for logits use logits.softmax(-1)")
    confidence, predictions = probabilities.max(dim=1)
    right = (predictions == targets).double()
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64, device=confidence.device)
    index = (torch.bucketize(confidence, edges) - 1).clamp(0, bins - 1)
    count = torch.bincount(index, minlength=bins)
    sums = [torch.bincount(index, weights=values, minlength=bins) for values in (confidence, right)]
    return Reliability(edges, count, sums[0] / count, sums[1] / count)


def fit_temperature(logits: Tensor, targets: Tensor) -> float:
    """T > 0 that minimises the mean cross-entropy of softmax(logits / T) (temperature scaling, Guo et al. 2017, section 4.2).

    The loss is convex in 1 / T; L-BFGS finds the minimum over log T, which keeps T positive.

    Args:
        logits: [B, K] of images that were not trained on; the validation split's.
        targets: [B] class numbers.

    Raises:
        ValueError: no temperature is best: with every prediction right it would be 0, and infinite where the right class has no
            larger logits than the others.
    """
    logits, log_t = logits.double(), torch.zeros((), dtype=torch.float64, requires_grad=True)
    picked = logits.gather(1, targets[:, None])[:, 0]
    if (picked == logits.amax(dim=1)).all() or (picked - logits.mean(dim=1)).mean() <= 0:
        raise ValueError(
            f"no temperature is best for these {len(targets)} predictions: they are all right, or no better than chance; "
            "use more images, or a better model"
        )
    optimizer = torch.optim.LBFGS([log_t], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(logits / log_t.exp(), targets)
        value.backward()
        return value

    optimizer.step(loss)
    return log_t.exp().item()


def doubt_threshold(probabilities: Tensor, targets: Tensor, share: float = 0.05) -> float:
    """The confidence below which ``share`` of the right predictions lie: whoever doubts what is below doubts at most so many of them.

    An answer that is less sure may be wrong, or its image may show none of the classes (Hendrycks and Gimpel 2017). How many of
    those it finds is another question: only images of that kind can tell.

    Args:
        probabilities: [B, K] of images that were not trained on; the validation split's.
        targets: [B] class numbers.
        share: of the right predictions, in [0, 1).

    Raises:
        ValueError: no prediction is right, or share is out of range.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share is {share}; it must be at least 0 and below 1")
    confidence, predictions = probabilities.double().max(dim=1)
    right = confidence[predictions == targets].sort().values
    if not len(right):
        raise ValueError(f"none of these {len(targets)} predictions is right, so no confidence separates right ones")
    return right[int(share * len(right))].item()
