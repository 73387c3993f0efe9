"""image_folder: the layouts people have, the damage they have, and a clear message for each."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from vit_tutorial.data import (
    BadImages,
    FileImages,
    LeakedImages,
    TensorImages,
    batches,
    find_leaks,
    image_folder,
    take_share,
)

COLOURS = {"cat": (200, 0, 0), "dog": (0, 200, 0), "owl": (0, 0, 200)}


def fill(folder: Path, n: int, classes=("cat", "dog", "owl"), suffix: str = ".png", start: int = 0) -> None:
    """n images in each class folder, no two alike, each of its class's colour."""
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(start, start + n):
            red, green, blue = COLOURS[name]
            image = Image.new("RGB", (10, 8), (red + i // 50, green + i % 50, blue))
            image.save(folder / name / f"{i:03d}{suffix}", "JPEG" if suffix.lower() in (".jpg", ".jpeg") else None)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-30])


def sizes(splits) -> list[int]:
    return [len(split) for split in splits]


# Layouts


def test_train_val_and_test_folders_are_taken_as_they_are(tmp_path):
    fill(tmp_path / "train", 5)
    fill(tmp_path / "val", 2, start=5)
    fill(tmp_path / "test", 3, start=7)
    splits = image_folder(tmp_path, 8)
    assert sizes(splits) == [15, 6, 9]
    assert splits.classes == ["cat", "dog", "owl"]
    assert splits.val.files == [f"val/{name}/{i:03d}.png" for name in splits.classes for i in (5, 6)]
    for split in splits:
        for image, label in split:
            assert int(image.float().mean((1, 2)).argmax()) == label  # the class's colour is the strongest


def test_a_share_of_a_folder_too_large_for_memory_keeps_files_labels_and_digests_together(tmp_path):
    fill(tmp_path, 20)
    whole = image_folder(tmp_path, 8, memory_budget=1)
    part = take_share(whole, 0.25)
    assert isinstance(part.train, FileImages)
    assert torch.bincount(part.train.labels).tolist() == [4] * 3
    for index in range(len(part.train)):
        image, label = part.train[index]
        assert int(image.float().mean((1, 2)).argmax()) == label
        assert part.train.digests()[index] in whole.train.digests()
    assert part.fingerprint() != whole.fingerprint()


def test_a_folder_of_classes_is_shuffled_80_10_10_by_class_on_request(tmp_path):
    fill(tmp_path, 20)
    splits = image_folder(tmp_path, 8, split="shuffle")
    assert sizes(splits) == [48, 6, 6]
    for split, each in zip(splits, (16, 2, 2)):
        assert torch.bincount(split.labels).tolist() == [each] * 3
    assert len({file for split in splits for file in split.files}) == 60
    assert "train, val, test split by class, split seed 20" in splits.variant


def test_a_missing_val_is_cut_from_train_and_test_left_alone(tmp_path):
    fill(tmp_path / "train", 20)
    fill(tmp_path / "test", 4, start=20)
    splits = image_folder(tmp_path, 8, val_fraction=0.2, split="shuffle")
    assert sizes(splits) == [48, 12, 12]
    assert {file.split("/")[0] for file in (*splits.train.files, *splits.val.files)} == {"train"}
    assert {file.split("/")[0] for file in splits.test.files} == {"test"}


def test_the_split_depends_on_its_seed_only(tmp_path):
    fill(tmp_path, 10)
    first = image_folder(tmp_path, 8)
    assert image_folder(tmp_path, 8).test.files == first.test.files
    assert image_folder(tmp_path, 8, split_seed=1).test.files != first.test.files


@pytest.mark.parametrize("name", ["valid", "validation", "VAL"])
def test_other_names_of_the_validation_folder_are_known(tmp_path, name):
    fill(tmp_path / "train", 3)
    fill(tmp_path / name, 2, start=3)
    fill(tmp_path / "test", 2, start=5)
    assert sizes(image_folder(tmp_path, 8)) == [9, 6, 6]


def test_a_class_called_train_is_a_class(tmp_path):
    fill(tmp_path, 3, classes=("cat", "dog"))
    (tmp_path / "dog").rename(tmp_path / "train")
    assert image_folder(tmp_path, 8).classes == ["cat", "train"]


