"""Segmenters on the command line: from a folder of images and masks to a model, its scores, and masks that other tools read."""

from __future__ import annotations

import json
import re
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
from vit_tutorial.cli.masks import keep_what_is_there
from vit_tutorial.data import digit_scenes, write_coco_scenes, write_mask
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
    assert [(part["from"], part["to"]) for part in found["by_size"]] == [
        (0, 0.001),
        (0.001, 0.01),
        (0.01, 0.1),
        (0.1, 1),
    ]
    assert sum(part["regions"] for part in found["by_size"]) >= 2 * found["images"]  # background, and a digit or two


def test_the_analysis_reads_as_text(run: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--data", str(folder), "--split", "val"]) == 0
    text = capsys.readouterr().out
    assert "scored at their own size" in text
    for words in ("miou ", "boundary IoU", "9 and more", "up to 0.1 %", "above 10 %", "the worst images"):
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
        (["evaluate", "RUN", "--split", "all"], "say which images, with --data FOLDER or --data FILE.json"),
        (["evaluate", "RUN"], "give it with --data FOLDER"),
        (
            ["export", "RUN", "--to", "site"],
            "a site needs a picture to start with; name one or more image files (--pictures)",
        ),
        (["export", "RUN", "--to", "onnx", "--dtype", "int8"], "--dtype says nothing of --to onnx; leave it out"),
        (["export", "RUN", "--to", "page", "--pictures", "IMAGE"], "--pictures says nothing of --to page"),
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


# One command, from a folder or a COCO file


OWN = ["train", "segmentation", "--epochs", "1", "--quiet", "--no-test", "--set", "workers=0", "--set", "batch_size=4"]
OWN += [
    "--set",
    "model.img_size=16",
    "--set",
    "model.patch_size=4",
    "--set",
    "model.embed_dim=24",
    "--set",
    "model.depth=1",
]


def test_one_command_takes_a_folder_of_masks(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*OWN, "--data", str(folder), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "30 images with masks of 3 classes" in said
    assert "pixels of train: background" in said
    assert (tmp_path / "seed-0" / "model.safetensors").exists()


def test_one_command_takes_a_coco_file_and_evaluate_and_predict_go_on_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_coco_scenes(digit_scenes(30, (16, 24), (1, 2), kinds=(0, 1)), tmp_path / "own")
    file = tmp_path / "own" / "annotations" / "instances_train2017.json"
    run = tmp_path / "runs" / "seed-0"
    assert main([*OWN, "--data", str(file), "--out", str(run.parent)]) == 0
    assert main(["evaluate", str(run), "--data", str(file), "--split", "test", "--format", "json"]) == 0
    found = json.loads((said := capsys.readouterr().out)[said.index("{\n") :])
    assert [row["class"] for row in found["classes"]] == ["background", "0", "1"]
    assert main(["predict", str(run), str(tmp_path / "own" / "train2017"), "--out", str(tmp_path / "masks")]) == 0
    assert len(list((tmp_path / "masks").glob("0*.png"))) == 30
    predict = ["predict", str(run), str(tmp_path / "own" / "train2017"), "--out"]
    assert main([*predict, str(tmp_path / "masks")]) == 0  # its own answers may be replaced


def test_a_folder_of_splits_with_a_coco_file_each_is_taken_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, part in enumerate(("train", "valid", "test")):
        write_coco_scenes(digit_scenes(16, (16, 24), (1, 2), seed, kinds=(0, 1)), tmp_path / "written")
        (tmp_path / "written" / "train2017").rename(tmp_path / part)
        file = tmp_path / "written" / "annotations" / "instances_train2017.json"
        file.rename(tmp_path / part / "_annotations.coco.json")
    assert main([*OWN, "--data", str(tmp_path), "--out", str(tmp_path / "runs")]) == 0
    assert "16 training, 16 validation, 16 test images" in capsys.readouterr().out
    run = str(tmp_path / "runs" / "seed-0")
    assert main(["evaluate", run, "--data", str(tmp_path), "--split", "test"]) == 0
    assert "test split, 16 images" in capsys.readouterr().out
    assert main(["evaluate", run, "--data", str(tmp_path), "--split", "all"]) == 0
    assert "every image, whether the run has seen it or not, 48 images" in capsys.readouterr().out


def test_a_folder_collected_later_is_scored_whole_whatever_its_splits(
    run: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "later" / "test")
    shutil.move(tmp_path / "later" / "test" / "classes.txt", tmp_path / "later")
    words = ["evaluate", str(run), "--data", str(tmp_path / "later"), "--split"]
    assert main([*words, "test"]) == 2
    assert "no training images, only test" in (said := capsys.readouterr().err)
    assert "vit-tutorial evaluate MODEL --split all" in said
    assert main([*words, "all", "--format", "json"]) == 0
    found = json.loads((said := capsys.readouterr().out)[said.index("{") :])
    assert found["images"] == len(list((folder / "images").iterdir()))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("photos", "photos/a.png is an image to be segmented, and its mask would replace it; give another folder"),
        ("masks", "masks/b.png is there already, and no earlier predict has written it; give an empty folder"),
        ("twins", "twins/a-2.png is there already"),  # of the second image that is named a
        ("annotated", "annotated/annotations.json is there already"),
        ("named", "named/classes.txt is there already"),
        ("file", "file is a file; give a folder to --out"),
    ],
)
def test_predict_replaces_no_file_that_it_has_not_written(out: str, message: str, tmp_path: Path) -> None:
    for kept in ("photos/a.png", "photos/b.jpg", "masks/b.png", "twins/a-2.png", "named/classes.txt", "file"):
        (tmp_path / kept).parent.mkdir(exist_ok=True)
        (tmp_path / kept).write_text("mine")
    (tmp_path / "annotated").mkdir()
    (tmp_path / "annotated" / "annotations.json").write_text('{"info": {"description": "mine"}, "images": []}')
    images = [str(tmp_path / name) for name in ("photos/a.png", "photos/b.jpg", "more/a.jpg")]
    with pytest.raises(ValueError, match=message):
        keep_what_is_there(tmp_path / out, images)
    keep_what_is_there(tmp_path / "new", images)


