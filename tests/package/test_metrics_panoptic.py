"""Panoptic quality: by hand, and against the COCO API."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from vit_tutorial.data import digit_scenes
from vit_tutorial.metrics.panoptic import panoptic_counts, panoptic_quality

Segments = dict[int, int]

API_SUMS = [
    24.184728308009547,
    30,
    25,
    27,
]  # panopticapi-lite 0.2.0 on the scenes below: IoU, TP, FP, FN over all classes


def test_a_match_a_miss_and_a_false_alarm_by_hand() -> None:
    """Class 0: two objects, one found with IoU 4 / 5, one missed; one predicted where nothing is. Class 1: the stuff around them."""
    truth = torch.tensor([[1, 1, 3, 3], [1, 1, 3, 3], [3, 3, 2, 2]])
    prediction = torch.tensor([[1, 1, 1, 3], [1, 1, 3, 3], [2, 2, 3, 3]])
    counts = panoptic_counts(prediction, {1: 0, 2: 0, 3: 1}, truth, {1: 0, 2: 0, 3: 1}, 2)
    assert counts[:, 0].tolist() == pytest.approx([4 / 5, 1, 1, 1])
    assert counts[:, 1].tolist() == [0, 0, 1, 1]  # 3 of 8 pixels in common are no match
    quality = panoptic_quality(counts)
    assert quality.pq.tolist() == pytest.approx([0.8 / 2, 0])
    assert quality.sq.tolist() == pytest.approx([0.8, 0])
    assert quality.rq.tolist() == pytest.approx([0.5, 0])
    assert quality.mean() == pytest.approx((0.2, 0.4, 0.25))
    assert quality.mean({0}) == pytest.approx((0.4, 0.8, 0.5))


def test_half_is_no_match() -> None:
    truth, prediction = torch.tensor([[1, 1, 1, 1]]), torch.tensor([[1, 1, 0, 0]])
    assert panoptic_counts(prediction, {1: 0}, truth, {1: 0}, 1)[:, 0].tolist() == [0, 0, 1, 1]


def test_void_excuses_what_is_predicted_on_it_but_not_what_is_left_open() -> None:
    truth = torch.tensor([[1, 1, 1, 0, 0, 0]])
    prediction = torch.tensor([[1, 1, 1, 1, 2, 2]])
    assert panoptic_counts(prediction, {1: 0, 2: 0}, truth, {1: 0}, 1)[:, 0].tolist() == [1, 1, 0, 0]
    left_open = torch.tensor([[1, 1, 0, 0, 0, 0]])
    assert panoptic_counts(left_open, {1: 0}, truth, {1: 0}, 1)[:, 0].tolist() == pytest.approx([2 / 3, 1, 0, 0])


def test_every_crowd_of_its_class_excuses_a_segment_and_none_is_missed() -> None:
    truth = torch.tensor([[1, 1, 0, 2, 2, 3]])
    prediction = torch.tensor([[1, 1, 1, 2, 2, 3]])
    counts = panoptic_counts(prediction, {1: 0, 2: 0, 3: 0}, truth, {1: 0, 2: 0, 3: 1}, 2, crowds=(1, 2))
    assert counts.tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]  # segment 3 lies on another class


def scene_segments(labels: Tensor, moved: int = 0) -> Segments:
    """Segment 1 is the background (class 0); 2, 3, ... are the digits."""
    return {1: 0, **{j: (int(k) - 1 + moved) % 10 + 1 for j, k in enumerate(labels, start=2)}}


def scenes_with_predictions(n: int = 12) -> list[dict]:
    """Scenes of digits with void and crowds, and predictions that are moved, relabelled, merged, left out and made up."""
    random = np.random.RandomState(0)
    scenes, found = digit_scenes(n, min_visible=0.9), []
    for i in range(n):
        truth, true = scenes.instance_masks[i] + 1, scene_segments(scenes.labels[i])
        prediction = truth.roll((random.randint(2), random.randint(-1, 2)), (0, 1))
        predicted = dict(true)
        if i % 3 == 0:
            predicted[2] = true[2] % 10 + 1  # another class
        if i % 4 == 1:
            prediction[prediction == 2] = 1  # missed
        if i % 4 == 2:
            prediction[:6, :6] = 50  # made up
            predicted[50] = true[3]
        if i % 4 == 3:
            prediction[10:14, 12:20] = 0  # left open
        truth = truth.clone()
        row, column = random.randint(14), random.randint(20)
        truth[row : row + 8, column : column + 10] = 0  # void, which may take half of a digit or all of it
        if i % 2:
            crowd = int(truth.max()) + 1
            truth[:5, -9:] = crowd
            true[crowd] = true[2]
        crowds = (crowd,) if i % 2 else ()
        for segments, numbers in ((true, truth), (predicted, prediction)):
            for number in set(segments) - set(numbers.unique().tolist()):
                del segments[number]
        found.append({"prediction": prediction, "predicted": predicted, "truth": truth, "true": true, "crowds": crowds})
    return found


def write_coco(folder: Path, cases: list[dict], numbers: str, classes: str) -> None:
    """The maps as PNGs (segment number = R + 256 G + 65536 B), and a file of annotations beside them."""
    images, annotations = folder / numbers, []
    images.mkdir()
    for i, case in enumerate(cases):
        name, segments = f"{i}.png", case[numbers].numpy()
        Image.fromarray(np.stack([segments % 256, segments // 256, 0 * segments], -1).astype(np.uint8)).save(
            images / name
        )
        infos = [
            {
                "id": number,
                "category_id": k,
                "area": int((segments == number).sum()),
                "iscrowd": int(numbers == "truth" and number in case["crowds"]),
            }
            for number, k in case[classes].items()
        ]
        annotations.append({"image_id": i, "file_name": name, "segments_info": infos})
    categories = [{"id": k, "isthing": int(k > 0)} for k in range(11)]
    (folder / f"{numbers}.json").write_text(json.dumps({"annotations": annotations, "categories": categories}))


def test_scenes_of_digits_have_the_panoptic_quality_of_the_coco_api(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = pytest.importorskip("panopticapi.evaluation")
    cases = scenes_with_predictions()
    write_coco(tmp_path, cases, "truth", "true")
    write_coco(tmp_path, cases, "prediction", "predicted")
    truth, prediction = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("truth", "prediction"))
    theirs = evaluation.pq_compute_single_core(
        0,
        list(zip(truth["annotations"], prediction["annotations"])),
        tmp_path / "truth",
        tmp_path / "prediction",
        {category["id"]: category for category in truth["categories"]},
    )
    counts = torch.stack([panoptic_counts(**case, num_classes=11) for case in cases]).sum(0)
    for k in range(11):
        of_class = theirs[k]
        assert counts[:, k].tolist() == pytest.approx([of_class.iou, of_class.tp, of_class.fp, of_class.fn])
    assert (counts[1:].sum(1) > 5).all()  # matches, false alarms and misses all occur
    quality = panoptic_quality(counts)
    categories = {category["id"]: category for category in truth["categories"]}
    for classes, isthing in ((None, None), (range(1, 11), True), ([0], False)):
        expected = theirs.pq_average(categories, isthing)[0]
        assert quality.mean(classes) == pytest.approx((expected["pq"], expected["sq"], expected["rq"]))


def test_scenes_of_digits_have_the_counts_that_the_coco_api_gave() -> None:
    """The sums of the test above, for where the API is not installed: it asks for NumPy 1."""
    counts = torch.stack([panoptic_counts(**case, num_classes=11) for case in scenes_with_predictions()])
    assert counts.sum((0, 2)).tolist() == pytest.approx(API_SUMS)


def test_a_perfect_prediction_scores_1_and_a_class_without_segments_nothing() -> None:
    scenes = digit_scenes(5)
    counts = torch.zeros(4, 12, dtype=torch.float64)
    for instances, labels in zip(scenes.instance_masks, scenes.labels):
        segments = scene_segments(labels)
        counts += panoptic_counts(instances + 1, segments, instances + 1, segments, 12)
    quality = panoptic_quality(counts)
    assert quality.mean() == (1, 1, 1)
    assert quality.pq[11].isnan()
    assert math.isnan(quality.mean([11])[0])


def test_numbers_of_segments_do_not_matter() -> None:
    for case in scenes_with_predictions(4):
        shifted = {
            "prediction": torch.where(case["prediction"] > 0, case["prediction"] + 1000, 0),
            "predicted": {number + 1000: k for number, k in case["predicted"].items()},
        }
        assert torch.equal(panoptic_counts(**case, num_classes=11), panoptic_counts(**case | shifted, num_classes=11))


def test_maps_and_classes_that_do_not_belong_together_are_refused() -> None:
    truth, segments = torch.tensor([[1, 2]]), {1: 0, 2: 0}
    for prediction, predicted, message in (
        (torch.tensor([[1, 2, 2]]), segments, "resize the prediction"),
        (truth, {1: 0}, "predicted segment 2 has no class; give one, or set its pixels to 0"),
        (truth, {**segments, 3: 0}, "predicted segment 3 has a class and no pixel"),
        (truth, {**segments, 0: 0}, "number segments from 1"),
        (truth, {1: 0, 2: 1}, "predicted segment 2 has class 1, which is none of the 1 classes"),
    ):
        with pytest.raises(ValueError, match=message):
            panoptic_counts(prediction, predicted, truth, segments, 1)
    with pytest.raises(ValueError, match=r"crowds \[7\] are no true segments"):
        panoptic_counts(truth, segments, truth, segments, 1, crowds=(7,))
