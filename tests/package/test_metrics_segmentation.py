"""Metrics of semantic segmentation: by hand, and against scikit-learn, torchmetrics and an erosion done step by step."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from sklearn import metrics as reference
from torch import Tensor

from vit_tutorial.data import digit_scenes
from vit_tutorial.metrics.segmentation import (
    boundary,
    boundary_counts,
    boundary_iou,
    dice_per_class,
    iou_per_class,
    mean_class_accuracy,
    mean_dice,
    mean_iou,
    mean_iou_of_images,
    pixel_accuracy,
    pixel_confusion,
)

# The example of chapter 4: background 0, two things 1 and 2, and one void pixel.
TRUTH = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 255], [0, 2, 2, 0]])
CALLED = torch.tensor([[0, 0, 1, 1], [0, 1, 1, 1], [0, 2, 2, 2], [0, 0, 2, 2]])


def random_masks(n: int = 6, K: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(predictions, targets) [n, 12, 16]; predictions are right about half of the time, a tenth of the targets is void."""
    random = torch.Generator().manual_seed(seed)
    targets = torch.randint(K, (n, 12, 16), generator=random)
    predictions = torch.randint(K, targets.shape, generator=random)
    predictions = torch.where(torch.rand(targets.shape, generator=random) < 0.5, targets, predictions)
    targets[torch.rand(targets.shape, generator=random) < 0.1] = 255
    return predictions, targets


def test_four_by_four_pixels_by_hand() -> None:
    confusion = pixel_confusion(CALLED, TRUTH, 3)
    assert confusion.tolist() == [[5, 1, 1], [0, 4, 0], [1, 0, 3]]
    assert iou_per_class(confusion).tolist() == pytest.approx([5 / 8, 4 / 5, 3 / 5])
    assert dice_per_class(confusion).tolist() == pytest.approx([10 / 13, 8 / 9, 6 / 8])
    assert mean_iou(confusion) == pytest.approx((5 / 8 + 4 / 5 + 3 / 5) / 3)
    assert mean_dice(confusion) == pytest.approx((10 / 13 + 8 / 9 + 6 / 8) / 3)
    assert pixel_accuracy(confusion) == pytest.approx(12 / 15)
    assert mean_class_accuracy(confusion) == pytest.approx((5 / 7 + 1 + 3 / 4) / 3)


def test_scores_are_scikit_learns() -> None:
    predictions, targets = random_masks()
    keep = targets != 255
    p, t, labels = predictions[keep].numpy(), targets[keep].numpy(), range(5)
    confusion = pixel_confusion(predictions, targets, 5)
    assert confusion.tolist() == reference.confusion_matrix(t, p, labels=labels).tolist()
    assert iou_per_class(confusion).tolist() == pytest.approx(
        reference.jaccard_score(t, p, average=None, labels=labels)
    )
    assert dice_per_class(confusion).tolist() == pytest.approx(reference.f1_score(t, p, average=None, labels=labels))
    assert pixel_accuracy(confusion) == pytest.approx(reference.accuracy_score(t, p))
    assert mean_class_accuracy(confusion) == pytest.approx(reference.balanced_accuracy_score(t, p))


def one_class_absent() -> tuple[Tensor, Tensor]:
    predictions, targets = random_masks()
    targets[targets == 2] = 1
    return predictions, targets


def one_class_nowhere() -> tuple[Tensor, Tensor]:
    predictions, targets = one_class_absent()
    predictions[predictions == 2] = 3
    return predictions, targets


def one_pixel() -> tuple[Tensor, Tensor]:
    targets = torch.full((1, 2, 2), 255)
    targets[0, 1, 0] = 4
    return torch.tensor([[[1, 2], [4, 0]]]), targets


def all_void() -> tuple[Tensor, Tensor]:
    predictions, targets = random_masks()
    return predictions, torch.full_like(targets, 255)


@pytest.mark.parametrize("case", [random_masks, one_class_absent, one_class_nowhere, one_pixel, all_void])
def test_pooled_mean_iou_is_torchmetrics_jaccard_index(case: Callable[[], tuple[Tensor, Tensor]]) -> None:
    torchmetrics = pytest.importorskip("torchmetrics.classification")
    predictions, targets = case()
    theirs = torchmetrics.MulticlassJaccardIndex(5, average="macro", ignore_index=255)
    confusion = torch.zeros(5, 5, dtype=torch.int64)
    for i in range(len(targets)):
        theirs.update(predictions[i : i + 1], targets[i : i + 1])
        confusion += pixel_confusion(predictions[i], targets[i], 5)
    assert mean_iou(confusion) == pytest.approx(theirs.compute().item(), abs=1e-6, nan_ok=True)


def test_iou_of_a_class_is_that_of_its_masks_in_pycocotools() -> None:
    coco = pytest.importorskip("pycocotools.mask")
    predictions, targets = random_masks(1)
    targets[targets == 255] = 0
    scores = iou_per_class(pixel_confusion(predictions, targets, 5))
    for k in range(5):
        called, true = (coco.encode(np.asfortranarray((m[0] == k).byte().numpy())) for m in (predictions, targets))
        assert scores[k].item() == pytest.approx(coco.iou([called], [true], [0]).item())


def test_an_absent_class_counts_where_it_was_predicted_and_only_there() -> None:
    assert iou_per_class(pixel_confusion(*one_class_absent(), 5))[2] == 0
    nowhere = pixel_confusion(*one_class_nowhere(), 5)
    assert iou_per_class(nowhere)[2].isnan()
    assert dice_per_class(nowhere)[2].isnan()
    assert mean_iou(nowhere) == pytest.approx(iou_per_class(nowhere)[[0, 1, 3, 4]].mean().item())


