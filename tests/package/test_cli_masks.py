"""Segmenters on the command line: from a folder of images and masks to a model, its scores, and masks that other tools read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO

from vit_tutorial.cli import main
from vit_tutorial.data import digit_scenes, write_mask
from vit_tutorial.data.mask_files import save_image
from vit_tutorial.metrics.segmentation import mean_iou, pixel_confusion

SMALL = ["--set", "model={img_size: [16, 24], patch_size: 4, embed_dim: 16, depth: 1, num_heads: 2, in_chans: 1}"]
SMALL += ["--epochs", "2", "--set", "batch_size=8", "--quiet"]


def pixels(path: Path) -> NDArray[Any]:
    with Image.open(path) as picture:
        return np.array(picture)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images and masks as somebody would lay them down, one of them larger than the others."""
    root = tmp_path_factory.mktemp("own")
    scenes = digit_scenes(30, (16, 24), (1, 2), kinds=(0, 1))
    for kind in ("images", "masks"):
        (root / kind).mkdir()
    for i, (image, mask) in enumerate(zip(scenes.images, scenes.class_masks)):
        if i == 3:
            image, mask = (part.repeat_interleave(2, -1).repeat_interleave(2, -2) for part in (image, mask))
        save_image(image, root / "images" / f"{i:02d}.png")
        write_mask(mask, root / "masks" / f"{i:02d}.png")
    (root / "classes.txt").write_text("background\nzero\none\n")
    return root


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = tmp_path_factory.mktemp("recipe") / "own.yaml"
    recipe.write_text("title: own\ntask: segmentation\ndata: mask_folder\nscale_jitter: [0.8, 1.2]\n")
    out = recipe.parent / "run"
    assert main(["train", str(recipe), "--data", str(folder), "--out", str(out), *SMALL]) == 0
    return out / "seed-0"


def test_a_segmenter_is_scored_at_the_size_of_the_annotation(
    run: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run), "--data", str(folder), "--split", "train", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] >= 20
    assert [row["class"] for row in found["classes"]] == ["background", "zero", "one"]
    # the same number from the masks that predict writes
    names = sorted((folder / "images").glob("*.png"))
    assert main(["predict", str(run), *map(str, names), "--out", str(tmp_path)]) == 0
    assert (
        main(["evaluate", str(run), "--data", str(folder), "--split", "train", "--mistakes", "99", "--format", "json"])
        == 0
    )
    listed = capsys.readouterr().out
    of_split = [entry["image"] for entry in json.loads(listed[listed.index("{") :])["worst"]]
    table = torch.zeros(3, 3, dtype=torch.int64)
    for name in of_split:
        called, truth = (pixels(path) for path in (tmp_path / Path(name).name, folder / "masks" / Path(name).name))
        assert called.shape == truth.shape
        table += pixel_confusion(torch.from_numpy(called), torch.from_numpy(truth), 3)
    assert mean_iou(table) == pytest.approx(found["metrics"]["miou"], abs=1e-9)
    assert sum(row["pixels"] for row in found["classes"]) == int(table.sum())
    assert sum(part["pixels"] for part in found["by_distance"]) == int(table.sum())


def test_the_analysis_reads_as_text(run: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--data", str(folder), "--split", "val"]) == 0
    text = capsys.readouterr().out
    assert "scored at their own size" in text
    for words in ("miou ", "boundary IoU", "9 and more", "the worst images"):
        assert words in text


def test_masks_are_files_that_other_tools_read(run: Path, folder: Path, tmp_path: Path) -> None:
    assert main(["predict", str(run), str(folder / "images"), "--out", str(tmp_path)]) == 0
    with Image.open(tmp_path / "03.png") as large:
        assert (large.mode, large.size) == ("P", (48, 32))
    assert (tmp_path / "classes.txt").read_text() == "background\nzero\none\n"
    coco = COCO()
    coco.dataset = json.loads((tmp_path / "annotations.json").read_text())  # its own reading leaves the file open
    coco.createIndex()
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["zero", "one"]
    for image in coco.imgs.values():
        mask = pixels(tmp_path / image["file_name"])
        for annotation in coco.imgToAnns[image["id"]]:
            assert np.array_equal(coco.annToMask(annotation), mask == annotation["category_id"])


def test_two_images_of_one_name_keep_both_masks(run: Path, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "images" / "00.png", other)
    files = [str(folder / "images" / "00.png"), str(other / "00.png")]
    assert main(["predict", str(run), *files, "--out", str(tmp_path / "out")]) == 0
    assert {"00.png", "00-2.png"} <= {file.name for file in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "RUN", "IMAGE"], "this model makes masks, one an image; say where they go: --out FOLDER"),
        (["evaluate", "RUN", "--split", "all", "--data", "FOLDER"], "of images with masks choose train, val or test"),
        (["evaluate", "RUN"], "give it with --data FOLDER"),
        (["export", "RUN", "--to", "site"], "a page needs a picture to start with; name one or more image files"),
    ],
)
def test_what_is_asked_wrongly_is_answered_in_a_line(
    run: Path, folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places: dict[str, Any] = {"RUN": run, "FOLDER": folder, "IMAGE": folder / "images" / "00.png"}
    assert main([str(places.get(word, word)) for word in words]) == 2
    assert message in capsys.readouterr().err


def test_an_image_that_is_none_is_named_and_the_others_are_answered(
    run: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    assert (
        main(["predict", str(run), str(broken), str(folder / "images" / "01.png"), "--out", str(tmp_path / "o")]) == 1
    )
    captured = capsys.readouterr()
    assert "broken.png: cannot be decoded" in captured.out
    assert "1 of 2 images failed" in captured.err
    assert (tmp_path / "o" / "01.png").is_file()
