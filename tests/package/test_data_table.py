"""A folder with a table of answers: read to the last cell, and everything that is wrong with it in one error."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vit_tutorial.cli import main
from vit_tutorial.cli.pictures import place_before_fit
from vit_tutorial.data import RememberedSplit, Splits
from vit_tutorial.data.decode import fit
from vit_tutorial.data.mask_files import write_mask
from vit_tutorial.data.scene_tasks import SCENE_TASKS, scene_tasks, write_scene_table
from vit_tutorial.data.table import BadTable, label_table
from vit_tutorial.data.table_scoring import rows_to_score
from vit_tutorial.weights import read_extra

KINDS: dict[str, Any] = {"mask": "mask", "count": "class", "present": "labels", "largest": "numbers"}
Rows = list[dict[str, str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_scene_table(tmp_path / "scenes", (12, 4, 4))


def change(root: Path, edit: Callable[[Rows], Any]) -> None:
    with (root / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    edit(rows)
    with (root / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def test_what_was_written_is_read(root: Path) -> None:
    splits, outputs = label_table(root, KINDS, channels=1)
    original = scene_tasks((12, 4, 4))
    assert outputs == SCENE_TASKS
    for ours, theirs in zip(splits, original):
        assert torch.equal(ours.images, theirs.images)
        for name in KINDS:
            assert torch.equal(ours.targets[name], theirs.targets[name]), name
    assert splits.classes == original.classes
    assert splits.train.item_name(0) == "images/train-0000.png"
    assert str(splits.report).startswith("20 images")


def test_an_empty_cell_is_an_answer_that_nobody_gave(root: Path) -> None:
    change(root, lambda rows: rows[1].update({"count": "", "present:3": "", "largest:row": "", "mask": ""}))
    train = label_table(root, KINDS, channels=1)[0].train
    assert train.targets["count"][1] == -1
    assert train.targets["present"][1, 3] == -1
    assert train.targets["largest"][1].isnan().tolist() == [True, False]
    assert (train.targets["mask"][1] == 255).all()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda r: r[2].update({"file": "images/none.png"}), "line 4: images/none.png is not there"),
        (lambda r: r[2].update({"file": r[0]["file"]}), "line 4: images/train-0000.png is named in line 2, too"),
        (
            lambda r: r[2].update({"split": "training"}),
            "line 4: split is 'training'; it must be one of train, val, test",
        ),
        (lambda r: r[13].update({"count": "two"}), "line 15: count is 'two', which no training image has"),
        (lambda r: r[2].update({"present:1": "maybe"}), "line 4: present is 'maybe'; it must be 1 or 0"),
        (lambda r: r[2].update({"largest:row": "3,5"}), "line 4: largest is '3,5'; it must be a number"),
        (lambda r: r[2].update({"largest:row": "inf"}), "line 4: largest is 'inf'"),
        (lambda r: r[2].update({"mask": "masks/none.png"}), "line 4: mask masks/none.png"),
        (lambda r: r[2].update({"count": f"{r[2]['count']}.0"}), "which is one number; write it one way"),
        (lambda r: [row.update({"count": ""}) for row in r[:12]], "no training image has a value of count"),
    ],
)
def test_a_fault_is_named_with_its_line(root: Path, edit: Callable[[Rows], Any], message: str) -> None:
    change(root, edit)
    with pytest.raises(BadTable) as caught:
        label_table(root, KINDS, channels=1)
    assert any(message in fault for fault in caught.value.faults)


def test_a_comma_in_a_cell_without_quotes_is_no_shorter_number(root: Path) -> None:
    text = (root / "labels.csv").read_text().splitlines()
    text[3] = text[3].replace(".5", ",5")  # 3,5 for 3.5, as many countries write it
    (root / "labels.csv").write_text("\n".join(text))
    with pytest.raises(BadTable, match="line 4 has 14 cells and the table 12 columns; quote a cell with a comma in it"):
        label_table(root, KINDS, channels=1)


@pytest.mark.parametrize(
    ("rewrite", "message"),
    [
        (lambda text: text.encode("utf-16"), "is not UTF-8"),
        (lambda text: text.replace(",", ";").encode(), "divide the cells by commas"),
        (lambda text: text.replace("present:1", "present:0").encode(), "two columns 'present:0'"),
    ],
)
def test_a_table_that_cannot_be_read_says_what_to_do(root: Path, rewrite: Callable[[str], bytes], message: str) -> None:
    (root / "labels.csv").write_bytes(rewrite((root / "labels.csv").read_text()))
    with pytest.raises(ValueError, match=message):
        label_table(root, KINDS, channels=1)


def test_all_faults_are_in_one_error(root: Path) -> None:
    (root / "images/val-0000.png").write_bytes((root / "images/train-0000.png").read_bytes())
    (root / "images/test-0000.png").write_bytes(b"no image")
    (root / "images/train-0002.png").write_bytes((root / "images/train-0001.png").read_bytes())
    write_mask(torch.zeros(8, 8, dtype=torch.uint8), root / "masks/train-0003.png")
    write_mask(torch.full((16, 24), 9), root / "masks/train-0004.png")
    with pytest.raises(BadTable, match="in another split") as caught:
        label_table(root, KINDS, channels=1)
    said = " ".join(caught.value.faults)
    assert "cannot be decoded" in said
    assert "masks/train-0003.png is [8, 8], its image [16, 24]" in said
    assert "holds 9, but classes.txt names 7 classes" in said
    assert "shows the same as images/train-0001.png in line 3, with another" in said


def test_without_a_column_split_contents_decide_and_other_columns_are_reported(root: Path) -> None:
    change(root, lambda rows: [row.pop("split") for row in rows])
    splits, _ = label_table(root, {"count": "class"}, channels=1)
    again, _ = label_table(root, {"count": "class"}, channels=1)
    assert splits.fingerprint() == again.fingerprint()
    assert sum(len(split) for split in splits) == 20
    assert "columns of no task" in str(splits.report)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({}, "say what the columns are"),
        ({"age": "class"}, "has no column age"),
        ({"present": "class"}, "present is a class, which is one column"),
    ],
)
def test_columns_have_to_be_there(root: Path, kinds: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_table(root, kinds, channels=1)
    with pytest.raises(FileNotFoundError, match=r"there is no .*labels.csv"):
        label_table(root / "images", {"count": "class"})


def trained(root: Path, out: Path, *more: str) -> Path:
    """A model of the table, after an epoch."""
    fields = [f"multitask.kinds={KINDS}", "model={in_chans: 1, patch_size: 4, embed_dim: 16, depth: 1, num_heads: 2}"]
    words = [word for field in [*fields, "batch_size=4"] for word in ("--set", field)]
    words += ["--epochs", "1", "--quiet", "--out", str(out), *more]
    assert main(["train", "multitask", "--data", str(root), *words]) == 0
    return out / "seed-0"


def test_from_a_folder_to_scores_with_one_command(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(root, tmp_path / "run")
    assert main(["evaluate", str(run), "--data", str(root), "--split", "test"]) == 0
    assert "images/test-000" in capsys.readouterr().out


def test_rows_that_a_run_was_trained_on_are_never_scored_as_a_test(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(root, tmp_path / "run")

    def move(rows: Rows) -> None:
        first = {name: next(row for row in rows if row["split"] == name) for name in ("train", "val")}
        first["train"]["split"] = first["val"]["split"] = "test"

    change(root, move)

    def found(part: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["evaluate", str(run), "--data", str(root), "--split", part, "--format", "json"]) == 0
        return dict(json.loads(capsys.readouterr().out))

    assert found("test")["images"] == 4
    assert "2 images that the table calls test are left out" in found("test")["notes"][0]
    assert found("all")["images"] == 20
    assert found("all")["notes"] == ["12 of these images were trained on"]


def test_of_a_table_that_the_run_has_never_seen_every_row_is_scored(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(root, tmp_path / "run")
    splits, _ = label_table(root, KINDS, channels=1)
    other = [replace(part, images=255 - part.images, contents=None) for part in splits]
    dataset, notes = rows_to_score(
        Splits(*other), "test", RememberedSplit.from_dict(read_extra(run / "model.safetensors")["split"])
    )
    assert len(dataset) == 20
    assert notes == ["this is not the table of the run: all 20 images of it are new, and scored"]
    seen = RememberedSplit.of(*([*part.digests()] for part in (splits.test, splits.train, splits.val)))
    with pytest.raises(ValueError, match="nothing to score as test: the run has trained on these images"):
        rows_to_score(splits, "test", seen)


def test_a_test_split_without_a_tasks_answers_is_said_in_words(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(root, lambda rows: [row.update({"count": ""}) for row in rows if row["split"] == "test"])
    run = trained(root, tmp_path / "run")
    assert "the task 'count' has no label in the test split, so it has no accuracy there" in capsys.readouterr().out
    metrics = json.loads((run / "result.json").read_text())["metrics"]
    assert "val_score" in metrics
    assert "test_largest_r2" in metrics
    assert not {"test_score", "test_loss", "test_count_accuracy"} & {*metrics}
    assert main(["evaluate", str(run), "--data", str(root), "--split", "test"]) == 0
    said = capsys.readouterr()
    assert "count has no label among these images, so no accuracy" in said.err
    assert "nan" not in said.out


def test_a_place_is_predicted_in_pixels_of_the_image_itself(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(root, tmp_path / "run")
    small = Image.open(root / "images/test-0000.png")  # 24 wide, 16 high
    small.save(tmp_path / "small.png")
    small.resize((240, 160), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    capsys.readouterr()
    assert (
        main(["predict", str(run), str(tmp_path / "small.png"), str(tmp_path / "large.png"), "--format", "json"]) == 0
    )
    own, large = json.loads(capsys.readouterr().out)
    assert own["notes"] == []
    assert "column, row in pixels of the image itself" in large["notes"]
    for name in ("row", "column"):  # the middle of pixel i of ten times as many is at 10 i + 4.5
        assert large["answers"]["largest"][name] == pytest.approx(10 * own["answers"]["largest"][name] + 4.5, abs=1.5)


@pytest.mark.parametrize("size", [(40, 60), (50, 60), (40, 90), (7, 11)])
def test_a_place_goes_through_the_fit_and_back(size: tuple[int, int]) -> None:
    """A ramp is fitted: its value at a pixel says where that pixel was."""
    for axis in (0, 1):
        n = size[axis]
        ramp = torch.arange(n, dtype=torch.float32) / n * 250
        picture = ramp[:, None].expand(size) if axis == 0 else ramp.expand(size)
        fitted = np.asarray(fit(Image.fromarray(picture.numpy().copy()), (16, 24)))
        there = float(fitted[8, 12]) / 250 * n
        assert place_before_fit((8, 12)[axis], axis, size, (16, 24)) == pytest.approx(there, abs=0.05)


def test_export_says_what_it_cannot_write_and_what_to_do(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(root, tmp_path / "run")
    for form in ("page", "onnx", "site"):
        assert main(["export", str(run), "--to", form]) == 2
        said = capsys.readouterr().err
        assert "answers several tasks (mask, count, present, largest)" in said
        assert "predict --format json" in said