def test_with_all_pixels_void_there_is_no_score() -> None:
    confusion = pixel_confusion(CALLED, torch.full_like(TRUTH, 255), 3)
    assert confusion.sum() == 0
    for score in (mean_iou, mean_dice, pixel_accuracy, mean_class_accuracy):
        assert math.isnan(score(confusion))


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 8), st.integers(1, 5))
def test_tables_of_batches_add_up_to_that_of_all(size: int, K: int) -> None:
    predictions, targets = random_masks(8, K)
    parts = [pixel_confusion(p, t, K) for p, t in zip(predictions.split(size), targets.split(size))]
    assert torch.equal(sum(parts), pixel_confusion(predictions, targets, K))


def test_the_mean_over_images_is_another_number() -> None:
    """Image 1 has 9 pixels of class 1 and all are found; image 2 has one, and it is missed."""
    targets, predictions = torch.zeros(2, 10, dtype=torch.int64), torch.zeros(2, 10, dtype=torch.int64)
    targets[0, :9] = predictions[0, :9] = 1
    targets[1, 0] = 1
    tables = torch.stack([pixel_confusion(p, t, 2) for p, t in zip(predictions, targets)])
    assert mean_iou_of_images(tables) == pytest.approx(((1 + 1) / 2 + (9 / 10 + 0) / 2) / 2)
    assert mean_iou(tables.sum(0)) == pytest.approx((10 / 11 + 9 / 10) / 2)
    assert mean_iou_of_images(torch.cat([tables, torch.zeros_like(tables[:1])])) == mean_iou_of_images(tables)


def test_bytes_are_counted_like_whole_numbers() -> None:
    """21 * 20 + 20 does not fit into a byte."""
    random = torch.Generator().manual_seed(0)
    predictions, targets = (torch.randint(21, (4, 8, 8), generator=random) for _ in range(2))
    expected = pixel_confusion(predictions, targets, 21)
    assert torch.equal(pixel_confusion(predictions.byte(), targets.byte(), 21), expected)
    assert expected.sum() == targets.numel()


def test_labels_and_predictions_beyond_the_classes_are_named() -> None:
    predictions, targets = random_masks()
    with pytest.raises(ValueError, match=r"targets hold 4, which is none of the 4 classes.*name the void label"):
        pixel_confusion(predictions.clamp(max=3), targets, 4)
    with pytest.raises(ValueError, match="targets hold 255"):
        pixel_confusion(predictions, targets, 5, void=11)
    predictions[targets == 255] = 99  # not counted, whatever it is
    assert pixel_confusion(predictions, targets, 5).sum() == (targets != 255).sum()
    predictions[(targets == 0).nonzero()[0].unbind()] = -1
    with pytest.raises(ValueError, match=r"predictions hold -1, which is none of the 5 classes.*argmax"):
        pixel_confusion(predictions, targets, 5)


def test_scores_in_place_of_class_numbers_are_refused() -> None:
    predictions, targets = random_masks()
    with pytest.raises(ValueError, match="must have the same shape"):
        pixel_confusion(torch.rand(6, 5, 12, 16), targets, 5)
    with pytest.raises(ValueError, match=r"predictions are torch.float32; give class numbers"):
        pixel_confusion(predictions.float(), targets, 5)


# boundaries


def eroded(mask: Tensor, d: int) -> Tensor:
    """The reference's way: d times, take away what touches the outside; beyond the border is outside."""
    return torch.from_numpy(ndimage.binary_erosion(mask.numpy(), np.ones((3, 3)), iterations=d, border_value=0))


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4), st.integers(0, 100))
def test_boundaries_are_what_repeated_erosion_takes_away(H: int, W: int, d: int, seed: int) -> None:
    mask = torch.rand(H, W, generator=torch.Generator().manual_seed(seed)) < 0.9
    ratio = d / math.hypot(H, W)
    assert torch.equal(boundary(mask, ratio), mask & ~eroded(mask, d))


def test_a_mask_that_fills_the_image_has_its_boundary_at_the_border() -> None:
    mask = torch.ones(6, 8, dtype=torch.bool)
    expected = mask.clone()
    expected[1:-1, 1:-1] = False
    assert torch.equal(boundary(mask), expected)  # 0.02 of the diagonal of 10 is less than 1: one pixel


def test_boundary_iou_by_hand() -> None:
    """A square of 6x6, and the same moved by one pixel: each outline has 20 pixels, and they meet in two."""
    truth, called = torch.zeros(2, 10, 10, dtype=torch.int64)
    truth[1:7, 1:7] = 1
    called[2:8, 2:8] = 1
    counts = boundary_counts(called[None], truth[None], 2)
    assert counts[:, 1].tolist() == [2, 38]
    assert boundary_iou(counts)[1] == pytest.approx(2 / 38)
    assert iou_per_class(pixel_confusion(called, truth, 2))[1] == pytest.approx(25 / 47)


def test_boundary_iou_of_a_perfect_prediction_is_1_and_void_takes_no_part() -> None:
    scenes = digit_scenes(4)
    targets = scenes.class_masks.clone()
    targets[:, 5:12, 9:20] = 255
    predictions = scenes.class_masks.clone()
    predictions[targets == 255] = 3
    counts = boundary_counts(predictions, targets, 11)
    scores = boundary_iou(counts)
    present = [k for k in range(11) if (targets == k).any()]
    assert scores[present].tolist() == [1.0] * len(present)
    assert scores.isnan().sum() == 11 - len(present)
    halves = [boundary_counts(predictions[i : i + 2], targets[i : i + 2], 11) for i in (0, 2)]
    assert torch.equal(sum(halves), counts)
