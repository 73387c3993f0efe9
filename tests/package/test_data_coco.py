"""COCO's annotation files: masks as pycocotools makes them, and every fault said before pycocotools sees it."""

from __future__ import annotations

import contextlib
import io
import json
import time
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_helpers import SQUARE, coco_content, photo
from torch import Tensor

from vit_tutorial.data import (
    VOID,
    BadAnnotations,
    MissingData,
    batches,
    coco,
    coco_images,
    digit_scenes,
    read_coco,
    write_coco,
    write_coco_results,
    write_coco_scenes,
)
from vit_tutorial.data.coco import class_mask, object_masks
from vit_tutorial.data.coco_rle import checked_rle, filled, uncompressed

pytest.importorskip("pycocotools", reason="COCO's masks need pycocotools: pip install pycocotools")
from pycocotools import mask as tools
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def silent(make, *arguments):
    """pycocotools prints what it does."""
    with contextlib.redirect_stdout(io.StringIO()):
        return make(*arguments)


def read(tmp_path: Path, on_bad: str = "stop", **annotation: Any):
    return read_coco(written(tmp_path / "a.json", coco_content(**annotation)), on_bad)


def two(first: dict, second: dict) -> dict[str, Any]:
    content = coco_content(**first)
    content["annotations"] += coco_content(**{"id": 2, **second})["annotations"]
    return content


# What is read


def test_categories_with_gaps_become_classes_and_are_mapped_back(tmp_path):
    file = read(tmp_path)
    assert file.classes == ["background", "cat", "dog"]
    assert file.category_ids == [2, 5]
    assert file.objects[0][0].label == 2
    assert class_mask(file.objects[0], (12, 16)).unique().tolist() == [0, 2]


def test_a_square_is_the_16_pixels_that_pycocotools_fills(tmp_path):
    mask = class_mask(read(tmp_path).objects[0], (12, 16))
    expected = torch.zeros(12, 16, dtype=torch.uint8)
    expected[2:6, 2:6] = 2
    assert torch.equal(mask, expected)


def test_the_smaller_of_two_objects_lies_on_the_larger_whichever_comes_first(tmp_path):
    large = {"category_id": 2, "segmentation": [[0, 0, 10, 0, 10, 10, 0, 10]]}
    for content in (two(large, {}), two({}, large)):
        mask = class_mask(read_coco(written(tmp_path / "a.json", content)).objects[0], (12, 16))
        assert mask[2:6, 2:6].unique().tolist() == [2]
        assert int((mask == 1).sum()) == 100 - 16
    same = read_coco(written(tmp_path / "a.json", two({}, {"category_id": 2})))
    assert class_mask(same.objects[0], (12, 16))[3, 3] == 1  # of two alike the later one
    assert object_masks(same.objects[0], (12, 16))["masks"].sum() == 32  # both whole


def test_polygons_of_one_object_that_overlap_are_filled_together_and_leave_no_hole(tmp_path):
    parts = [SQUARE, [4, 4, 9, 4, 9, 9, 4, 9]]
    mask = class_mask(read(tmp_path, segmentation=parts).objects[0], (12, 16)) == 2
    union = torch.zeros(12, 16, dtype=torch.bool)
    union[2:6, 2:6] = union[4:9, 4:9] = True
    assert torch.equal(mask, union)
    assert np.array_equal(tools.decode(tools.merge(tools.frPyObjects(parts, 12, 16))), mask.numpy())


@pytest.mark.parametrize("counts", ["list", "text"])
def test_crowd_regions_are_void_but_where_an_object_is(counts, tmp_path):
    region = np.zeros((12, 16), np.uint8, order="F")
    region[4:10, 4:10] = 1
    rle = tools.encode(region)
    segmentation = {"size": [12, 16], "counts": rle["counts"].decode() if counts == "text" else listed_runs(region)}
    content = two({}, {"iscrowd": 1, "segmentation": segmentation})
    file = read_coco(written(tmp_path / "a.json", content))
    mask = class_mask(file.objects[0], (12, 16))
    assert (mask[2:6, 2:6] == 2).all()
    assert int((mask == VOID).sum()) == 36 - 4
    target = object_masks(file.objects[0], (12, 16))
    assert torch.equal(target["void"], mask == VOID)
    assert target["labels"].tolist() == [2]
    assert target["ids"].tolist() == [1]
    assert "1 crowd regions" in str(file)


