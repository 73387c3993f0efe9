"""A folder of one's own images and masks: every layout that is promised, and every fault in one report."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mask_helpers import photo
from PIL import Image

from vit_tutorial.data import VOID, BadPairs, PairedImages, TensorImages, find_leaks, mask_folder, write_mask

CLASSES = ["soil", "leaf", "stone"]


def pair(root: Path, image: str, mask: str, seed: int, size: tuple[int, int] = (12, 16)) -> None:
    """A photograph and its mask, which has a pixel of each class, and void."""
    photo(root / image, size, seed)
    (root / mask).parent.mkdir(parents=True, exist_ok=True)
    values = torch.from_numpy(np.random.default_rng(seed).integers(0, 3, size))
    values[0, :4] = torch.tensor([0, 1, 2, VOID])
    write_mask(values, root / mask)


def folder(root: Path, layout: str = "plain", n: int = 6) -> Path:
    for s, split in enumerate(("train", "val", "test") if layout != "plain" else ("",)):
        for i in range(n):
            levels = {
                "plain": ("images", "masks"),
                "above": (f"{split}/images", f"{split}/masks"),
                "below": (f"images/{split}", f"masks/{split}"),
            }
            images, masks = levels[layout]
            pair(root, f"{images}/{i}.png", f"{masks}/{i}.png", 100 * s + i)
    return root


def faults(root: Path, **options) -> dict[str, list[str]]:
    with pytest.raises(BadPairs) as caught:
        mask_folder(root, CLASSES, progress=False, **options)
    report = caught.value.report
    for kind, files in report.faults.items():
        assert kind in str(caught.value)
        assert files[0] in str(caught.value)
    return report.faults


@pytest.mark.parametrize("layout", ["plain", "above", "below"])
def test_all_three_layouts_are_read_into_three_splits(layout, tmp_path):
    splits = mask_folder(folder(tmp_path, layout), CLASSES, progress=False)
    sizes = [len(split) for split in splits]
    assert sum(sizes) == (6 if layout == "plain" else 18)
    assert min(sizes) >= 1
    assert find_leaks(splits) == []
    assert isinstance(splits.train, TensorImages)
    assert sorted(splits.train.targets.unique().tolist()) == [0, 1, 2, VOID]
    for name, split in zip(("train", "val", "test"), splits):
        counts = [(split.targets == k).sum().item() for k in (0, 1, 2, VOID)]
        assert splits.report.pixels[name].tolist() == counts


def test_images_of_several_sizes_stay_in_their_files_and_are_fitted_if_asked(tmp_path):
    root = folder(tmp_path)
    pair(root, "images/wide.jpg", "masks/wide.png", 50, (12, 40))
    splits = mask_folder(root, CLASSES, progress=False)
    assert isinstance(splits.train, PairedImages)
    assert sum(image.shape[2] == 40 for split in splits for image, _ in split) == 1
    fitted = mask_folder(root, CLASSES, size=(16, 16), progress=False)
    assert fitted.train.images.shape[1:] == (3, 16, 16)


def test_an_image_keeps_its_split_when_others_are_added(tmp_path):
    def where(splits) -> dict[bytes, int]:
        return {digest: i for i, split in enumerate(splits) for digest in split.digests()}

    root = folder(tmp_path, n=30)
    before = where(mask_folder(root, CLASSES, progress=False))
    for i in range(10):
        pair(root, f"images/new{i}.png", f"masks/new{i}.png", 500 + i)
    after = where(mask_folder(root, CLASSES, progress=False))
    assert len(after) == 40
    assert all(after[digest] == split for digest, split in before.items())


def test_names_of_masks_may_have_a_suffix_and_names_of_classes_a_file(tmp_path):
    pair(tmp_path, "imgs/a/1.png", "labels/a/1_mask.png", 0)
    pair(tmp_path, "imgs/b/1.png", "labels/b/1_mask.png", 1)
    pair(tmp_path, "imgs/b/2.png", "labels/b/2_mask.png", 2)
    (tmp_path / "classes.txt").write_text("soil\nleaf\nstone\n\n")
    splits = mask_folder(tmp_path, mask_suffix="_mask", progress=False)
    assert splits.classes == CLASSES
    assert [len(split) for split in splits] == [1, 1, 1]
    assert "images have no mask" in faults(tmp_path)


def test_copies_stay_in_one_split_and_are_counted(tmp_path):
    root = folder(tmp_path, n=20)
    for i in range(5):
        shutil.copy(root / "images" / "0.png", root / "images" / f"copy{i}.png")
        shutil.copy(root / "masks" / "0.png", root / "masks" / f"copy{i}.png")
    splits = mask_folder(root, CLASSES, progress=False)
    assert find_leaks(splits) == []
    assert "5 images are copies of another" in splits.report.notes


def test_classes_and_masks_that_say_nothing_are_noted(tmp_path):
    root = folder(tmp_path, "above")
    for i in range(6):
        write_mask(torch.full((12, 16), VOID), root / "test/masks" / f"{i}.png")
    report = mask_folder(root, CLASSES, progress=False).report
    assert "no pixel of soil, leaf, stone in test" in report.notes
    assert any(note.startswith("6 masks are void all over: test/masks/0.png") for note in report.notes)
    assert "pixels of test: void 100.0%" in str(report)


# Faults


def test_every_fault_is_in_one_report(tmp_path):
    root = folder(tmp_path, "above", 8)
    (root / "train/masks/1.png").unlink()
    (root / "train/images/2.png").unlink()
    write_mask(torch.zeros(9, 9, dtype=torch.int64), root / "val/masks/3.png")
    (root / "val/images/4.png").write_bytes(b"no image")
    Image.new("RGB", (16, 12)).save(root / "val/masks/5.jpg")
    (root / "val/masks/5.png").unlink()
    assert faults(root) == {
        "images have no mask": ["train/images/1.png"],
        "masks have no image": ["train/masks/2.png"],
        "images cannot be decoded": ["val/images/4.png (it is no image of a format that Pillow knows)"],
        "masks do not fit or cannot be read": [
            "val/masks/3.png (val/images/3.png has 12x16 pixels (height x width), but its mask has 9x9; give the mask that was made for this image)",
            f"val/masks/5.jpg ({root}/val/masks/5.jpg is a JPEG file, which does not keep class numbers as they were; write masks as PNG, from what "
            "they were made of)",
        ],
    }


def test_an_image_in_two_splits_and_one_with_two_masks_are_faults(tmp_path):
    root = folder(tmp_path, "above")
    shutil.copy(root / "train/images/1.png", root / "test/images/9.png")
    shutil.copy(root / "train/masks/1.png", root / "test/masks/9.png")
    shutil.copy(root / "val/images/2.png", root / "val/images/9.png")
    shutil.copy(root / "val/masks/3.png", root / "val/masks/9.png")
    assert faults(root) == {
        "images are in two splits, where a score would be too good": ["test/images/9.png = train/images/1.png"],
        "images have two different masks": ["val/images/2.png = val/images/9.png"],
    }


def test_numbers_beyond_the_classes_are_faults_unless_a_table_names_them(tmp_path):
    root = folder(tmp_path)
    values = torch.zeros(12, 16, dtype=torch.int64)
    values[:2], values[2] = 7, 1
    write_mask(values, root / "masks/0.png")
    ((kind, files),) = faults(root).items()
    assert kind == "masks have numbers beyond the 3 classes, which are 0 to 2, and 255 for void"
    assert files == ["masks/0.png (7 in 32 pixels)"]
    splits = mask_folder(root, CLASSES, table={7: VOID}, progress=False)
    assert sum(len(split) for split in splits) == 6


def test_where_every_class_has_a_number_no_other_number_is_one(tmp_path):
    root = folder(tmp_path)
    (root / "classes.txt").write_text("sky = 1\nroad = 2\ncar = 7\n")
    for i, mask in enumerate(sorted((root / "masks").rglob("*.png"))):
        numbers = torch.full((12, 16), 1 + i % 2)
        numbers[:2], numbers[5:] = 7, 255
        write_mask(numbers, mask)
    splits = mask_folder(root, progress=False)
    assert {*splits.train.targets.unique().tolist()} <= {0, 1, 2, 255}
    numbers[0, :5] = 0
    write_mask(numbers, mask)
    with pytest.raises(
        ValueError, match=r"holds 0 in 5 pixels, which stands for no class; .* in classes.txt as void = 0"
    ):
        mask_folder(root, progress=False)
    (root / "classes.txt").write_text("sky = 1\nroad = 2\ncar = 7\nvoid = 0\n")
    mask_folder(root, progress=False)


def test_names_of_classes_in_another_encoding_are_told_which_is_read(tmp_path):
    root = folder(tmp_path)
    (root / "classes.txt").write_bytes("bed\nb\xe9ton\nsol\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"classes.txt is no UTF-8 text; save it as UTF-8"):
        mask_folder(root, progress=False)


def test_black_and_white_masks_are_recognised_and_read_with_a_table(tmp_path):
    root = folder(tmp_path)
    for i in range(6):
        Image.fromarray(np.eye(12, 16, dtype=np.uint8) * 255).save(root / "masks" / f"{i}.png")
    (kind,) = faults(root)
    assert (
        kind
        == "masks have no values but 0 and 255, and 255 is void: for two classes give the table {255: 1}, in classes.txt as leaf = 255"
    )
    splits = mask_folder(root, ["soil", "leaf"], table={255: 1}, progress=False)
    assert splits.train.targets.unique().tolist() == [0, 1]


def test_a_turned_photograph_whose_mask_fits_twice_is_a_fault_until_it_is_said(tmp_path):
    root = folder(tmp_path)
    stored = photo(root / "images/0.png", (12, 16), seed=77, turn=3)
    write_mask(torch.from_numpy((stored[..., 0] > 127).astype(np.uint8)), root / "masks/0.png")
    ((kind, files),) = faults(root).items()
    assert kind == "masks do not fit or cannot be read"
    assert "orientation 3" in files[0]
    splits = mask_folder(root, CLASSES, drawn_on="stored", progress=False)
    pairs = [pair for split in splits for pair in split]
    assert sum(torch.equal(image[0] > 127, mask == 1) for image, mask in pairs) == 1


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (None, "hold numbers, and nothing names them; give classes, or write .*classes.txt"),
        (["leaf"], "2 to 255 different class names, background included, got 1"),
        (["leaf", "leaf"], "different class names"),
    ],
)
def test_classes_need_names(classes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        mask_folder(folder(tmp_path), classes)


def test_a_folder_of_another_layout_is_refused_with_what_is_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing is no folder; give one with images/ and masks/"):
        mask_folder(tmp_path / "nothing", CLASSES)
    photo(tmp_path / "cats" / "1.png")
    with pytest.raises(
        ValueError, match="has no folders of images and masks, but cats; expected are images/ and masks/"
    ):
        mask_folder(tmp_path, CLASSES)
    photo(tmp_path / "1.png")
    photo(tmp_path / "1_mask.png")
    with pytest.raises(ValueError, match="but cats, 2 images that lie in no folder; expected are images/ and masks/"):
        mask_folder(tmp_path)  # the folders are missed before the names of classes
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(BadPairs, match=r"no image of .* has a mask"):
        mask_folder(tmp_path, CLASSES)
    (tmp_path / "labels").mkdir()
    with pytest.raises(ValueError, match="has 2 folders of masks, labels, masks; leave one"):
        mask_folder(tmp_path, CLASSES)
    shutil.rmtree(tmp_path / "labels")


def test_fewer_images_than_splits_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"2 different image\(s\) are too few for 3 splits; add at least 1"):
        mask_folder(folder(tmp_path, n=2), CLASSES, progress=False)


def test_splits_need_a_share_and_what_is_in_no_split_is_noted(tmp_path):
    root = folder(tmp_path, "below")
    pair(root, "images/old/0.png", "masks/old/0.png", 900)
    report = mask_folder(root, CLASSES, progress=False).report
    assert "left out, because it is in no split: old in images" in report.notes
    assert report.images == 18
    shutil.rmtree(root / "images" / "train")
    with pytest.raises(ValueError, match="has no training images, only val, test; add a folder train"):
        mask_folder(root, CLASSES, progress=False)
    with pytest.raises(ValueError, match=r"above 0 and together below 1, got 0 and 0\.1"):
        mask_folder(root, CLASSES, val_fraction=0)


def test_the_suffix_of_the_masks_names_is_told_where_none_was_given(tmp_path):
    for i in range(3):
        pair(tmp_path, f"images/{i}.png", f"masks/{i}_mask.png", i)
    with pytest.raises(BadPairs, match=r"give mask_suffix='_mask' \(--set mask_suffix=_mask\)"):
        mask_folder(tmp_path, CLASSES)


# classes.txt


def named(root: Path, text: str) -> list[str]:
    (root / "classes.txt").write_text(text)
    return mask_folder(root, progress=False).classes


def test_the_file_of_classes_says_what_stands_for_them_in_the_masks(tmp_path):
    root = folder(tmp_path)
    for i in range(6):
        values = np.eye(12, 16, dtype=np.uint8) * 255
        values[3, 4] = 17
        Image.fromarray(values).save(root / "masks" / f"{i}.png")
    assert named(root, "soil\nleaf = 255\nvoid = 17\n") == ["soil", "leaf"]
    splits = mask_folder(root, progress=False)
    assert splits.train.targets.unique().tolist() == [0, 1, VOID]
    assert int((splits.train.targets[0] == 1).sum()) == 12
    for i in range(6):
        colours = np.zeros((12, 16, 3), np.uint8)
        colours[2:4], colours[0, 0] = (128, 0, 0), (0, 0, 9)
        Image.fromarray(colours).save(root / "masks" / f"{i}.png")
    assert named(root, "soil = 0 0 0\nleaf = 128, 0, 0\nvoid = 0 0 9") == ["soil", "leaf"]
    mask = mask_folder(root, progress=False).train.targets[0]
    assert [int((mask == value).sum()) for value in (0, 1, VOID)] == [159, 32, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("soil\nleaf = 300\n", "leaf = 300 is not understood: one number or three from 0 to 255"),
        ("soil = 1\nleaf = 1\n", "leaf = 1 is not understood: .* each for one only"),
        ("soil = 1 2\nleaf = 1\n", "soil = 1 2 is not understood"),
        ("soil = 0\nleaf = 0 0 9\n", "numbers for some classes and colours for others"),
        ("soil\nleaf = 0 0 9\n", "gives no colour for soil; where one class has a colour, all need one"),
        ("soil\n", "2 to 255 different class names, background included, got 1"),
    ],
)
def test_a_file_of_classes_that_says_two_things_is_refused(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        named(folder(tmp_path), text)


# The list of bad inputs that a folder of masks may hold, where no other test has them


def test_a_mask_of_16_bits_is_read_where_its_numbers_are_classes_and_refused_where_not(tmp_path):
    root = folder(tmp_path)
    with Image.open(root / "masks/0.png") as mask:
        values = np.array(mask)
    Image.fromarray(values.astype(np.uint16)).save(root / "masks/0.png")
    splits = mask_folder(root, CLASSES, progress=False)
    read = [mask for split in splits for _, mask in split]
    assert sum(torch.equal(mask, torch.from_numpy(values)) for mask in read) == 1
    Image.fromarray(np.full((12, 16), 1001, np.uint16)).save(root / "masks/0.png")
    ((kind, files),) = faults(root).items()
    assert kind == "masks do not fit or cannot be read"
    assert "numbers from 1001 to 1001, but a mask holds classes from 0 to 254" in files[0]


def test_a_mask_in_colours_among_palettes_is_a_fault_that_says_how_colours_are_named(tmp_path):
    root = folder(tmp_path)
    colours = np.zeros((12, 16, 3), np.uint8)
    colours[:6] = (128, 0, 0)
    Image.fromarray(colours).save(root / "masks/0.png")
    ((kind, files),) = faults(root).items()
    assert kind == "masks do not fit or cannot be read"
    assert "masks/0.png holds 2 colours" in files[0]
    assert "in a folder's classes.txt as leaf = 128 0 0" in files[0]
