"""16-bit files that use a part of their range: the part that is used becomes 0 to 255, in training and prediction alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from odd_images import noise
from PIL import Image

from vit_tutorial.cli import main
from vit_tutorial.cli.pictures import read_image
from vit_tutorial.data import image_folder
from vit_tutorial.data.decode import FULL_RANGE, open_image, range_of
from vit_tutorial.weights import read_extra

Capture = pytest.CaptureFixture[str]
TRAIN = ["train", "image_folder", "--quiet", "--epochs", "1", "--device", "cpu"]
for assignment in ("model.img_size=16", "model.in_chans=1", "model.embed_dim=12", "model.depth=1", "batch_size=8"):
    TRAIN += ["--set", assignment]


def stripes(index: int, low: int, high: int, side: int = 16) -> np.ndarray:
    """uint16 [side, side] from low to high: stripes with noise, lying in even images and standing in odd ones."""
    random = np.random.default_rng(index)
    wave = (np.arange(side) + random.integers(side)) // 4 % 2
    values = np.broadcast_to(wave, (side, side)) * 0.6 + random.random((side, side)) * 0.4
    pixels = np.round(low + values * (high - low)).astype(np.uint16)
    return pixels if index % 2 else pixels.T


def folder(root: Path, low: int, high: int, n: int = 24, suffix: str = ".png", write: Callable | None = None) -> Path:
    for index in range(n):
        file = root / ("lying", "standing")[index % 2] / f"{index:03d}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = stripes(index, low, high)
        if write is None:
            Image.fromarray(pixels).save(file)
        else:
            write(pixels, file)
    return root


def levels(root: Path, **settings) -> tuple[int, object]:
    splits = image_folder(root, 16, channels=1, progress=False, **settings)
    return min(image.unique().numel() for split in splits for image in split.images), splits.report


RANGES = {
    "12 bits": (0, 4095),
    "8 bits": (0, 255),
    "10 bits": (0, 1023),
    "an offset": (30_000, 30_400),
    "dark frames": (480, 530),
}


@pytest.mark.parametrize("kind", RANGES)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_small_range_of_a_large_one_keeps_its_structure_and_it_is_said(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    root = folder(tmp_path, *RANGES[kind], suffix=suffix)
    found, report = levels(root)
    assert found > 30
    assert (report.constant, report.faint) == (0, 0)
    low, high = report.value_range
    assert abs(low - RANGES[kind][0]) + abs(high - RANGES[kind][1]) < 0.05 * (RANGES[kind][1] - RANGES[kind][0])
    assert f"16-bit values {low:,} to {high:,} are stretched to 0 to 255" in str(report)


def test_asked_for_the_full_range_the_same_images_are_constant_and_counted(tmp_path: Path) -> None:
    root = folder(tmp_path, 0, 100)
    found, report = levels(root, value_range="full")
    assert found == 1
    assert report.constant == 24
    assert "24 of 24 images are constant" in str(report)
    _, report = levels(folder(tmp_path / "wider", 0, 1000), value_range="full")
    assert (report.constant, report.faint) == (0, 24)
    assert "24 of 24 images are nearly constant" in str(report)


@pytest.mark.parametrize("budget", [2**30, 0])
def test_constant_images_among_others_are_counted_from_memory_and_from_files(tmp_path: Path, budget: int) -> None:
    for index in range(12):
        file = tmp_path / "ab"[index % 2] / f"{index}.png"
        file.parent.mkdir(exist_ok=True)
        (Image.new("RGB", (9, 9), (index, 0, 0)) if index < 5 else noise(index)).save(file)
    report = image_folder(tmp_path, 8, memory_budget=budget, progress=False).report
    assert (report.constant, report.faint) == (5, 0)


def test_the_whole_range_is_kept_where_it_is_used(tmp_path: Path) -> None:
    _, report = levels(folder(tmp_path, 0, 65535))
    assert report.value_range == FULL_RANGE
    assert "stretched" not in str(report)


def test_hot_pixels_do_not_stretch_the_range(tmp_path: Path) -> None:
    def hot(pixels: np.ndarray, file: Path) -> None:
        large = np.tile(pixels, (4, 4))
        large[3, 5] = 65535
        Image.fromarray(large).save(file)

    root = folder(tmp_path, 0, 4095, write=hot)
    found, report = levels(root)
    assert found > levels(root, value_range="full")[0] + 10
    assert report.value_range[1] <= 4095


def test_files_and_memory_hold_the_same_pixels(tmp_path: Path) -> None:
    root = folder(tmp_path, 100, 900)
    held, read = (image_folder(root, 16, channels=1, memory_budget=b, progress=False) for b in (2**30, 0))
    for a, b in zip(held, read):
        assert all((a[i][0] == b[i][0]).all() for i in range(len(a)))


def test_only_training_images_decide_the_range(tmp_path: Path) -> None:
    folder(tmp_path / "train", 0, 1000)
    folder(tmp_path / "test", 0, 60_000)
    assert image_folder(tmp_path, 16, channels=1, progress=False).report.value_range[1] <= 1000


def test_eight_bit_images_are_left_as_they_are(tmp_path: Path) -> None:
    for index in range(12):
        file = tmp_path / "ab"[index % 2] / f"{index}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray((stripes(index, 0, 20)).astype(np.uint8)).save(file)
    splits = image_folder(tmp_path, 16, channels=1, value_range="data", progress=False)
    assert max(int(split.images.max()) for split in splits) <= 20
    assert splits.report.value_range is None


@pytest.mark.parametrize(("low", "high"), [(0, 65535), (0, 4095), (100, 101), (7, 65000)])
def test_the_ends_of_the_range_become_black_and_white_and_what_is_outside_is_cut(
    tmp_path: Path, low: int, high: int
) -> None:
    values = np.array([[max(low - 5, 0), low, high, min(high + 9, 65535)]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    found = np.asarray(open_image((tmp_path / "a.png").read_bytes(), 1, value_range=(low, high)))
    assert found.tolist() == [[0, 0, 255, 255]]


def test_a_folder_of_one_value_keeps_the_full_range() -> None:
    counts = np.zeros(65536, np.int64)
    counts[77] = 5
    assert range_of(counts, "auto") == FULL_RANGE
    with pytest.raises(ValueError, match='must be "auto", "full" or "data", got \'most\''):
        range_of(counts, "most")


def test_the_model_says_its_range_and_predicts_and_evaluates_with_it(tmp_path: Path, capsys: Capture) -> None:
    root = folder(tmp_path / "photos", 200, 900)
    assert main([*TRAIN, "--data", str(root), "--out", str(tmp_path / "runs")]) == 0
    assert "are stretched to 0 to 255" in capsys.readouterr().out
    run = tmp_path / "runs" / "seed-0"
    limits = tuple(read_extra(run / "model.safetensors")["value_range"])
    splits = image_folder(root, 16, channels=1, progress=False)
    assert limits == splits.report.value_range
    image, _ = read_image(str(root / splits.test.files[0]), 1, (16, 16), limits)
    assert (image == splits.test.images[0]).all()
    # Of another folder, with other values, the model's range is taken and not the folder's.
    brighter = folder(tmp_path / "brighter", 400, 1800)
    assert (
        main(["evaluate", str(run), "--data", str(brighter), "--split", "all", "--format", "json", "--mistakes", "99"])
        == 0
    )
    wrong = json.loads(capsys.readouterr().out)["mistakes"]
    files = [str(brighter / m["image"]) for m in wrong]
    if files:
        assert main(["predict", str(run), *files, "--format", "json"]) == 0
        answers = json.loads(capsys.readouterr().out)
        assert [a["predictions"][0]["class"] for a in answers] == [m["called"] for m in wrong]


def test_a_class_that_alone_has_16_bits_is_said(tmp_path: Path) -> None:
    for i in range(6):
        for name, kind in (("deep", np.uint16), ("plain", np.uint8)):
            file = tmp_path / name / f"{i}.png"
            file.parent.mkdir(exist_ok=True)
            Image.fromarray(np.random.default_rng(i).integers(0, 200, (8, 8)).astype(kind)).save(file)
    report = image_folder(tmp_path, 8, progress=False).report
    assert "all images of deep have 16 bits and no others have" in str(report)