def listed_runs(mask: np.ndarray) -> list[int]:
    """Run lengths column by column, beginning with those outside."""
    runs = [(value, len(list(run))) for value, run in groupby(mask.T.ravel().tolist())]
    return [0] * (runs[0][0] == 1) + [length for _, length in runs]


def test_an_object_over_the_border_is_cut_there(tmp_path):
    over = [[-4.0, 3, 5, 3, 5, 20, -4, 20]]
    mask = class_mask(read(tmp_path, segmentation=over).objects[0], (12, 16))
    assert torch.equal(mask == 2, (torch.arange(12)[:, None] >= 3) & (torch.arange(16) < 5))


def test_an_image_without_an_object_is_background(tmp_path):
    content = coco_content()
    content["images"].append({"id": 8, "file_name": "b.png", "height": 5, "width": 4})
    file = read_coco(written(tmp_path / "a.json", content))
    assert torch.equal(class_mask(file.objects[1], (5, 4)), torch.zeros(5, 4, dtype=torch.uint8))
    assert object_masks(file.objects[1], (5, 4))["masks"].shape == (0, 5, 4)
    assert "1 images without an object" in str(file)


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    share=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_compressed_runs_are_understood_as_pycocotools_writes_them(height, width, share, seed):
    mask = (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8, order="F")
    text = tools.encode(mask)["counts"].decode()
    assert uncompressed(text).tolist() == listed_runs(mask)
    rle = checked_rle({"size": [height, width], "counts": text}, (height, width))
    assert rle["counts"] == text.encode()
    columns, pixels, area = filled(rle)
    whole = np.zeros((height, width), np.uint8)
    whole[:, columns] = pixels.T
    assert np.array_equal(whole, tools.decode(rle))
    assert area == mask.sum()


# What is wrong with a file