def test_files_are_found_at_any_depth_and_with_any_case_of_suffix(tmp_path):
    fill(tmp_path, 3)
    (tmp_path / "cat" / "2024" / "may").mkdir(parents=True)
    for i, suffix in enumerate((".JPG", ".jpeg", ".Png", ".bmp", ".WebP", ".gif", ".TIFF", ".tif")):
        Image.new("RGB", (8, 8), (9, i, 0)).save(tmp_path / "cat" / "2024" / "may" / f"{i}{suffix}")
    assert sum(sizes(image_folder(tmp_path, 8))) == 9 + 8


def test_hidden_files_and_files_that_are_no_images_are_left_out_and_counted(tmp_path):
    fill(tmp_path, 3)
    for name in (".DS_Store", "cat/._000.png", "cat/Thumbs.db", "dog/notes.txt", "readme.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "loose.png")
    report = image_folder(tmp_path, 8).report
    assert (report.images, report.hidden) == (9, 3)
    assert report.not_images == {".txt": 2, ".db": 1}
    assert report.outside_classes == ["loose.png"]
    assert "9 images; ignored 3 other files: 2 .txt, 1 .db; ignored 3 hidden" in str(report)


def test_folders_beside_the_splits_are_named_as_unused(tmp_path):
    fill(tmp_path / "train", 5)
    fill(tmp_path / "annotations", 1)
    splits = image_folder(tmp_path, 8)
    assert splits.report.unused_folders == ["annotations"]
    assert sum(sizes(splits)) == 15


# Missing, empty and inconsistent folders


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; give the folder that holds"):
        image_folder(tmp_path / "nowhere", 8)


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(NotADirectoryError, match=r"photos.zip is a file"):
        image_folder(tmp_path / "photos.zip", 8)


def test_an_empty_folder_and_one_of_loose_images_are_told_what_is_expected(tmp_path):
    with pytest.raises(ValueError, match=r"no images in class folders under .*expected .*/CLASS/image.jpg"):
        image_folder(tmp_path, 8)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"ignored 1 images in no class folder: a.png"):
        image_folder(tmp_path, 8)


def test_an_empty_class_folder_is_named(tmp_path):
    fill(tmp_path / "train", 3)
    (tmp_path / "train" / "zebra").mkdir()
    with pytest.raises(ValueError, match=r"class folder .*/train/zebra has no images; add some, or remove the folder"):
        image_folder(tmp_path, 8)


def test_a_single_class_is_refused(tmp_path):
    fill(tmp_path, 3, classes=("cat",))
    with pytest.raises(ValueError, match="single class folder, 'cat', but a classifier needs two or more"):
        image_folder(tmp_path, 8)


def test_a_folder_one_level_too_high_is_recognised(tmp_path):
    fill(tmp_path / "dataset" / "train", 3)
    with pytest.raises(ValueError, match=r"did you mean .*/dataset\?"):
        image_folder(tmp_path, 8)


def test_a_class_of_val_that_train_has_not_is_named(tmp_path):
    fill(tmp_path / "train", 3, classes=("cat", "dog"))
    fill(tmp_path / "val", 2, classes=("cat", "owl"))
    with pytest.raises(ValueError, match=r"class 'owl' is in val but not in train \(which has cat, dog\); rename"):
        image_folder(tmp_path, 8)


def test_a_class_too_small_to_split_is_named(tmp_path):
    fill(tmp_path, 5, classes=("cat", "dog"))
    fill(tmp_path, 2, classes=("owl",))
    with pytest.raises(ValueError, match=r"class 'owl' has 2 image\(s\), too few for 3 splits"):
        image_folder(tmp_path, 8)


def test_all_classes_too_small_to_split_are_named_at_once(tmp_path):
    fill(tmp_path, 5, classes=("cat",))
    fill(tmp_path, 1, classes=("dog",))
    fill(tmp_path, 2, classes=("owl",))
    with pytest.raises(
        ValueError, match=r"class 'dog' has 1 image\(s\), class 'owl' has 2 image\(s\), .* add at least 2"
    ):
        image_folder(tmp_path, 8)


