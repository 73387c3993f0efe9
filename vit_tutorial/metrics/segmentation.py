"""Metrics of semantic segmentation. All but the last come from one table: how many pixels of class i were called j.

Over many batches, add the tables up and divide once at the end; that is the mIoU of the benchmarks ("pooled"). Void pixels are in no
table. A class that occurs neither in the truth nor in the predictions has no score: NaN where a score a class is given, left out of
means. A class that was predicted but does not occur has IoU 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

VOID = 255  # the label of pixels that belong to no class, in PASCAL VOC's files and by custom everywhere


def pixel_confusion(predictions: Tensor, targets: Tensor, num_classes: int, void: int = VOID) -> Tensor:
    """Count pixels by their true and their predicted class, over all images of a batch.

    Args:
        predictions: class numbers, [B, H, W] or of any shape; whole numbers of any type (bytes are widened before they are multiplied).
        targets: the same shape; class numbers or void.
        num_classes: K.
        void: the label of pixels that do not count, whatever is predicted there.

    Returns:
        [K, K] of int64; rows are true classes, columns predicted ones.

    Raises:
        ValueError: shapes differ, numbers are not whole, or a number is neither a class nor void.
    """
    labels, called = counted(predictions, targets, num_classes, void)
    return torch.bincount(labels * num_classes + called, minlength=num_classes**2).reshape(num_classes, num_classes)


def iou_per_class(confusion: Tensor) -> Tensor:
    """IoU_k = M[k, k] / (sum_j M[k, j] + sum_i M[i, k] - M[k, k]), intersection over union of true and predicted pixels (Jaccard).

    Args:
        confusion: [K, K] or [N, K, K].

    Returns:
        [K] or [N, K], float64, from 0 to 1; NaN for a class that is nowhere.
    """
    both, true, predicted = _counts(confusion)
    return both / (true + predicted - both)


def dice_per_class(confusion: Tensor) -> Tensor:
    """Dice_k = 2 M[k, k] / (sum_j M[k, j] + sum_i M[i, k]) = 2 IoU_k / (1 + IoU_k), also called F1. Shapes as :func:`iou_per_class`."""
    both, true, predicted = _counts(confusion)
    return 2 * both / (true + predicted)


def mean_iou(confusion: Tensor) -> float:
    """The mean of the classes' IoU, of all pixels together; NaN where no pixel was counted."""
    return iou_per_class(confusion).nanmean().item()


def mean_dice(confusion: Tensor) -> float:
    """The mean of the classes' Dice, of all pixels together; NaN where no pixel was counted."""
    return dice_per_class(confusion).nanmean().item()


def mean_iou_of_images(confusions: Tensor) -> float:
    """The mean over images of each image's own mIoU. This is another number than :func:`mean_iou`, and no benchmark's.

    An image with a few pixels of a class weighs in that class as much as one full of it, and which classes are left out changes from
    image to image.

    Args:
        confusions: [N, K, K], one table an image. Images without a counted pixel are left out.
    """
    return iou_per_class(confusions).nanmean(dim=1).nanmean().item()


def pixel_accuracy(confusion: Tensor) -> float:
    """The share of counted pixels that are right, trace(M) / sum(M); NaN where there is none."""
    both, true, _ = _counts(confusion)
    return (both.sum() / true.sum()).item()


def mean_class_accuracy(confusion: Tensor) -> float:
    """The mean over classes of M[k, k] / sum_j M[k, j], the share of a class's pixels that were found; classes without a pixel are left out."""
    both, true, _ = _counts(confusion)
    return (both / true).nanmean().item()


def boundary(masks: Tensor, ratio: float = 0.02) -> Tensor:
    """The pixels of a mask that are at most d pixels from its outside, across, down or diagonally.

    d = round(ratio * sqrt(H^2 + W^2)), at least 1. Beyond the image's border is outside, so a mask that the border cuts has boundary
    there, as in the reference implementation. (Other libraries' erosions let a mask go on beyond the border.)

    Args:
        masks: bool [..., H, W].
        ratio: 0.02 in the paper.

    Returns:
        bool [..., H, W].

    Cheng et al. 2021, "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation", section 4.
    """
    H, W = masks.shape[-2:]
    d = max(round(ratio * (H**2 + W**2) ** 0.5), 1)
    outside = F.pad(~masks, (d, d, d, d), value=1.0)
    # A square window finds the nearest outside in two steps, one down and one across.
    return masks & _any_in_window(_any_in_window(outside, -2, 2 * d + 1), -1, 2 * d + 1)


def _any_in_window(found: Tensor, dim: int, length: int) -> Tensor:
    """Whether any of x_i ... x_{i + length - 1} is true, for each i along one dimension; windows are doubled until they are long enough."""
    covered = 1
    while covered < length:
        step = min(covered, length - covered)
        n = found.shape[dim] - step
        found = found.narrow(dim, 0, n) | found.narrow(dim, step, n)
        covered += step
    return found


