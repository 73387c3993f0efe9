"""Image files with masks, read one by one: of any size, turned as they are seen, in batches and by workers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mask_helpers import photo
from PIL import Image

from vit_tutorial.data import VOID, PairedImages, RandomWindow, TensorImages, batches, write_mask
from vit_tutorial.data.lay_on import lay_on, turned
from vit_tutorial.data.metadata import _TURNS
from vit_tutorial.data.pairs import MaskFiles


def pairs(root: Path, n: int = 5, sizes=((20, 24), (30, 18), (24, 24)), **options) -> PairedImages:
    """n photographs of different sizes; each mask is 1 where the photograph's red is above 127."""
    images, masks = [], []
    for i in range(n):
        pixels = photo(root / "images" / f"{i}.png", sizes[i % len(sizes)], seed=i)
        (root / "masks").mkdir(exist_ok=True)
        write_mask(torch.from_numpy((pixels[..., 0] > 127).astype(np.uint8)), root / "masks" / f"{i}.png")
        images.append(root / "images" / f"{i}.png")
        masks.append(root / "masks" / f"{i}.png")
    return PairedImages(images, MaskFiles(masks), ["dark", "red"], **options)


def test_an_item_is_the_whole_photograph_with_its_mask(tmp_path):
    data = pairs(tmp_path)
    assert len(data) == 5
    for i, size in enumerate([(20, 24), (30, 18), (24, 24), (20, 24), (30, 18)]):
        image, mask = data[i]
        assert image.shape == (3, *size)
        assert (image.dtype, mask.dtype) == (torch.uint8, torch.uint8)
        assert torch.equal(image[0] > 127, mask == 1)


def test_a_part_keeps_its_pairs_and_a_mask_counts_in_the_fingerprint(tmp_path):
    data = pairs(tmp_path)
    part = data.select([3, 1])
    assert torch.equal(part[0][0], data[3][0])
    assert torch.equal(part[1][1], data[1][1])
    before = part.fingerprint()
    assert before == data.select([1, 3]).fingerprint() != data.fingerprint()
    write_mask(torch.zeros(30, 18, dtype=torch.uint8), tmp_path / "masks" / "1.png")
    assert part.fingerprint() != before


def test_sizes_that_differ_make_batches_of_one_or_need_to_be_made_equal(tmp_path):
    data = pairs(tmp_path)
    shapes = [images.shape[2:] for images, _ in batches(data, 1, seed=0, epoch=0, shuffle=False)]
    assert shapes[:2] == [(20, 24), (30, 18)]
    with pytest.raises(ValueError, match=r"different sizes, such as \[3, 20, 24\] and \[3, 24, 24\], make no batch"):
        list(batches(data, 5, seed=0, epoch=0))
    fitted = pairs(tmp_path, size=(16, 16))
    (images, masks), *_ = batches(fitted, 5, seed=0, epoch=0)
    assert images.shape == (5, 3, 16, 16)
    assert masks.shape == (5, 16, 16)
    assert torch.equal(
        images.amax(1) == 0, masks == VOID
    )  # of noise, no pixel of a photograph is black once it is shrunk


@pytest.mark.parametrize("how", ["transform", "crop"])
def test_workers_and_a_later_start_give_the_batches_of_one_process(how, tmp_path):
    data = pairs(tmp_path, 8, size=None if how == "transform" else (16, 16))
    options = (
        {"transform": RandomWindow((16, 20), hflip=0.5)} if how == "transform" else {"random_resized_crop": (0.3, 1.0)}
    )
    alone = list(batches(data, 2, seed=3, epoch=1, **options))
    for other in (
        list(batches(data, 2, seed=3, epoch=1, workers=2, **options)),
        alone[:2] + list(batches(data, 2, seed=3, epoch=1, start_batch=2, **options)),
    ):
        assert len(other) == 4
        assert all(torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(alone, other))
    another = list(batches(data, 2, seed=3, epoch=2, **options))
    assert not torch.equal(another[0][0], alone[0][0])


def test_a_transform_changes_the_items_of_a_tensor_data_set_too():
    images = torch.randint(1, 256, (4, 1, 12, 12), dtype=torch.uint8)
    data = TensorImages(images, torch.ones(4, 12, 12, dtype=torch.int64), ["a", "b"])
    (changed, masks), *_ = batches(data, 4, seed=0, epoch=0, transform=RandomWindow((10, 14), (0.5, 0.7)))
    assert changed.shape == (4, 1, 10, 14)
    assert torch.equal(changed[:, 0] == 0, masks == VOID)


