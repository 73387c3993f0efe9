"""Images of one origin: kept in one split on request, and noticed where nobody asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from folder_helpers import classes, hash_of, pictures
from odd_images import noise
from PIL import Image

from vit_tutorial.cli import main
from vit_tutorial.data import image_folder

Capture = pytest.CaptureFixture[str]


def clip(root: Path, names: list[str]) -> None:
    """Frames that differ by a little noise."""
    still = np.asarray(noise(hash_of(str(root / names[0])), (16, 16))).astype(int)
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        moved = still + np.random.default_rng(number).integers(-3, 4, still.shape)
        Image.fromarray(moved.clip(0, 255).astype(np.uint8)).save(root / name)


def parts(splits) -> dict[str, set[int]]:
    """In which splits each of the groups is, by its name in the path."""
    found: dict[str, set[int]] = {}
    for number, split in enumerate(splits):
        for file in split.files:
            found.setdefault(next(p for p in file.replace("_f", "/").split("/") if "clip" in p), set()).add(number)
    return found


def folders_of_clips(root: Path, layout: str = "") -> Path:
    for name in "ab":
        for k in range(8):
            clip(root / layout, [f"{name}/clip{name}{k}/{i:03d}.png" for i in range(4)])
    return root


@pytest.mark.parametrize("layout", ["", "train"])
def test_the_images_of_one_folder_stay_together(tmp_path: Path, layout: str) -> None:
    splits = image_folder(folders_of_clips(tmp_path, layout), 8, group_by="folder", progress=False)
    assert {len(found) for found in parts(splits).values()} == {1}
    assert all(set(split.labels.tolist()) == {0, 1} for split in splits)
    assert "16 groups by folder" in str(splits.report)
    alone = image_folder(tmp_path, 8, progress=False)
    assert max(len(found) for found in parts(alone).values()) > 1


@pytest.mark.parametrize("split", ["hash", "shuffle"])
def test_images_whose_names_agree_in_a_pattern_stay_together(tmp_path: Path, split: str) -> None:
    for name in "ab":
        for k in range(8):
            clip(tmp_path, [f"{name}/clip{name}{k}_f{i}.png" for i in range(4)])
    splits = image_folder(tmp_path, 8, group_by="(clip..)_", split=split, progress=False)
    assert {len(found) for found in parts(splits).values()} == {1}


def test_a_person_in_two_classes_stays_in_one_split(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{name}/clip{k:02d}_f{i}.png" for name in "ab" for k in range(30) for i in range(2)])
    splits = image_folder(tmp_path, 8, group_by="clip[0-9]+", progress=False)
    found = parts(splits)
    assert len(found) == 30
    assert {len(where) for where in found.values()} == {1}


def test_a_copy_joins_two_origins(tmp_path: Path) -> None:
    folders_of_clips(tmp_path)
    for k in range(7):
        (tmp_path / f"a/clipa{k + 1}/copy.png").write_bytes((tmp_path / f"a/clipa{k}/000.png").read_bytes())
    folders = [tmp_path / f"a/other{k}" for k in range(4)]
    pictures(tmp_path, [f"a/clipx{k}/{i}.png" for k in range(len(folders)) for i in range(2)])
    found = parts(image_folder(tmp_path, 8, group_by="folder", progress=False))
    assert len(set.union(*(found[f"clipa{k}"] for k in range(8)))) == 1


def test_groups_stay_where_they_are_when_images_are_added(tmp_path: Path) -> None:
    before = parts(image_folder(folders_of_clips(tmp_path), 8, group_by="folder", progress=False))
    for name in "ab":
        pictures(tmp_path, [f"{name}/clip{name}0/more{i}.png" for i in range(5)])
        pictures(tmp_path, [f"{name}/clip{name}9/{i}.png" for i in range(5)])
    after = parts(image_folder(tmp_path, 8, group_by="folder", progress=False))
    assert {clip: after[clip] for clip in before} == before


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("folder", "lie directly in their class folders, as a/000.png does"),
        ("patient[0-9]+", "is found in no path of .*, such as a/000.png"),
        ("(clip", "neither folder nor a regular expression"),
        ("^.", r"class 'a' has 1 group\(s\), class 'b' has 1 group\(s\), too few for 3 splits"),
    ],
)
def test_a_rule_that_tells_nothing_apart_is_refused(tmp_path: Path, rule: str, message: str) -> None:
    classes(tmp_path, 6)
    with pytest.raises(ValueError, match=message):
        image_folder(tmp_path, 8, group_by=rule, progress=False)


def test_images_that_the_rule_does_not_reach_stand_alone_and_are_counted(tmp_path: Path) -> None:
    folders_of_clips(tmp_path)
    classes(tmp_path, 3)
    report = image_folder(tmp_path, 8, group_by="folder", progress=False).report
    assert "6 images are in no group and stand alone" in str(report)


def test_an_origin_in_two_given_splits_is_said(tmp_path: Path) -> None:
    pictures(tmp_path / "train", [f"{name}/clip{k}_{i}.png" for name in "ab" for k in range(12) for i in range(2)])
    pictures(tmp_path / "test", [f"{name}/clip{k}_{i}.png" for name in "ab" for k in (3, 90) for i in range(2)])
    report = image_folder(tmp_path, 8, group_by="clip([0-9]+)", progress=False).report
    assert "1 groups are in two splits, where a score would be too good: 3" in str(report)


# Noticed


def test_folders_below_the_classes_are_asked_about(tmp_path: Path) -> None:
    report = image_folder(folders_of_clips(tmp_path), 8, progress=False).report
    assert "most images lie in folders below their class (a/clipa0 4, a/clipa1 4, a/clipa2 4 and 13 more)" in str(
        report
    )
    assert "--group-by folder keeps it in one split" in str(report)


@pytest.mark.parametrize(
    "name", ["patient_{:03d}_slice_{}.png", "scan{}-crop{}.png", "{}_{}.png", "clip{}_f{:02d}a.png"]
)
def test_names_that_number_images_within_something_are_asked_about(tmp_path: Path, name: str) -> None:
    pictures(tmp_path, [f"{c}/{name.format(10 * (c == 'b') + k, i)}" for c in "ab" for k in range(5) for i in range(4)])
    report = image_folder(tmp_path, 8, progress=False).report
    assert "the names seem to number images within something (4 files" in str(report)
    rule = str(report).split("--group-by '")[1].split("'")[0]
    assert "10 groups by" in str(image_folder(tmp_path, 8, group_by=rule, progress=False).report)


@pytest.mark.parametrize("budget", [2**30, 0])
@pytest.mark.parametrize("before", ["frame_", ""])
def test_frames_in_one_folder_are_noticed_by_their_likeness(tmp_path: Path, budget: int, before: str) -> None:
    for name in "ab":
        for k in range(6):
            clip(tmp_path, [f"{name}/{before}{10 * k + i:04d}.png" for i in range(10)])
    report = image_folder(tmp_path, 16, progress=False, memory_budget=budget).report
    assert "far more alike than other images of their class, as frames of a clip are" in str(report)


@pytest.mark.parametrize("names", ["{:04d}.png", "IMG_{:03d}.png", "photo {}.png"])
def test_numbered_images_of_their_own_are_no_clip(tmp_path: Path, names: str) -> None:
    pictures(tmp_path, [f"{c}/{names.format(i)}" for c in "ab" for i in range(30)])
    assert image_folder(tmp_path, 16, progress=False).report.notes == []


def test_given_splits_are_not_asked_about(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        folders_of_clips(tmp_path / split)
    assert image_folder(tmp_path, 8, progress=False).report.notes == []


def test_the_command_takes_the_rule_and_says_it_in_the_variant(tmp_path: Path, capsys: Capture) -> None:
    folders_of_clips(tmp_path / "frames")
    words = ["train", "image_folder", "--quiet", "--epochs", "1", "--device", "cpu", "--data", str(tmp_path / "frames")]
    for assignment in ("model.img_size=16", "model.embed_dim=12", "model.depth=1", "batch_size=8"):
        words += ["--set", assignment]
    assert main([*words, "--out", str(tmp_path / "runs"), "--group-by", "folder"]) == 0
    out = capsys.readouterr().out
    assert "split by content, grouped by folder" in out
    assert "16 groups by folder" in out


def test_few_groups_that_lie_across_classes_leave_no_split_empty(tmp_path: Path) -> None:
    for people in range(3, 9):
        root = tmp_path / str(people)
        pictures(root, [f"{c}/p{p}_{i}.png" for c in "ab" for p in range(people) for i in range(3)])
        splits = image_folder(root, 8, progress=False, group_by="(p[0-9]+)")
        assert min(len(split) for split in splits) > 0
