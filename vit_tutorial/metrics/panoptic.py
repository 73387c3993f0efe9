"""Panoptic quality: every pixel has a class and, of countable things, an object that it belongs to; one number for both.

Kirillov et al. 2019, "Panoptic Segmentation", section 4. Equal to the COCO API's ``pq_compute``, but for two of its habits: it takes the
area of a true segment from the annotation file, and it excuses only the last of several crowds of one class.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

NOTHING = 0  # the segment number of pixels that belong to no segment: void in the truth, left open in a prediction


def panoptic_counts(
    prediction: Tensor,
    predicted: Mapping[int, int],
    truth: Tensor,
    true: Mapping[int, int],
    num_classes: int,
    crowds: Collection[int] = (),
) -> Tensor:
    """Match the segments of one image and count; add up over images, then :func:`panoptic_quality`.

    A segment is a set of pixels with one class: an object (thing), or all of a stuff class. A true and a predicted segment of one class
    match where IoU > 1/2; since the segments of an image do not overlap, each has at most one partner. IoU leaves void out: it is
    intersection / (both areas - intersection - the predicted segment's pixels in void).

    A true segment without a partner is a false negative, unless it is a crowd. A predicted one is a false positive, unless more than half
    of it lies in void and crowds of its class.

    Args:
        prediction: [H, W], a segment number a pixel; 0 where nothing is predicted.
        predicted: segment number -> class, from 0 to K - 1.
        truth, true: the same of the truth; 0 is void.
        num_classes: K.
        crowds: numbers of true segments that are groups of objects without outlines of their own. They match nothing.

    Returns:
        [4, K] of float64: summed IoU of the matches, matches (TP), false positives, false negatives.

    Raises:
        ValueError: shapes differ; a segment has no class, no pixel, the number 0 or a class that is not there; a crowd is no segment.
    """
    if prediction.shape != truth.shape:
        raise ValueError(
            f"the predicted map is {list(prediction.shape)} and the true one {list(truth.shape)}; "
            "resize the prediction to the size of the truth (nearest neighbour)"
        )
    areas_predicted = _areas("predicted", prediction, predicted, num_classes)
    areas_true = _areas("true", truth, true, num_classes)
    if not set(crowds) <= set(true):
        raise ValueError(f"crowds {sorted(set(crowds) - set(true))} are no true segments (those are {sorted(true)})")
    pairs, sizes = torch.stack([truth.flatten(), prediction.flatten()]).long().unique(dim=1, return_counts=True)
    overlaps = {(t, p): size for (t, p), size in zip(pairs.T.tolist(), sizes.tolist())}

    counts = torch.zeros(4, num_classes, dtype=torch.float64)
    matched_true, matched_predicted = set(), set()
    for (t, p), both in overlaps.items():
        if t == NOTHING or p == NOTHING or t in crowds or true[t] != predicted[p]:
            continue
        iou = both / (areas_true[t] + areas_predicted[p] - both - overlaps.get((NOTHING, p), 0))
        if iou > 0.5:
            counts[0, true[t]] += iou
            counts[1, true[t]] += 1
            matched_true.add(t)
            matched_predicted.add(p)
    for p, k in predicted.items():
        excused = [NOTHING, *(crowd for crowd in crowds if true[crowd] == k)]
        if p not in matched_predicted and sum(overlaps.get((t, p), 0) for t in excused) <= areas_predicted[p] / 2:
            counts[2, k] += 1
    for t, k in true.items():
        if t not in matched_true and t not in crowds:
            counts[3, k] += 1
    return counts


@dataclass(frozen=True)
class PanopticQuality:
    """PQ = SQ * RQ of each class, [K] of float64 each; NaN for a class without a segment on either side.

    Fields:
        pq: sum of the matches' IoU / (TP + FP / 2 + FN / 2).
        sq: segmentation quality, the mean IoU of the matches; 0 where there are none.
        rq: recognition quality, TP / (TP + FP / 2 + FN / 2), which is F1.
    """

    pq: Tensor
    sq: Tensor
    rq: Tensor

    def mean(self, classes: Collection[int] | None = None) -> tuple[float, float, float]:
        """(PQ, SQ, RQ), each the mean over the classes that have one: of all classes, or of these only (things, stuff).

        The mean PQ is not the product of the other two means.
        """
        chosen = slice(None) if classes is None else sorted(classes)
        pq, sq, rq = (values[chosen].nanmean().item() for values in (self.pq, self.sq, self.rq))
        return pq, sq, rq


def panoptic_quality(counts: Tensor) -> PanopticQuality:
    """Divide the counts of :func:`panoptic_counts`, [4, K], summed over all images."""
    iou, tp, fp, fn = counts
    segments = tp + fp / 2 + fn / 2
    sq = (iou / tp.clamp(min=1)).where(segments > 0, torch.nan)
    return PanopticQuality(iou / segments, sq, tp / segments)


def _areas(which: str, segments: Tensor, classes: Mapping[int, int], num_classes: int) -> dict[int, int]:
    """Pixels of each segment. Raises ValueError where map and classes do not belong together."""
    numbers, sizes = segments.unique(return_counts=True)
    areas = dict(zip(numbers.tolist(), sizes.tolist()))
    areas.pop(NOTHING, None)
    if NOTHING in classes:
        raise ValueError(
            f"a {which} segment has the number 0, which is for pixels of no segment; number segments from 1"
        )
    if unknown := sorted(set(areas) - set(classes)):
        raise ValueError(f"{which} segment {unknown[0]} has no class; give one, or set its pixels to 0")
    if empty := sorted(set(classes) - set(areas)):
        raise ValueError(f"{which} segment {empty[0]} has a class and no pixel; leave it out")
    for number, k in classes.items():
        if not 0 <= k < num_classes:
            raise ValueError(
                f"{which} segment {number} has class {k}, which is none of the {num_classes} classes (0 to {num_classes - 1})"
            )
    return areas