def test_copies_do_not_make_a_class_large_enough_to_split(tmp_path):
    fill(tmp_path, 5, classes=("cat", "dog"))
    fill(tmp_path, 1, classes=("owl",))
    for i in range(9):
        shutil.copy(tmp_path / "owl" / "000.png", tmp_path / "owl" / f"copy {i}.png")
    with pytest.raises(ValueError, match=r"class 'owl' has 1 different image\(s\)"):
        image_folder(tmp_path, 8)


def test_classes_with_few_training_images_or_none_to_be_judged_by_are_reported(tmp_path):
    fill(tmp_path / "train", 9, classes=("cat", "dog"))
    fill(tmp_path / "train", 1, classes=("owl",))
    fill(tmp_path / "val", 2, start=10)
    fill(tmp_path / "test", 2, classes=("cat", "dog"), start=20)
    report = image_folder(tmp_path, 8).report
    assert report.small == {"owl": 1}
    assert report.untested == {"test": ["owl"]}
    assert str(report).endswith("few training images: owl 1; no test image of owl")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"on_bad": "ignore"}, 'must be "stop" or "skip", got \'ignore\''),
        ({"on_leak": "keep"}, 'must be "stop" or "drop", got \'keep\''),
        ({"channels": 4}, "1 .* or 3 .*got 4"),
    ],
)
def test_unknown_settings_are_refused(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        image_folder(tmp_path, 8, **settings)


# Damaged files


@pytest.fixture
def damaged(tmp_path) -> Path:
    """30 good JPEG files, of which two are then cut and one replaced by a web page."""
    fill(tmp_path, 10, suffix=".jpg")
    cut(tmp_path / "cat" / "003.jpg")
    cut(tmp_path / "owl" / "007.jpg")
    (tmp_path / "dog" / "001.jpg").write_text("<html>404</html>")
    return tmp_path


@pytest.mark.parametrize("memory_budget", [2**30, 0])
def test_damaged_files_among_good_ones_stop_with_their_names_number_and_the_remedy(damaged, memory_budget):
    with pytest.raises(BadImages) as caught:
        image_folder(damaged, 8, memory_budget=memory_budget)
    message = str(caught.value)
    assert "3 of 30 image files" in message
    for name in ("cat/003.jpg (", "dog/001.jpg (it is no image", "owl/007.jpg ("):
        assert name in message
    assert 'or pass on_bad="skip"' in message
    assert [file for file, _ in caught.value.files] == ["cat/003.jpg", "dog/001.jpg", "owl/007.jpg"]
    assert "truncated" in caught.value.files[0][1].lower()


@pytest.mark.parametrize("memory_budget", [2**30, 0])
def test_damaged_files_are_skipped_by_choice_and_the_rest_used(damaged, memory_budget):
    with pytest.warns(UserWarning, match=r"3 of 30 .*cat/003.jpg .*They are left out"):
        splits = image_folder(damaged, 8, on_bad="skip", memory_budget=memory_budget)
    assert sum(sizes(splits)) == splits.report.images == 27
    assert [file for file, _ in splits.report.skipped] == ["cat/003.jpg", "dog/001.jpg", "owl/007.jpg"]
    for split in splits:
        for image, label in split:
            assert int(image.float().mean((1, 2)).argmax()) == label


def test_a_class_or_split_of_which_nothing_readable_is_left_is_named(tmp_path):
    fill(tmp_path / "train", 3)
    fill(tmp_path / "val", 1, start=3)
    for file in (tmp_path / "val").rglob("*.png"):
        cut(file)
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(ValueError, match=r"split val of .* has no readable image"),
    ):
        image_folder(tmp_path, 8, on_bad="skip")
    for file in (tmp_path / "train" / "dog").iterdir():
        cut(file)
    shutil.rmtree(tmp_path / "val")
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(ValueError, match="no readable training image is left of class dog"),
    ):
        image_folder(tmp_path, 8, on_bad="skip")


def test_without_the_check_a_damaged_file_is_named_when_it_is_reached(damaged):
    splits = image_folder(damaged, 8, memory_budget=0, check=False)
    with pytest.raises(BadImages, match=r"\d\d\d.jpg cannot be decoded .*repair it"):
        list(batches(splits.train, len(splits.train), seed=0, epoch=0))


# In memory or from files