def shortened(counts: list[int]) -> dict[str, Any]:
    return {"size": [12, 16], "counts": counts}


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "image": ({"image_id": 8}, "belongs to the image 8, which the file does not list"),
    "category": ({"category_id": 3}, "has the category 3, which the file does not list"),
    "id 0": ({"id": 0}, "has an id that is none; number annotations from 1"),
    "no id": ({"id": None}, "number annotations from 1"),
    "id in words": ({"id": "one"}, "number annotations from 1"),
    "crowd": ({"iscrowd": 2}, "has iscrowd 2, not 0 or 1"),
    "no outline": ({"segmentation": []}, "has no outline"),
    "outline in words": ({"segmentation": "left"}, "has no outline"),
    "two points": ({"segmentation": [[1, 1, 5, 5]]}, "has a polygon of 4 numbers; three points"),
    "a second part of two points": ({"segmentation": [SQUARE, [1, 1, 5, 5]]}, "has a polygon of 4 numbers"),
    "an odd number": ({"segmentation": [[*SQUARE, 3]]}, "has a polygon of 9 numbers"),
    "no numbers": ({"segmentation": [["1", "2", "3", "4", "5", "6"]]}, "is no list of numbers"),
    "none among numbers": ({"segmentation": [[1, 2, None, 4, 5, 6]]}, "is no list of numbers"),
    "lists in lists": ({"segmentation": [[1, [2, 3], 4, 4, 5, 6]]}, "is no list of numbers"),
    "not a number": ({"segmentation": [[1, 2, float("nan"), 4, 5, 6]]}, "further out than the image is large"),
    "far away": ({"segmentation": [[1, 2, 900, 4, 5, 6]]}, "further out than the image is large"),
    "outside": ({"segmentation": [[17, 2, 20, 2, 20, 6]]}, "lies outside its image"),
    "no area": ({"segmentation": [[1, 1, 3, 3, 5, 5]]}, "has no area"),
    "short runs": ({"segmentation": shortened([10, 20])}, r"sum to 30, but its image has 12 \* 16 = 192 pixels"),
    "long runs": ({"segmentation": shortened([10, 190])}, "sum to 200"),
    "negative runs": ({"segmentation": shortened([200, -8])}, "neither a text nor a list of whole numbers"),
    "runs in words": ({"segmentation": shortened(["192"])}, "neither a text nor a list"),
    "another size": ({"segmentation": {"size": [16, 12], "counts": [92, 100]}}, r"of size \[16, 12\] .*, but its image has \[12, 16\]"),
    "no size": ({"segmentation": {"counts": [192]}}, "of size None"),
    "short text": ({"segmentation": {"size": [12, 16], "counts": "0"}}, "sum to 0"),
    "text without end": ({"segmentation": {"size": [12, 16], "counts": "P"}}, "that are damaged: a character"),
    "odd text": ({"segmentation": {"size": [12, 16], "counts": "5 é"}}, "that are damaged: a character"),
    "empty text": ({"segmentation": {"size": [12, 16], "counts": ""}}, "that are damaged: a character"),
    "half a letter": ({"segmentation": {"size": [12, 16], "counts": "\ud800"}}, "surrogates not allowed"),
    "endless number": ({"segmentation": {"size": [12, 16], "counts": "o" * 9 + "0"}}, "more than 32 bits"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_annotation_is_named_and_left_out_if_asked(name, tmp_path):
    change, message = FAULTY[name]
    with pytest.raises(BadAnnotations, match=f"1 of 1 annotations of .*{message}"):
        read(tmp_path, **change)
    content = coco_content(**change)
    content["annotations"] += coco_content(id=9)["annotations"]
    with pytest.warns(UserWarning, match=message):
        file = read_coco(written(tmp_path / "a.json", content), "skip")
    assert [one.id for one in file.objects[0]] == [9]
    assert len(file.skipped) == 1


def test_an_id_that_is_taken_is_a_fault_of_the_second(tmp_path):
    with pytest.raises(BadAnnotations, match="annotation 1 has an id that another annotation has") as caught:
        read_coco(written(tmp_path / "a.json", two({}, {"id": 1})))
    assert len(caught.value.faults) == 1


def changed(**entries: Any) -> dict[str, Any]:
    return {**coco_content(), **entries}


IMAGE = {"id": 7, "file_name": "a.png", "height": 12, "width": 16}
WHOLE_FILES: dict[str, tuple[Any, str]] = {
    "empty": ("", "is no whole JSON file"),
    "cut": (json.dumps(coco_content())[:-9], "is no whole JSON file"),
    "a list": ([], "is no COCO annotation file, .* but a list"),
    "results": ({"type": 1}, "is no COCO annotation file"),
    "no annotations": (changed(annotations=[]), "has no annotations: its list is empty"),
    "no images": (changed(images=[]), "has no images"),
    "numbers": (changed(annotations=[1]), "an entry of annotations is no object"),
    "an image twice": (changed(images=[IMAGE, IMAGE]), "has the id 7; give each image a whole number of its own"),
    "no size": (changed(images=[{**IMAGE, "height": 0}]), "has height 0 and width 16"),
    "huge": (changed(images=[{**IMAGE, "height": 10**6, "width": 10**6}]), "has height 1000000"),
    "outside": (changed(images=[{**IMAGE, "file_name": "../a.png"}]), "give a path below the folder of images"),
    "category twice": (changed(categories=[{"id": 5, "name": "a"}] * 2), "two categories share one of their ids, 5"),
    "name twice": (changed(categories=[{"id": 5, "name": "a"}, {"id": 6, "name": "a"}]), "share one of their names, a"),
    "no name": (changed(categories=[{"id": 5}]), "a category has id 5 and name None"),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_a_file_that_is_no_annotation_file_is_refused(name, tmp_path):
    content, message = WHOLE_FILES[name]
    with pytest.raises(ValueError, match=message):
        read_coco(written(tmp_path / "a.json", content))


def test_images_that_are_not_there_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"1 of the 1 images of .* are not in .*: a.png; give their folder"):
        coco_images(tmp_path, written(tmp_path / "a.json", coco_content()))
    with pytest.raises(MissingData, match="no COCO 2017 in any of these"):
        coco(tmp_path)


def test_an_image_of_another_size_than_the_file_says_is_refused(tmp_path):
    photo(tmp_path / "a.png", (10, 16))
    data = coco_images(tmp_path, written(tmp_path / "a.json", coco_content()))
    with pytest.raises(ValueError, match=r"a.png has 10x16 pixels .*, but its mask has 12x16"):
        data[0]


# What is written


def test_scenes_written_and_read_are_the_scenes(tmp_path):
    scenes = digit_scenes(12, (24, 32), (1, 5), seed=4)
    write_coco_scenes(scenes, tmp_path)
    source = tmp_path / "train2017", tmp_path / "annotations" / "instances_train2017.json"
    classes, objects = (coco_images(*source, kind, channels=1) for kind in ("classes", "objects"))
    assert classes.classes == list(scenes.classes)
    for i in range(12):
        assert torch.equal(classes[i][0], scenes.images[i])
        assert torch.equal(classes[i][1].long(), scenes.class_masks[i])
        target = objects[i][1]
        assert torch.equal(target["labels"], scenes.labels[i])
        assert torch.equal(
            target["masks"], scenes.instance_masks[i] == torch.arange(1, len(scenes.labels[i]) + 1)[:, None, None]
        )
    assert silent(COCO, str(source[1])).getAnnIds() == list(range(1, sum(map(len, scenes.labels)) + 1))


def test_perfect_results_written_for_pycocotools_score_1(tmp_path):
    scenes = digit_scenes(10, (24, 32), (1, 5), seed=4)
    write_coco_scenes(scenes, tmp_path)
    annotations = tmp_path / "annotations" / "instances_train2017.json"
    content = json.loads(annotations.read_text())
    for kind, key in (("categories", "id"), ("annotations", "category_id")):  # ids with gaps, to be mapped back
        for entry in content[kind]:
            entry[key] = 7 * entry[key]
    data = coco_images(tmp_path / "train2017", written(annotations, content), "objects", channels=1)
    masks, labels = zip(*((target["masks"], target["labels"]) for _, target in data))
    scores = [torch.linspace(1, 0.5, len(label)) for label in labels]
    ids = data.targets.image_ids, data.targets.category_ids
    write_coco_results(tmp_path / "results.json", ids[0], masks, labels, scores, ids[1])
    truth = silent(COCO, str(annotations))
    found = silent(truth.loadRes, str(tmp_path / "results.json"))
    evaluation = silent(COCOeval, truth, found, "segm")
    for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
        silent(step)
    assert evaluation.stats[0] == pytest.approx(1.0)


NOTHING = torch.zeros(1, 4, 4)


@pytest.mark.parametrize(
    ("masks", "labels", "message"),
    [
        ([NOTHING], [torch.tensor([1])], "a.png: an object of class 1 has no pixel"),
        ([NOTHING + 1], [torch.tensor([3])], "an object has class 3; classes with a category are 1 to 2"),
        ([NOTHING + 1], [torch.tensor([0])], "an object has class 0"),
        ([NOTHING[0]], [torch.tensor([1])], r"masks of m objects are \[m, H, W\]"),
        ([], [], "there are 1 names, masks of 0 images"),
    ],
)
def test_what_pycocotools_would_misread_is_not_written(
    masks: list[Tensor], labels: list[Tensor], message: str, tmp_path: Path
):
    with pytest.raises(ValueError, match=message):
        write_coco(tmp_path / "a.json", ["a.png"], masks, labels, ["background", "cat", "dog"])
    with pytest.raises(ValueError, match="need as many different ids"):
        write_coco(tmp_path / "a.json", [], [], [], ["background", "cat", "dog"], [1, 1])


def test_a_mask_of_any_values_is_written_by_where_it_is_not_zero(tmp_path):
    mask = torch.tensor([[[0, 1, 2, 3], [0, 0, 2, 0]]])
    write_coco(tmp_path / "a.json", ["a.png"], [mask], [torch.tensor([1])], ["background", "cat"])
    file = read_coco(tmp_path / "a.json")
    assert torch.equal(object_masks(file.objects[0], (2, 4))["masks"], mask > 0)


# Real files


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Path:
    if not (shared_data / "coco-tiny").is_dir():
        pytest.skip(f"{shared_data / 'coco-tiny'} is not there")
    return shared_data / "coco-tiny"


@pytest.mark.needs_data
@pytest.mark.parametrize("part", ["train", "val"])
def test_the_masks_of_real_images_are_pycocotools_to_the_pixel(part: str, real: Path):
    path = real / "annotations" / f"instances_{part}2017.json"
    file, theirs = read_coco(path), silent(COCO, str(path))
    assert len(file.names) == 80
    for number, (id_, size) in enumerate(zip(file.image_ids, file.sizes)):
        annotations = theirs.imgToAnns[id_]
        masks = [theirs.annToMask(annotation) for annotation in annotations]
        ours = iter(object_masks(file.objects[number], size)["masks"].numpy())
        assert all(np.array_equal(next(ours), m) for a, m in zip(annotations, masks) if not a["iscrowd"])
        assert next(ours, None) is None
        order = sorted(zip(annotations, masks), key=lambda pair: (not pair[0]["iscrowd"], -np.count_nonzero(pair[1])))
        painted = np.zeros(size, np.uint8, order="F")  # as pycocotools' masks lie in memory
        for annotation, mask in order:
            label = VOID if annotation["iscrowd"] else file.category_ids.index(annotation["category_id"]) + 1
            np.copyto(painted, label, where=mask.view(bool))
        assert np.array_equal(class_mask(file.objects[number], size).numpy(), painted)


@pytest.mark.needs_data
def test_real_photographs_come_in_batches_with_their_masks(real: Path):
    splits = coco(real, size=(64, 64))
    assert [len(split) for split in splits][2] == 80
    assert sum(len(split) for split in splits) == 160
    (images, masks), *_ = batches(splits.val, 2, seed=0, epoch=0)
    assert images.shape == (2, 3, 64, 64)
    assert masks.shape == (2, 64, 64)
    assert splits.classes[:3] == ["background", "person", "bicycle"]


@pytest.mark.needs_data
def test_masks_take_less_time_than_torchvisions(real: Path):
    """About 0.2 for classes and 0.3 for objects; the limit leaves room for a busy machine."""
    from torchvision import datasets
    from torchvision.tv_tensors._dataset_wrapper import WRAPPER_FACTORIES

    path = real / "annotations" / "instances_val2017.json"
    plain = silent(datasets.CocoDetection, real / "val2017", path)
    wrapper = WRAPPER_FACTORIES[datasets.CocoDetection](plain, {"masks", "labels"})
    samples = [plain[i] for i in range(0, 80, 6)]
    file = read_coco(path)
    place = {id_: i for i, id_ in enumerate(file.image_ids)}
    chosen = [place[plain.ids[i]] for i in range(0, 80, 6)]
    seconds = np.zeros((3, 3))
    for row in seconds:
        starts = [time.process_time()]
        for i, sample in zip(range(0, 80, 6), samples):
            wrapper(i, sample)
        starts.append(time.process_time())
        for i in chosen:
            class_mask(file.objects[i], file.sizes[i])
        starts.append(time.process_time())
        for i in chosen:
            object_masks(file.objects[i], file.sizes[i])
        row[:] = np.diff([*starts, time.process_time()])
    theirs, classes, objects = seconds.min(0)
    print(f"classes {classes / theirs:.2f}, objects {objects / theirs:.2f} of torchvision's {theirs:.3f} s")
    assert max(classes, objects) < 0.7 * theirs