def boundary_counts(
    predictions: Tensor, targets: Tensor, num_classes: int, ratio: float = 0.02, void: int = VOID
) -> Tensor:
    """What Boundary IoU is divided from: pixels of each class in both boundaries, and in either. Add up over batches.

    A void pixel belongs to no mask, neither of the truth nor of the prediction.

    Args:
        predictions, targets: [B, H, W], as in :func:`pixel_confusion`.
        ratio: as in :func:`boundary`.

    Returns:
        [2, K] of int64: intersections and unions.

    Raises:
        ValueError: as :func:`pixel_confusion`.
    """
    labels, called = counted(predictions, targets, num_classes, void)
    there = {*labels.unique().tolist(), *called.unique().tolist()}  # few of many classes are in an image
    counts = []
    for k in range(num_classes):  # one class at a time: K masks of a batch at once would be K times the memory
        if k not in there:
            counts.append(torch.zeros(2, dtype=torch.int64, device=targets.device))
            continue
        true_rim = boundary(targets == k, ratio)
        called_rim = boundary((predictions == k) & (targets != void), ratio)
        counts.append(torch.stack([(true_rim & called_rim).sum(), (true_rim | called_rim).sum()]))
    return torch.stack(counts, dim=1)


def boundary_iou(counts: Tensor) -> Tensor:
    """Boundary IoU of each class from :func:`boundary_counts`, [2, K] -> [K], float64; NaN for a class that is nowhere.

    IoU hardly sees the outline of a large object: most of its pixels are inside. This is the IoU of the outlines alone.
    """
    both, either = counts.cpu().double()
    return both / either


def counted(predictions: Tensor, targets: Tensor, num_classes: int, void: int) -> tuple[Tensor, Tensor]:
    """Labels and predictions of the pixels that are not void, [n] of int64 each. Raises as :func:`pixel_confusion`."""
    if predictions.shape != targets.shape:
        raise ValueError(
            f"predictions are {list(predictions.shape)} and targets {list(targets.shape)}; they must have the same shape: "
            "enlarge the scores to the size of the targets before argmax"
        )
    for name, numbers in (("predictions", predictions), ("targets", targets)):
        if numbers.is_floating_point() or numbers.dtype == torch.bool:
            raise ValueError(f"{name} are {numbers.dtype}; give class numbers, as of scores.argmax(1)")
    keep = targets != void
    labels, called = targets[keep].long(), predictions[keep].long()
    for name, numbers in (("targets", labels), ("predictions", called)):
        wrong = (numbers < 0) | (numbers >= num_classes)
        if wrong.any():
            remedy = (
                "name the void label (void=...), map the labels to classes, or raise num_classes"
                if name == "targets"
                else "take the argmax over the K scores of a pixel, or raise num_classes"
            )
            raise ValueError(
                f"{name} hold {int(numbers[wrong][0])}, which is none of the {num_classes} classes (0 to {num_classes - 1}); {remedy}"
            )
    return labels, called


def _counts(confusion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(right, true, predicted) pixels of each class, float64 [..., K], on the CPU: not every device has float64."""
    confusion = confusion.cpu().double()
    return confusion.diagonal(dim1=-2, dim2=-1), confusion.sum(-1), confusion.sum(-2)


def distance_to_border(targets: Tensor, limit: int = 16) -> Tensor:
    """How far each pixel is from the nearest pixel of another class, across, down or diagonally: 1 at a border, and at most ``limit``.

    Void is a class of its own here; the image's edge is no border.

    Args:
        targets: class numbers [B, H, W]. limit: steps looked for; what is farther away has this distance.

    Returns:
        [B, H, W] of int64, from 1 to limit.
    """
    values = targets.float()[:, None]
    near = F.pad(values, (1, 1, 1, 1), mode="replicate")
    border = (F.max_pool2d(near, 3, 1) != F.max_pool2d(-near, 3, 1).neg()).float()
    distance = torch.full_like(border, float(limit))
    for step in range(1, limit):
        distance = torch.where((border > 0) & (distance > step), float(step), distance)
        border = F.max_pool2d(border, 3, 1, padding=1)
    return distance[:, 0].long()


def errors_by_distance(predictions: Tensor, targets: Tensor, limit: int = 16, void: int = VOID) -> Tensor:
    """Counted pixels at each :func:`distance_to_border`, and how many of them are wrong. Add up over batches.

    Returns:
        [2, limit] of int64: wrong pixels and all pixels at distance 1, 2, ..., limit and beyond.
    """
    keep = targets != void
    distance = distance_to_border(targets, limit)[keep] - 1
    wrong = (predictions != targets)[keep]
    return torch.stack([torch.bincount(distance[wrong], minlength=limit), torch.bincount(distance, minlength=limit)])