def test_both_kinds_hold_the_same_images_labels_and_fingerprint(tmp_path):
    fill(tmp_path, 10)
    held, read = image_folder(tmp_path, 6), image_folder(tmp_path, 6, memory_budget=0)
    assert isinstance(held.train, TensorImages)
    assert isinstance(read.train, FileImages)
    for a, b in zip(held, read):
        assert torch.equal(a.labels, b.labels)
        assert all(torch.equal(a[i][0], b[i][0]) for i in range(len(a)))
    assert held.fingerprint() == read.fingerprint()
    assert image_folder(tmp_path, 6, memory_budget=0, check=False).fingerprint() == held.fingerprint()


def test_the_memory_budget_is_a_number_of_bytes(tmp_path):
    fill(tmp_path, 10)  # 30 images of 3 x 6 x 6 bytes
    assert isinstance(image_folder(tmp_path, 6, memory_budget=30 * 3 * 36).train, TensorImages)
    assert isinstance(image_folder(tmp_path, 6, memory_budget=30 * 3 * 36 - 1).train, FileImages)


def test_grey_and_oblong_images_on_request(tmp_path):
    fill(tmp_path, 3)
    for budget in (2**30, 0):
        splits = image_folder(tmp_path, (4, 6), channels=1, memory_budget=budget)
        assert splits.train[0][0].shape == (1, 4, 6)
        assert len(splits.mean) == len(splits.std) == 1


def test_the_fingerprint_ignores_file_names_and_sees_contents(tmp_path):
    fill(tmp_path / "a" / "train", 3)
    fill(tmp_path / "a" / "val", 1, start=3)
    fill(tmp_path / "a" / "test", 1, start=4)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "train" / "cat" / "000.png").rename(tmp_path / "b" / "train" / "cat" / "zzz.png")
    expected = image_folder(tmp_path / "a", 8).fingerprint()
    assert image_folder(tmp_path / "b", 8).fingerprint() == expected
    Image.new("RGB", (10, 8), (201, 1, 1)).save(tmp_path / "b" / "train" / "cat" / "zzz.png")
    assert image_folder(tmp_path / "b", 8).fingerprint() != expected


# Copies


@pytest.fixture
def leaking(tmp_path) -> Path:
    """Three given splits; one training image stands in the test split too, another in the validation split."""
    fill(tmp_path / "train", 5)
    fill(tmp_path / "val", 2, start=5)
    fill(tmp_path / "test", 2, start=7)
    shutil.copy(tmp_path / "train" / "dog" / "002.png", tmp_path / "test" / "dog" / "copy.png")
    shutil.copy(tmp_path / "train" / "owl" / "001.png", tmp_path / "val" / "owl" / "again.png")
    return tmp_path


@pytest.mark.parametrize("memory_budget", [2**30, 0])
def test_an_image_in_two_splits_stops_with_its_files_and_the_remedy(leaking, memory_budget):
    with pytest.raises(LeakedImages) as caught:
        image_folder(leaking, 8, memory_budget=memory_budget)
    message = str(caught.value)
    assert "2 image(s) in two splits" in message
    assert "train/dog/002.png = test/dog/copy.png" in message
    assert "train/owl/001.png = val/owl/again.png" in message
    assert 'pass on_leak="drop" (--set on_leak=drop)' in message
    assert sorted(map(sorted, caught.value.files)) == [
        ["test/dog/copy.png", "train/dog/002.png"],
        ["train/owl/001.png", "val/owl/again.png"],
    ]


@pytest.mark.parametrize("memory_budget", [2**30, 0])
def test_by_choice_a_leaked_image_is_left_out_of_training_and_kept_in_the_test(leaking, memory_budget):
    with pytest.warns(UserWarning, match=r"Left out: train/dog/002.png, train/owl/001.png"):
        splits = image_folder(leaking, 8, on_leak="drop", memory_budget=memory_budget)
    assert sizes(splits) == [13, 7, 7]
    assert splits.report.dropped == ["train/dog/002.png", "train/owl/001.png"]
    assert splits.report.images == 27
    assert find_leaks(splits) == []


def test_an_image_in_validation_and_test_stays_in_the_test(tmp_path):
    fill(tmp_path / "train", 5)
    fill(tmp_path / "val", 2, start=5)
    fill(tmp_path / "test", 2, start=7)
    shutil.copy(tmp_path / "test" / "cat" / "007.png", tmp_path / "val" / "cat")
    with pytest.warns(UserWarning, match="val/cat/007.png = test/cat/007.png"):
        splits = image_folder(tmp_path, 8, on_leak="drop")
    assert splits.report.dropped == ["val/cat/007.png"]