def test_a_folder_that_holds_a_coco_file_is_told_to_name_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_coco_scenes(digit_scenes(4, (16, 24), (1, 2), kinds=(0, 1)), tmp_path)
    assert main([*OWN, "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "There are JSON files, too; if one is COCO's, give it: --data" in said
    assert f"{tmp_path}/annotations/instances_train2017.json" in said
    (tmp_path / "train2017").rename(tmp_path / "pictures")
    assert main([*OWN, "--data", str(tmp_path / "annotations" / "instances_train2017.json")]) == 2
    assert "put the images into a folder images beside the file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give it with --data FOLDER, or --data FILE.json of COCO"),
        (["--data", "FOLDER", "--set", "on_bad=skip"], "of a folder of masks mend or move the files that are named"),
        (["--data", "FOLDER", "--set", "drawn_on=sideways"], "drawn_on is 'sideways'"),
        (["--data", "FOLDER", "--set", "mask_suffix=_m"], "no image of .* has a mask"),
        (["--data", "NOTHING.json"], "there is no annotation file"),
    ],
)
def test_what_is_wrong_with_ones_own_data_is_answered_in_a_line(
    folder: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*OWN, *(str(folder) if word == "FOLDER" else word for word in words)]) == 2
    assert re.search(message, capsys.readouterr().err)


def test_black_and_white_masks_of_a_folder_train_once_the_file_of_classes_says_what_white_is(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "white"
    shutil.copytree(folder, root)
    for file in (root / "masks").iterdir():
        Image.fromarray(((pixels(file) > 0) * 255).astype(np.uint8)).save(file)
    (root / "classes.txt").write_text("background\ndigit\n")
    command = [*OWN, "--data", str(root), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert "in classes.txt as digit = 255" in capsys.readouterr().err
    (root / "classes.txt").write_text("background\ndigit = 255\n")
    assert main(command) == 0
