"""Masks on disk: what was laid down in a file is what is read from it, whoever wrote it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_helpers import grey_png
from PIL import Image
from torchvision.datasets import VOCSegmentation

from vit_tutorial.data import VOID, read_mask, write_mask
from vit_tutorial.data.mask_files import voc_palette


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 16, 17, 200])
def test_a_written_mask_keeps_its_classes_and_its_void(classes, tmp_path):
    mask = torch.randint(0, classes, (9, 7))
    mask[0, 0], mask[1, 1] = VOID, classes - 1
    write_mask(mask, tmp_path / "mask.png", [(10, 20, 30)] * classes)
    assert torch.equal(read_mask(tmp_path / "mask.png").long(), mask)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "mask.png")), mask.numpy())  # for other readers, too


def test_pillow_alone_loses_void_where_ours_keeps_it(tmp_path):
    """Shows that the test above could fail: a palette of three colours gives two bits a pixel."""
    image = Image.fromarray(np.array([[0, 1, VOID]], np.uint8))
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(tmp_path / "short.png")
    assert np.asarray(Image.open(tmp_path / "short.png")).tolist() == [[0, 1, 3]]


@settings(deadline=None, max_examples=30)
@given(
    bits=st.sampled_from([1, 2, 4, 8, 16]), height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0, 99)
)
def test_greys_of_any_depth_give_the_numbers_that_are_stored(bits, height, width, seed):
    values = np.random.default_rng(seed).integers(0, min(2**bits, 256), (height, width))
    assert np.array_equal(read_mask(grey_png(values, bits)).numpy(), values)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".gif"])
def test_palettes_give_their_numbers_in_every_format_that_keeps_them(suffix, tmp_path):
    values = np.arange(35, dtype=np.uint8).reshape(5, 7) % 3
    image = Image.fromarray(values)
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    image.save(tmp_path / f"mask{suffix}")
    assert np.array_equal(read_mask(tmp_path / f"mask{suffix}").numpy(), values)


def test_colours_are_looked_up_in_a_table(tmp_path):
    table = {(0, 0, 0): 0, (128, 0, 0): 1, (224, 224, 192): VOID}
    classes = np.array([[0, 1], [VOID, 1]], np.uint8)
    colours = {number: colour for colour, number in table.items()}
    pixels = np.array([[colours[value] for value in row] for row in classes.tolist()], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "colours.png")
    assert np.array_equal(read_mask(tmp_path / "colours.png", table).numpy(), classes)
    Image.fromarray(pixels).quantize(16).save(tmp_path / "palette.png")  # numbers of Pillow's choice, the same colours
    assert np.array_equal(read_mask(tmp_path / "palette.png", table).numpy(), classes)
    with pytest.raises(ValueError, match=r"holds 1 colours that the table has not: \(224, 224, 192\); add them"):
        read_mask(tmp_path / "colours.png", {(0, 0, 0): 0, (128, 0, 0): 1})
    with pytest.raises(
        ValueError, match=r"holds 3 colours, such as .*, and nothing says which classes they are; give a table"
    ):
        read_mask(tmp_path / "colours.png")


def test_a_table_of_numbers_changes_those_and_leaves_the_others(tmp_path):
    write_mask(torch.tensor([[0, 5, 11]]), tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", {11: VOID}).tolist() == [[0, 5, VOID]]
    with pytest.raises(ValueError, match="gives numbers from 0 to 300; give classes from 0 to 254"):
        read_mask(tmp_path / "mask.png", {11: 300})
    with pytest.raises(ValueError, match="names the number 300, which no mask file holds"):
        read_mask(tmp_path / "mask.png", {300: 1})


def test_grey_stored_as_colour_is_grey(tmp_path):
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    Image.fromarray(np.stack([values] * 3, -1)).save(tmp_path / "grey.png")
    assert np.array_equal(read_mask(tmp_path / "grey.png").numpy(), values)


def test_the_palette_is_the_one_of_voc():
    assert voc_palette()[:4] == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0)]
    assert voc_palette()[20] == (0, 64, 128)
    assert voc_palette()[VOID] == (224, 224, 192)


@pytest.mark.needs_data
def test_the_palette_and_the_classes_of_a_real_voc_mask_are_read(shared_data):
    root = shared_data / "voc-sample"
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    file = root / "VOCdevkit/VOC2012/SegmentationClass/2011_000003.png"
    theirs = VOCSegmentation(root, year="2012", image_set="train")[0][1]
    assert np.array_equal(read_mask(file).numpy(), np.asarray(theirs))
    assert np.reshape(theirs.getpalette(), (-1, 3)).tolist() == [list(colour) for colour in voc_palette()]


BAD = {
    "photo.jpg": (lambda path: Image.new("RGB", (4, 4)).save(path), "is a JPEG file, which does not keep class numbers"),
    "mask.webp": (lambda path: Image.new("RGB", (4, 4)).save(path), "is a WEBP file"),
    "wide.png": (lambda path: path.write_bytes(grey_png(np.array([[1, 26001]]), 16)), "holds numbers from 1 to 26001, but a mask"),
    "float.tif": (lambda path: Image.new("F", (4, 4)).save(path), "holds F values, not class numbers"),
    "clear.png": (lambda path: Image.new("RGBA", (4, 4)).save(path), "has transparent pixels, whose class nobody knows"),
    "page.png": (lambda path: path.write_text("<html>404</html>"), "cannot be read"),
    "cut.png": (lambda path: path.write_bytes(grey_png(np.ones((50, 50), int), 8)[:60]), "is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_mask_is_refused_by_its_name_and_with_a_reason(name: str, tmp_path: Path):
    write, message = BAD[name]
    write(tmp_path / name)
    with pytest.raises(ValueError, match=f"{name}.*{message}"):
        read_mask(tmp_path / name)


@pytest.mark.parametrize(
    ("mask", "name", "message"),
    [
        (torch.zeros(3, 4, 5, dtype=torch.int64), "a.png", r"whole numbers \[H, W\], got torch.int64 \[3, 4, 5\]"),
        (torch.zeros(4, 5), "a.png", "got torch.float32"),
        (torch.full((2, 2), 256), "a.png", "holds 0 to 255, got 256 to 256"),
        (torch.full((2, 2), -1), "a.png", "got -1 to -1; write void as 255"),
        (torch.zeros(2, 2, dtype=torch.int64), "a.jpg", "written as PNG, got .*a.jpg"),
    ],
)
def test_what_a_mask_file_cannot_hold_is_not_written(mask, name, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_mask(mask, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_where_pycocotools_is_missing_coco_says_how_to_get_it(monkeypatch):
    from vit_tutorial.data.coco_rle import mask_tools

    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    with pytest.raises(
        ModuleNotFoundError, match="COCO's masks need pycocotools, which is not installed: pip install pycocotools"
    ):
        mask_tools()
