"""Folders in which one image is there several times, in versions that no comparison of contents finds."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from folder_helpers import classes, pictures
from PIL import Image

from vit_tutorial.data import image_folder
from vit_tutorial.data.origins import origins


def report(root: Path) -> str:
    return str(image_folder(root, 8, progress=False).report)


@pytest.mark.parametrize(
    ("endings", "what"),
    [
        (("", "-150x150", "-300x200"), "other sizes"),
        ((".rf.0a1b2c3d4e", ".rf.99aa88bb77"), "augmented copies"),
        (("", "_hflip", "_rot90"), "changed copies"),
        (("", "_thumb"), "smaller copies"),
    ],
)
def test_versions_by_name_are_asked_about_and_the_pattern_keeps_them_together(
    tmp_path: Path, endings: tuple[str, ...], what: str
) -> None:
    pictures(tmp_path, [f"{c}/pet {k}_of-{c}{end}.jpg" for c in "ab" for k in "uvwxyz" for end in endings])
    said = report(tmp_path)
    assert f"{12 * len(endings)} images are {what} of one another" in said
    pattern = re.search(r"--group-by '(.*?)' keeps", said)
    assert pattern is not None
    files = sorted(tmp_path.rglob("*.jpg"))
    groups, alone = origins(tmp_path, files, 1, pattern[1])
    assert len({*groups}) == 12
    assert alone == 0


def test_thumbnails_below_a_class_are_asked_about(tmp_path: Path) -> None:
    classes(tmp_path)
    pictures(tmp_path, [f"{c}/thumbnails/{i:03d}.png" for c in "ab" for i in range(6)])
    assert "12 images, such as a/thumbnails/000.png, have the name of one in the folder above" in report(tmp_path)


@pytest.mark.parametrize("name", ["{}_{}.jpg", "photo-1920x1080 {}{}.jpg", "aug {}{}.jpg", "{}{} small.jpg"])
def test_names_of_images_of_their_own_are_left_alone(tmp_path: Path, name: str) -> None:
    pictures(tmp_path, [f"{c}/{name.format(c, k)}" for c in "ab" for k in "klmnopqr"])
    assert "of one another" not in report(tmp_path)


def before_and_after(root: Path, alike: bool) -> None:
    for k in range(8):
        for folder, light in (("dark", 0.2), ("bright", 0.8)):
            random = np.random.default_rng(k if alike else k + 100 * int(10 * light))
            file = root / folder / f"{k}.png"
            file.parent.mkdir(exist_ok=True)
            Image.fromarray((random.random((16, 16)) * light * 255).astype(np.uint8)).save(file)


def test_classes_that_are_two_versions_of_the_same_images_are_asked_about(tmp_path: Path) -> None:
    before_and_after(tmp_path, alike=True)
    assert "images of one name are alike in two classes, as dark/0.png and bright/0.png are" in report(
        tmp_path
    ) or "as bright/0.png and dark/0.png are" in report(tmp_path)


def test_classes_whose_files_are_numbered_alike_are_no_versions(tmp_path: Path) -> None:
    before_and_after(tmp_path, alike=False)
    assert "images of one name" not in report(tmp_path)