def test_one_image_under_two_class_names_stops_with_both(tmp_path):
    fill(tmp_path, 5)
    shutil.copy(tmp_path / "cat" / "003.png", tmp_path / "owl" / "really.png")
    with pytest.raises(LeakedImages, match=r"1 image\(s\) in two classes .*: cat/003.png = owl/really.png. Remove"):
        image_folder(tmp_path, 8)
    with pytest.warns(UserWarning, match=r"Left out: cat/003.png, owl/really.png"):
        splits = image_folder(tmp_path, 8, on_leak="drop")
    assert sum(sizes(splits)) == 14
    assert not {"cat/003.png", "owl/really.png"} & {file for split in splits for file in split.files}


@pytest.mark.parametrize("seed", range(5))
def test_copies_of_an_image_are_never_cut_into_two_splits(tmp_path, seed):
    fill(tmp_path, 12)
    for i in range(12):
        for n in range(i % 3):
            shutil.copy(tmp_path / "dog" / f"{i:03d}.png", tmp_path / "dog" / f"{i:03d} copy {n}.png")
    splits = image_folder(tmp_path, 8, split_seed=seed)
    assert find_leaks(splits) == []
    assert sum(sizes(splits)) == 36 + 12
    assert splits.report.copies == 12
    assert "12 are copies of another image of the same class" in str(splits.report)
    assert all(set(split.labels.tolist()) == {0, 1, 2} for split in splits)


def test_copies_within_the_training_split_are_no_leak(tmp_path):
    fill(tmp_path / "train", 5)
    fill(tmp_path / "val", 2, start=5)
    fill(tmp_path / "test", 2, start=7)
    shutil.copy(tmp_path / "train" / "cat" / "000.png", tmp_path / "train" / "cat" / "copy.png")
    splits = image_folder(tmp_path, 8)
    assert sizes(splits) == [16, 6, 6]
    assert splits.report.copies == 1


# Real photographs


@pytest.mark.needs_data
def test_files_of_cifar_10_load_at_a_rate_of_60_000_in_well_under_a_minute(shared_data, tmp_path):
    """Every fifth file: that nothing grows with the square of their number is tested where it could."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow unpacks the JPEG copy of CIFAR-10")
    for name in ("train", "test"):
        table = parquet.read_table(shared_data / "cifar10-jpeg" / f"{name}.parquet")
        classes = table.schema.metadata[b"classes"].decode().split(",")
        for cls in classes:
            (tmp_path / name / cls).mkdir(parents=True)
        fifth = table.take(list(range(0, len(table), 5)))
        for i, (image, label) in enumerate(zip(fifth["image"].to_pylist(), fifth["label"].to_pylist())):
            (tmp_path / name / classes[label] / f"{i:05d}.jpg").write_bytes(image)
    start = time.process_time()  # of all threads, so no less than the time that passes on an idle machine
    splits = image_folder(tmp_path, 32, progress=False)
    seconds = time.process_time() - start
    print(f"12,000 JPEG files in {seconds:.1f} s of one core")
    assert sum(sizes(splits)[:2]) == 10_000
    assert sizes(splits)[1:] == [pytest.approx(1_000, abs=120), 2_000]
    assert splits.mean == pytest.approx((0.491, 0.482, 0.446), abs=0.003)
    assert seconds < 45 / 5


@pytest.mark.needs_data
def test_real_street_scenes_of_three_splits_are_read(shared_data, tmp_path):
    """CamVid's frames, with two classes made of the first two recordings."""
    source = shared_data / "camvid-240x180" / "images"
    if not source.is_dir():
        pytest.skip(f"{source} is not there")
    frames = sorted(source.rglob("*.*g"))[:60]
    for i, frame in enumerate(frames):
        folder = tmp_path / ("even" if i % 2 == 0 else "odd")
        folder.mkdir(exist_ok=True)
        shutil.copy(frame, folder)
    splits = image_folder(tmp_path, 64)
    assert sum(sizes(splits)) == 60
    assert find_leaks(splits) == []
