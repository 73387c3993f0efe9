"""A COCO file of one's own: found beside its images, checked as a folder is, and split by content."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from mask_helpers import photo

from vit_tutorial.data import BadAnnotations, BadPairs, own_coco, write_coco
from vit_tutorial.data.own_coco import image_root

pytest.importorskip("pycocotools", reason="COCO's masks need pycocotools: pip install pycocotools")

CLASSES = ["background", "leaf", "stone"]


def annotated(root: Path, images: str = "images", file: str = "annotations.json", n: int = 8) -> Path:
    """n photographs below ROOT/images with a leaf or a stone each; the last one has none."""
    masks, labels, names = [], [], [f"{i}.png" for i in range(n)]
    for i, name in enumerate(names):
        photo(root / images / name, (12, 16), seed=i)
        mask = torch.zeros(int(i < n - 1), 12, 16)
        mask[:, 2:5, i % 9 : i % 9 + 4] = 1
        masks.append(mask)
        labels.append(torch.tensor([1 + i % 2] * len(mask), dtype=torch.int64))
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    write_coco(root / file, names, masks, labels, CLASSES, category_ids=[3, 7])
    return root / file


@pytest.mark.parametrize(
    ("images", "file"),
    [
        ("images", "annotations.json"),
        (".", "_annotations.coco.json"),
        ("images", "annotations/instances_default.json"),
        ("train2017", "annotations/instances_train2017.json"),
        ("data", "labels.json"),
    ],
)
def test_images_are_found_where_the_usual_tools_put_them(images, file, tmp_path):
    path = annotated(tmp_path, images, file)
    assert image_root(path, "0.png").resolve() == (tmp_path / images).resolve()
    splits = own_coco(path, progress=False)
    assert splits.classes == CLASSES
    assert sum(len(split) for split in splits) == 8
    assert min(len(split) for split in splits) >= 1


def test_an_item_has_the_classes_of_its_objects_and_background(tmp_path):
    splits = own_coco(annotated(tmp_path), progress=False)
    for split in splits:
        for index, file in enumerate(split.files):
            i = int(file.stem)
            expected = torch.zeros(12, 16, dtype=torch.uint8)
            if i < 7:
                expected[2:5, i % 9 : i % 9 + 4] = 1 + i % 2
            assert torch.equal(split[index][1], expected)
    assert "1 images without an object are background all over" in splits.report.notes
    assert own_coco(tmp_path / "annotations.json", size=(6, 8), progress=False).train[0][1].shape == (6, 8)


def test_copies_of_an_image_stay_in_one_split_and_two_outlines_of_one_image_are_a_fault(tmp_path):
    path = annotated(tmp_path)
    shutil.copy(tmp_path / "images/0.png", tmp_path / "images/2.png")  # both show a leaf, elsewhere
    with pytest.raises(BadPairs, match=r"1 images have two different masks: 0.png = 2.png"):
        own_coco(path, progress=False)
    content = json.loads(path.read_text())
    content["annotations"][2]["segmentation"] = content["annotations"][0]["segmentation"]
    path.write_text(json.dumps(content))
    splits = own_coco(path, progress=False)
    assert "1 images are copies of another" in splits.report.notes
    where = [name for name, split in zip("abc", splits) for file in split.files if file.stem in ("0", "2")]
    assert len(set(where)) == 1


def test_every_image_that_does_not_fit_is_in_one_report(tmp_path):
    path = annotated(tmp_path)
    photo(tmp_path / "images/1.png", (10, 16))
    (tmp_path / "images/3.png").write_bytes(b"no image")
    with pytest.raises(BadPairs) as caught:
        own_coco(path, progress=False)
    assert sorted(caught.value.report.faults) == ["images cannot be decoded", "masks do not fit or cannot be read"]
    assert "1.png has 10x16 pixels (height x width), but its mask has 12x16" in str(caught.value)


def test_a_faulty_annotation_stops_or_is_left_out(tmp_path):
    path = annotated(tmp_path)
    content = json.loads(path.read_text())
    content["annotations"][0]["segmentation"] = [[1, 1, 5, 5]]
    path.write_text(json.dumps(content))
    with pytest.raises(BadAnnotations, match="has a polygon of 4 numbers"):
        own_coco(path, progress=False)
    with pytest.warns(UserWarning, match="has a polygon of 4 numbers"):
        splits = own_coco(path, on_bad="skip", progress=False)
    assert "2 images without an object are background all over" in splits.report.notes


def test_what_is_not_there_is_named_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no annotation file"):
        own_coco(tmp_path / "a.json")
    path = annotated(tmp_path)
    (tmp_path / "images").rename(tmp_path / "photos")
    with pytest.raises(FileNotFoundError, match=r"0.png, an image of .* is in none of .*images beside the file"):
        own_coco(path)
    assert own_coco(path, tmp_path / "photos", progress=False).classes == CLASSES
    (tmp_path / "photos/5.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 8 images of .* are not in .*photos: 5.png"):
        own_coco(path, tmp_path / "photos")


def test_an_image_keeps_its_split_when_others_are_added(tmp_path):
    few = own_coco(annotated(tmp_path / "few", n=30), progress=False)
    many = own_coco(annotated(tmp_path / "many", n=40), progress=False)
    of_many = {file.stem: name for name, split in zip("abc", many) for file in split.files}
    assert all(of_many[file.stem] == name for name, split in zip("abc", few) for file in split.files)


def changed(path: Path, change) -> Path:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def test_a_category_named_background_is_class_0_if_nothing_uses_it_and_refused_if_something_does(tmp_path):
    def with_background(content):
        content["categories"].insert(0, {"id": 0, "name": "Background"})

    path = changed(annotated(tmp_path), with_background)
    assert own_coco(path, progress=False).classes == CLASSES

    def used(content):
        content["annotations"][0]["category_id"] = 0

    with pytest.raises(ValueError, match=r"1 annotations are of the category 0, Background, but background is what no"):
        own_coco(changed(path, used), progress=False)


def test_one_file_that_is_listed_as_two_images_is_refused(tmp_path):
    def twice(content):
        content["images"][1]["file_name"] = content["images"][0]["file_name"]

    with pytest.raises(ValueError, match=r"the images 1 and 2 are one file, 0\.png; list it once"):
        own_coco(changed(annotated(tmp_path), twice), progress=False)


def test_a_file_for_each_split_makes_the_splits_and_what_is_missing_is_cut_from_the_training_images(tmp_path):
    annotated(tmp_path / "train", ".", "_annotations.coco.json", n=20)
    annotated(tmp_path / "valid", ".", "_annotations.coco.json", n=5)
    for file in (tmp_path / "valid").glob("*.png"):
        photo(file, (12, 16), seed=100 + int(file.stem))
    splits = own_coco(tmp_path, progress=False)
    assert splits.classes == CLASSES
    assert {file.parent.name for file in splits.val.files} == {"valid"}
    assert {file.parent.name for file in (*splits.train.files, *splits.test.files)} == {"train"}
    assert (len(splits.val), len(splits.train) + len(splits.test)) == (5, 20)
    alone = own_coco(tmp_path / "valid/_annotations.coco.json", progress=False).train
    mask_of = {file: mask for file, (_, mask) in zip(splits.val.files, splits.val)}
    assert all(torch.equal(mask_of[file], mask) for file, (_, mask) in zip(alone.files, alone))
    assert "test split by content" in splits.train.variant
    changed(tmp_path / "valid/_annotations.coco.json", lambda content: content["categories"].reverse())
    with pytest.raises(
        ValueError, match=r"categories of .*train.* are leaf, stone, those of .*valid.* stone, leaf; give"
    ):
        own_coco(tmp_path, progress=False)


def test_an_image_in_the_files_of_two_splits_is_a_fault(tmp_path):
    for part in ("train", "test"):
        annotated(tmp_path / part, ".", "a.json")
    with pytest.raises(BadPairs, match="images are in two splits"):
        own_coco(tmp_path, progress=False)


@pytest.mark.filterwarnings("ignore:.*left out")
def test_images_without_any_object_but_crowds_are_no_data_to_train_on(tmp_path):
    def without(content):
        content["annotations"] = [{**a, "segmentation": []} for a in content["annotations"]]

    with pytest.raises(
        ValueError, match="all pixels of the training images are background, so there is nothing to tell"
    ):
        own_coco(changed(annotated(tmp_path), without), on_bad="skip", progress=False)

    def crowds(content):
        content["annotations"] = [{**a, "iscrowd": 1} for a in content["annotations"]]

    with pytest.raises(ValueError, match="all pixels of the training images are background or void, so there is"):
        own_coco(changed(annotated(tmp_path), crowds), progress=False)