def test_items_of_one_size_can_be_held_in_memory(tmp_path):
    data = pairs(tmp_path, size=(16, 16)).in_memory()
    assert data.images.shape == (5, 3, 16, 16)
    assert data.targets.shape == (5, 16, 16)
    with pytest.raises(ValueError, match=r"of images have 3 sizes, such as .*; give the data set size=\(H, W\)"):
        pairs(tmp_path).in_memory()


# Photographs that are stored in one position and shown in another


@pytest.mark.parametrize("turn", range(1, 9))
def test_turning_is_what_pillow_does(turn):
    pixels = np.arange(15, dtype=np.uint8).reshape(3, 5)
    expected = Image.fromarray(pixels).transpose(_TURNS[turn]) if turn in _TURNS else Image.fromarray(pixels)
    assert np.array_equal(turned(torch.from_numpy(pixels), turn).numpy(), np.asarray(expected))


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("drawn_on", ["stored", "upright"])
def test_a_mask_lies_on_the_photograph_as_it_is_shown(turn, drawn_on, tmp_path):
    stored = photo(tmp_path / "a.png", (20, 24), turn=turn)
    mask = torch.from_numpy((stored[..., 0] > 127).astype(np.uint8))
    write_mask(mask if drawn_on == "stored" else turned(mask, turn).contiguous(), tmp_path / "mask.png")
    options = {"files": [tmp_path / "a.png"], "targets": MaskFiles([tmp_path / "mask.png"]), "classes": ["dark", "red"]}
    image, seen = PairedImages(**options, drawn_on=drawn_on)[0]
    assert torch.equal(image[0] > 127, seen == 1)
    if turn in (1, 5, 6, 7, 8):  # the sizes tell
        assert torch.equal(PairedImages(**options)[0][1], seen)
    else:
        with pytest.raises(
            ValueError,
            match=rf"a.png is stored with the EXIF orientation {turn} and shown turned, and its mask of 20x24 fits both",
        ):
            PairedImages(**options)[0]


@pytest.mark.parametrize("turn", [3, 6])
def test_of_a_square_photograph_nothing_tells_how_its_mask_lies(turn):
    with pytest.raises(ValueError, match=r'say with drawn_on="upright" or drawn_on="stored"'):
        lay_on(torch.zeros(8, 8), (8, 8), turn, "", "a.jpg")


def test_objects_turn_with_their_photograph():
    masks = torch.zeros(1, 4, 6, dtype=torch.bool)
    masks[0, 0, 5] = True  # upper right as stored: lower right once turned clockwise by a quarter
    target = {"masks": masks, "labels": torch.tensor([1]), "void": torch.zeros(4, 6, dtype=torch.bool)}
    upright = lay_on(target, (6, 4), 6, "", "a.jpg")
    assert upright["masks"][0].nonzero().tolist() == [[5, 3]]
    assert upright["void"].shape == (6, 4)


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path):
    data = pairs(tmp_path)
    write_mask(torch.zeros(10, 12, dtype=torch.uint8), tmp_path / "masks" / "0.png")
    with pytest.raises(
        ValueError, match=r"0.png has 20x24 pixels \(height x width\), but its mask has 10x12; give the mask"
    ):
        data[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": []}, "there are 0 images, but 5 masks"),
        ({"channels": 4}, "channels must be 1 .* got 4"),
        ({"drawn_on": "paper"}, "drawn_on must be .* got 'paper'"),
    ],
)
def test_a_data_set_that_cannot_be_is_refused(changes, message, tmp_path):
    data = pairs(tmp_path)
    with pytest.raises(ValueError, match=message):
        PairedImages(**{"files": data.files, "targets": data.targets, "classes": ["a", "b"], **changes})


def test_a_damaged_photograph_is_named(tmp_path):
    data = pairs(tmp_path)
    (tmp_path / "images" / "2.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"2.png cannot be decoded .*; repair it, or remove it and its mask"):
        data[2]
    with pytest.raises(ValueError, match="a random crop of images needs a size"):
        data.cropped(0, (0.5, 1.0))
