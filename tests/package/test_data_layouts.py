"""Layouts whose first level is no class: what is seen and what to do is said, and nothing is trained on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from folder_helpers import classes, pictures

from vit_tutorial.data import image_folder
from vit_tutorial.data.layout import labels_in_names, split_of

NUMBERS = [f"{i}.png" for i in range(6)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Training", "train"), ("train_set", "train"), ("TRAIN2017", "train"), ("trn", "train"), ("trainA", "train"),
        ("images_train", "train"), ("dev", "val"), ("Validation-Set", "val"), ("valset", "val"), ("val.1", "val"),
        ("tst", "test"), ("hold-out", "test"), ("testing_images", "test"), ("01 Test", "test"), ("unlabeled", "unlabelled"),
        ("训练集", "train"), ("测试集", "test"), ("验证图片", "val"), ("学習データ", "train"), ("테스트", "test"), ("Trainingsdaten", "train"),
        ("Entraînement", "train"), ("prueba", "test"), ("обучение", "train"),
    ],
)  # fmt: skip
def test_a_name_that_sounds_like_a_split_is_known(name: str, split: str) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    "name",
    [
        "cat",
        "trains",
        "contest",
        "device",
        "values",
        "tested",
        "trainer",
        "images",
        "class_train",
        "data",
        "7",
        "猫",
        "测量",
        "tests éclair",
    ],
)
def test_other_names_are_no_splits(name: str) -> None:
    assert split_of(name) is None


@pytest.mark.parametrize(
    ("training", "validation", "testing"),
    [
        ("training", None, "testing"),
        ("Train_Set", "Dev_Set", "Test_Set"),
        ("trn", "val", "tst"),
        ("train2017", "val2017", "holdout"),
    ],
)
def test_splits_by_another_name_are_taken_for_what_they_are_and_it_is_said(
    tmp_path: Path, training: str, validation: str | None, testing: str
) -> None:
    classes(tmp_path / training, 20)
    classes(tmp_path / testing, 3, start=20)
    if validation:
        classes(tmp_path / validation, 2, start=30)
    splits = image_folder(tmp_path, 8)
    assert splits.classes == ["a", "b"]
    assert {file.split("/")[0] for file in splits.test.files} == {testing}
    assert {file.split("/")[0] for file in splits.train.files} == {training}
    assert f"the folder {training} is taken for the train split" in str(splits.report)


def test_the_plain_name_goes_before_one_that_sounds_like_it(tmp_path: Path) -> None:
    classes(tmp_path / "train", 20)
    classes(tmp_path / "train_small", 2)
    splits = image_folder(tmp_path, 8)
    assert {file.split("/")[0] for split in splits for file in split.files} == {"train"}
    assert splits.report.unused_folders == ["train_small"]


def test_two_folders_that_sound_like_one_split_are_named(tmp_path: Path) -> None:
    classes(tmp_path / "train2014", 4)
    classes(tmp_path / "train2017", 4)
    with pytest.raises(ValueError, match="two folders for the train split, train2014, train2017"):
        image_folder(tmp_path, 8)


FLAT_SPLITS = {
    "labels before the number": (["train/cat.0.png", "train/cat.1.png", "train/dog.0.png", "train/dog.1.png", "test/1.png"],
                                 r"train \(4 images, such as train/cat.0.png\).*hold the class \(cat 2, dog 2\).*mkdir"),
    "labels behind the number": (["Training/001_owl.png", "Training/002_owl.png", "Training/003_elk.png",
                                  "Training/004_elk.png", "Holdout/005.png"], r"hold the class \(elk 2, owl 2\).*\*_elk\.\*"),
    "one split": ([f"train/{n}" for n in NUMBERS], r"holds splits, not classes: train \(6 images, such as train/0.png\)"),
    "dev and tst": ([f"{s}/{n}" for s in ("dev", "tst") for n in NUMBERS], r"dev \(6 images, .*tst \(6 images"),
    "an unlabelled part": ([f"{s}/{n}" for s in ("train", "unlabeled") for n in NUMBERS], "holds splits, not classes"),
    "no train": ([f"{s}/{c}/{n}" for s in ("test", "val") for c in "ab" for n in NUMBERS],
                 r"test \(12 images in the folders a, b\).*there is no train folder.*vit-tutorial evaluate RUN"),
    "only test": ([f"test/{c}/{n}" for c in "ab" for n in NUMBERS], "there is no train folder"),
    "a split beside images": ([f"{s}/{n}" for s in ("images", "test") for n in NUMBERS], "holds splits, not classes"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FLAT_SPLITS)
def test_splits_without_class_folders_are_refused_with_what_was_seen_and_what_to_do(tmp_path: Path, kind: str) -> None:
    names, message = FLAT_SPLITS[kind]
    pictures(tmp_path, names)
    with pytest.raises(ValueError, match=message) as caught:
        image_folder(tmp_path, 8)
    assert "train/CLASS/image.jpg" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_beside_flat_images_is_named(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{s}/{n}" for s in ("train", "test") for n in NUMBERS])
    (tmp_path / "train_labels.csv").write_text("id,label\n0,cat\n")
    with pytest.raises(
        ValueError, match=r"labels may stand in train_labels.csv: move each image into the folder of its class"
    ):
        image_folder(tmp_path, 8)


@pytest.mark.parametrize("name", ["train", "Train", "training"])
def test_a_single_class_in_a_train_folder_of_any_name_is_refused(tmp_path: Path, name: str) -> None:
    classes(tmp_path / name, 6, ("a",))
    with pytest.raises(ValueError, match=rf"{name} has a single class folder, 'a'"):
        image_folder(tmp_path, 8)


def test_test_images_without_labels_beside_a_good_train_folder_are_named(tmp_path: Path) -> None:
    classes(tmp_path / "train", 6)
    pictures(tmp_path, [f"test/{n}" for n in NUMBERS])
    with pytest.raises(
        ValueError, match=r"test has 6 images in no class folder, such as 0.png, .*vit-tutorial predict RUN"
    ):
        image_folder(tmp_path, 8)


MASKS = {
    "images and masks": [f"{f}/{n}" for f in ("images", "masks") for n in NUMBERS],
    "VOC": [f"{f}/{n}" for f in ("JPEGImages", "SegmentationClass") for n in NUMBERS],
    "photos and ground truth": [f"{f}/{n}" for f in ("photos", "ground_truth") for n in NUMBERS],
    "inside train": [f"{s}/{f}/{n}" for s in ("train", "val") for f in ("images", "masks") for n in NUMBERS],
    "a mask for each image of any name": [f"{f}/leaf_{n}" for f in ("leaves", "annots") for n in NUMBERS],
}


@pytest.mark.parametrize("kind", MASKS)
def test_images_beside_masks_are_no_two_classes(tmp_path: Path, kind: str) -> None:
    pictures(tmp_path, MASKS[kind])
    with pytest.raises(
        ValueError, match=r"holds images beside their masks or annotations, not classes: .*6 images.*sort the images"
    ):
        image_folder(tmp_path, 8)


def test_boxes_as_text_beside_images_are_seen_too(tmp_path: Path) -> None:
    pictures(tmp_path, [f"images/{n}" for n in NUMBERS])
    for i in range(6):
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"{i}.txt").write_text("0 .5 .5 .1 .1")
    with pytest.raises(ValueError, match=r"labels \(no image, 6 .txt\)"):
        image_folder(tmp_path, 8)


def test_parts_of_a_data_set_are_no_classes(tmp_path: Path) -> None:
    pictures(tmp_path, [f"fold{k}/{c}/{n}" for k in (1, 2, 3) for c in "ab" for n in NUMBERS])
    with pytest.raises(
        ValueError, match=r"holds parts of a data set, not classes: fold1 \(12 images in the folders a, b\)"
    ):
        image_folder(tmp_path, 8)


def test_pictures_in_numbered_parts_are_no_classes(tmp_path: Path) -> None:
    pictures(tmp_path, [f"images_{k:03d}/{n}" for k in (1, 2, 3) for n in NUMBERS])
    (tmp_path / "labels.csv").write_text("name,label\n")
    with pytest.raises(ValueError, match=r"holds parts of a data set, not classes: images_001 \(6 images.*labels.csv"):
        image_folder(tmp_path, 8)


def test_splits_inside_the_classes_are_turned_round(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{c}/{s}/{n}" for c in ("bottle", "cable") for s in ("train", "test") for n in NUMBERS])
    with pytest.raises(
        ValueError, match=r"splits lie inside the classes .*/train/bottle/ and its test images in .*/test/bottle/"
    ):
        image_folder(tmp_path, 8)


def test_labels_in_the_names_of_loose_files_are_said(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{name}_{i}.png" for name in ("oak", "elm") for i in range(3)])
    with pytest.raises(ValueError, match=r"no images in class folders .*hold the class \(elm 3, oak 3\)"):
        image_folder(tmp_path, 8)


def test_labels_in_the_names_within_a_single_folder_are_said(tmp_path: Path) -> None:
    pictures(tmp_path, [f"pets/{name}{i}.png" for name in ("oak", "elm") for i in range(3)])
    with pytest.raises(ValueError, match=r"single class folder, 'pets', .*hold the class \(elm 3, oak 3\)"):
        image_folder(tmp_path, 8)


def test_the_same_folders_in_every_class_are_asked_about(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{year}/{c}/{n}" for year in ("2019", "2020") for c in ("cat", "dog") for n in NUMBERS])
    assert "hold the same ones, cat, dog: if those are the classes" in str(image_folder(tmp_path, 8).report)


@pytest.mark.parametrize(
    "names",
    [("mask", "no_mask"), ("cat", "train"), ("test", "control"), ("hat", "mask", "scarf"), ("image", "text"), ("photo", "drawing"),
     ("labels", "no labels"), ("batch", "single")],
)  # fmt: skip
def test_classes_with_such_names_stay_classes(tmp_path: Path, names: tuple[str, ...]) -> None:
    classes(tmp_path, 6, names)
    assert image_folder(tmp_path, 8).classes == sorted(names)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg"], ["cat", "dog"]),
        (["a cat 1.jpg", "a cat 2.jpg", "dog-01.jpg", "dog-02.jpg"], ["a cat", "dog"]),
        (["1_cat.jpg", "2_cat.jpg", "3_dog.jpg", "4_dog.jpg"], ["cat", "dog"]),
        (["IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg"], []),
        (["1.jpg", "2.jpg"], []),
        (["cat.jpg", "dog.jpg", "owl.jpg"], []),
        (["ab1.jpg", "cd2.jpg", "ef3.jpg", "gh4.jpg"], []),
    ],
)
def test_labels_are_found_in_numbered_names_and_only_there(names: list[str], labels: list[str]) -> None:
    assert list(labels_in_names(names)) == labels


def test_names_that_differ_by_the_word_of_a_split_are_splits(tmp_path: Path) -> None:
    for name in ("bounding_box_train", "bounding_box_test", "query"):
        pictures(tmp_path, [f"{name}/{n}" for n in NUMBERS])
    with pytest.raises(ValueError, match="holds splits, not classes: bounding_box_test"):
        image_folder(tmp_path, 8, progress=False)


def test_one_name_with_such_a_word_is_a_class_and_so_are_those_that_say_so(tmp_path: Path) -> None:
    for name in ("toy_train", "toy_car"):
        pictures(tmp_path / "toys", [f"{name}/{n}" for n in NUMBERS])
    for name in ("class_train", "class_test"):
        pictures(tmp_path / "called", [f"{name}/{n}" for n in NUMBERS])
    assert image_folder(tmp_path / "toys", 8, progress=False).classes == ["toy_car", "toy_train"]
    assert image_folder(tmp_path / "called", 8, progress=False).classes == ["class_test", "class_train"]


def test_a_table_beside_the_only_folder_is_named(tmp_path: Path) -> None:
    pictures(tmp_path, [f"images/{n}" for n in NUMBERS])
    (tmp_path / "labels.csv").write_text("file,label\n0.png,cat\n")
    with pytest.raises(ValueError, match=r"single class folder, 'images'.*labels.csv"):
        image_folder(tmp_path, 8, progress=False)
