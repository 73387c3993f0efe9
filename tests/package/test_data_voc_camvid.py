"""VOC's and CamVid's folders: written and read without a loss, and files that do not fit named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mask_helpers import photo
from PIL import Image
from torchvision.datasets import VOCSegmentation

from vit_tutorial.data import (
    CAMVID_CLASSES,
    VOC_CLASSES,
    VOID,
    DigitScenes,
    MissingData,
    camvid,
    digit_scenes,
    find_leaks,
    voc,
    voc_images,
    write_mask,
    write_voc_scenes,
)


@pytest.fixture(scope="module")
def scenes() -> DigitScenes:
    return digit_scenes(8, (24, 32), (1, 5), seed=2)


def test_scenes_written_and_read_are_the_scenes(scenes, tmp_path):
    folder = write_voc_scenes(scenes, tmp_path)
    classes = voc_images(folder, "train", classes=scenes.classes, channels=1)
    objects = voc_images(folder, "train", "objects", classes=scenes.classes, channels=1)
    assert len(classes) == len(objects) == 8
    for i in range(8):
        assert torch.equal(classes[i][0], scenes.images[i])
        assert torch.equal(classes[i][1].long(), scenes.class_masks[i])
        target = objects[i][1]
        assert torch.equal(target["labels"], scenes.labels[i])
        numbers = torch.arange(1, len(scenes.labels[i]) + 1)[:, None, None]
        assert torch.equal(target["masks"], scenes.instance_masks[i] == numbers)
        assert not target["void"].any()


def test_torchvision_reads_the_masks_that_were_written(scenes, tmp_path):
    folder = write_voc_scenes(scenes, tmp_path)
    for image in (folder / "JPEGImages").iterdir():  # it looks for .jpg
        image.rename(image.with_suffix(".jpg"))
    theirs = VOCSegmentation(tmp_path, year="2012", image_set="train")
    assert len(theirs) == 8
    assert all(np.array_equal(np.asarray(mask), ours.numpy()) for (_, mask), ours in zip(theirs, scenes.class_masks))


def test_the_border_around_objects_is_void_in_both_kinds(scenes, tmp_path):
    folder = write_voc_scenes(scenes, tmp_path)
    file = next((folder / "SegmentationObject").iterdir())
    numbers = np.array(Image.open(file))
    numbers[:2] = VOID
    write_mask(torch.from_numpy(numbers), file)
    index = [mask.name for mask in voc_images(folder, "train").targets.files].index(file.name)
    target = voc_images(folder, "train", "objects", classes=scenes.classes)[index][1]
    assert torch.equal(target["void"], torch.arange(24)[:, None].expand(24, 32) < 2)
    assert not target["masks"][:, :2].any()


def test_blank_lines_and_line_ends_of_windows_say_nothing(scenes, tmp_path):
    folder = write_voc_scenes(scenes, tmp_path)
    names = folder / "ImageSets/Segmentation/train.txt"
    names.write_bytes(b"\xef\xbb\xbf" + names.read_bytes().replace(b"\n", b" \r\n\r\n"))
    assert len(voc_images(folder, "train")) == 8


def broken(folder: Path, fault: str) -> None:
    names = folder / "ImageSets/Segmentation/train.txt"
    if fault == "empty list":
        names.write_text("\n")
    elif fault == "twice":
        names.write_text(names.read_text() + "train_000003\n")
    elif fault == "no list":
        names.unlink()
    elif fault == "no mask":
        (folder / "SegmentationClass/train_000002.png").unlink()
    elif fault == "no image":
        (folder / "JPEGImages/train_000002.png").unlink()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("empty list", "train.txt is empty; it should name one image a line"),
        ("twice", "names 1 images twice, such as train_000003"),
        ("no list", "train.txt is not there"),
        ("no mask", "1 files of the list train.txt are not in .*: SegmentationClass/train_000002.png"),
        ("no image", "1 files of the list train.txt are not in .*: JPEGImages/train_000002.jpg"),
    ],
)
def test_a_list_that_does_not_fit_its_folder_is_refused(fault, message, scenes, tmp_path):
    folder = write_voc_scenes(scenes, tmp_path)
    broken(folder, fault)
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        voc_images(folder, "train")


def test_the_list_val_becomes_the_test_split_and_validation_is_cut_from_train(scenes, tmp_path):
    write_voc_scenes(scenes, tmp_path, "train")
    write_voc_scenes(digit_scenes(3, split="val"), tmp_path, "val")
    splits = voc(tmp_path, val_fraction=0.3)
    assert len(splits.train) + len(splits.val) == 8
    assert len(splits.val) >= 1
    assert len(splits.test) == 3
    assert find_leaks(splits) == []
    with pytest.raises(MissingData, match="no VOC 2007 in any of these"):
        voc(tmp_path, year="2007")


@pytest.mark.needs_data
def test_real_voc_images_have_the_classes_that_one_sees(shared_data):
    root = shared_data / "voc-sample"
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    splits = voc(root)
    seen = {image.name: i for i, image in enumerate(splits.test.files)}
    mask = splits.test[seen["2011_000025.jpg"]][1]
    assert [VOC_CLASSES[k] for k in mask.unique().tolist()] == ["background", "bus", "car"]
    objects = voc(root, "objects")
    for part in (objects.train, objects.val):
        for _, target in part:
            assert {VOC_CLASSES[k] for k in target["labels"].tolist()} <= {"bottle", "person", "chair", "boat", "sofa"}
            assert target["void"].any()


# CamVid


def street(root: Path, layout: str, lists: bool = False) -> Path:
    """Two frames in each part; the masks hold 0 to 11."""
    for number, part in enumerate(("train", "val", "test")):
        images, masks = (
            (root / part, root / f"{part}annot")
            if layout == "segnet"
            else (root / "images" / part, root / "annotations" / part)
        )
        masks.mkdir(parents=True)
        lines = []
        for i in range(2):
            name = f"{part}{i}.png"
            annotation = name.replace(part, f"{part}annot") if lists else name
            photo(images / name, (12, 16), seed=10 * number + i)
            Image.fromarray((np.arange(12 * 16, dtype=np.uint8) % 12).reshape(12, 16)).save(masks / annotation)
            lines.append(f"/SegNet/CamVid/{part}/{name} /SegNet/CamVid/{part}annot/{annotation}\n")
        if lists:
            (root / f"{part}.txt").write_text("".join(lines))
    return root


@pytest.mark.parametrize(("layout", "lists"), [("segnet", False), ("segnet", True), ("folders", False)])
def test_both_layouts_of_camvid_are_read_and_11_is_void(layout, lists, tmp_path):
    splits = camvid(street(tmp_path, layout, lists))
    assert splits.classes == CAMVID_CLASSES
    for split in splits:
        assert split.images.shape == (2, 3, 12, 16)
        assert sorted(split.targets.unique().tolist()) == [*range(11), VOID]
    assert splits.train.mean == splits.test.mean


def test_frames_without_a_mask_and_masks_of_other_values_are_refused(tmp_path):
    root = street(tmp_path / "a", "segnet")
    (root / "valannot" / "val1.png").unlink()
    with pytest.raises(ValueError, match=r"1 files of .*val and valannot have no partner of the same name: val1"):
        camvid(root)
    root = street(tmp_path / "b", "segnet", lists=True)
    (root / "train" / "train1.png").unlink()
    with pytest.raises(ValueError, match=r"1 files of the list .*train.txt are not there"):
        camvid(root)
    (root / "train.txt").write_text("only_one.png\n")
    with pytest.raises(ValueError, match=r"line 1 of .*train.txt holds 1 paths"):
        camvid(root)
    root = street(tmp_path / "c", "folders")
    Image.fromarray(np.full((12, 16), 13, np.uint8)).save(root / "annotations" / "val" / "val0.png")
    with pytest.raises(ValueError, match="a mask has the value 13, but 11 class names allow 0 to 10, and 255"):
        camvid(root)
    shutil.rmtree(root / "annotations" / "test")
    with pytest.raises(ValueError, match=r"2 images have no mask: images/test/test0.png, images/test/test1.png"):
        camvid(root)
    with pytest.raises(MissingData, match="no CamVid in any of these"):
        camvid(tmp_path)


@pytest.mark.needs_data
def test_the_701_frames_of_camvid_are_read(shared_data):
    if not (shared_data / "camvid-240x180").is_dir():
        pytest.skip("camvid-240x180 is not there")
    splits = camvid(shared_data)
    assert [len(split) for split in splits] == [367, 101, 233]
    assert splits.train.images.shape[1:] == (3, 180, 240)
    assert find_leaks(splits) == []
    void = (splits.test.targets == VOID).float().mean().item()
    assert void == pytest.approx(0.039, abs=0.001)


@pytest.mark.needs_data
def test_camvids_validation_frames_are_one_clip_between_two_training_frames_and_its_test_is_another_film(shared_data):
    if not (shared_data / "camvid-240x180").is_dir():
        pytest.skip("camvid-240x180 is not there")
    splits = camvid(shared_data)
    train, val, test = (
        [Path(part.item_name(i)).stem.split("_") for i in range(len(part))]
        for part in (splits.train, splits.val, splits.test)
    )
    (film,) = {name for name, _ in val}
    clip = sorted(int(number) for _, number in val)
    assert clip == list(range(clip[0], clip[-1] + 1, 2))  # every second frame of a film of 30 a second
    beside = [int(number) for name, number in train if name == film]
    assert max(n for n in beside if n < clip[0]) > clip[0] - 60
    assert min(n for n in beside if n > clip[-1]) < clip[-1] + 60
    unseen = {name for name, _ in test} - {name for name, _ in train}
    assert sum(name in unseen for name, _ in test) > 0.7 * len(test)
