"""JPEG files packed into one: every picture comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gpu_helpers import jpeg_folder
from torchvision.io import decode_image

from vit_tutorial.data import cifar10
from vit_tutorial.data.jpeg_pack import PACKED, pack_images, read_packed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return jpeg_folder(tmp_path / "jpeg")


def test_every_picture_comes_back_with_its_class(folder: Path, tmp_path: Path) -> None:
    size = pack_images(folder, tmp_path / PACKED, "ten colours")
    splits = cifar10(tmp_path)
    assert [len(split) for split in splits] == [50, 10, 20]
    assert splits.variant.startswith("ten colours; ")
    assert size < sum(file.stat().st_size for file in folder.rglob("*.jpg"))
    files = sorted((folder / "test").glob("*/*.jpg"))
    for file, image, label in zip(files, splits.test.images, splits.test.labels.tolist(), strict=True):
        assert torch.equal(image, decode_image(str(file)))
        assert splits.classes[label] == file.parent.name


def test_a_file_that_was_cut_and_one_of_another_kind_are_named(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / PACKED
    pack_images(folder, path, "ten colours")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"not a whole file of packed images .* pack them again"):
        read_packed(path, seed=0)


def test_a_folder_without_images_and_one_whose_splits_differ_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no train/CLASS/\*\.jpg"):
        pack_images(tmp_path, tmp_path / "x.npz", "none")
    for file in (folder / "test" / "class-3").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match="same classes"):
        pack_images(folder, tmp_path / "x.npz", "none")
