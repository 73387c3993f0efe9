"""Image and mask changed together: they stay on each other, no class is invented, and what is new is black and void."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from vit_tutorial.data import VOID, RandomWindow, TensorImages, augment_pairs, fit_pair, normalize
from vit_tutorial.data.joint import move_target, random_resized_crop_pair, resize_image, resize_mask, window
from vit_tutorial.data.joint_batch import jitter, turn_pairs
from vit_tutorial.data.targets import collate, select
from vit_tutorial.data.transforms import affine


def disc(side: int = 256, radius: float = 0.35) -> tuple[Tensor, Tensor]:
    """A white disc on black, off the centre, [1, side, side], and its mask: drawn exactly, so any shift shows."""
    at = (torch.arange(side) + 0.5) / side
    inside = (at[:, None] - 0.47).square() + (at - 0.53).square() < radius**2
    return inside[None].to(torch.uint8) * 255, inside.to(torch.uint8)


def iou(a: Tensor, b: Tensor) -> float:
    return float((a & b).sum() / (a | b).sum())


def objects(mask: Tensor) -> dict[str, Tensor]:
    """A target of two objects, made of a mask's two halves."""
    left = torch.zeros_like(mask, dtype=torch.bool)
    left[:, : mask.shape[1] // 2] = True
    masks = torch.stack([mask.bool() & left, mask.bool() & ~left])
    return {"masks": masks, "labels": torch.tensor([1, 2]), "void": torch.zeros_like(mask, dtype=torch.bool)}


@pytest.mark.parametrize(("side", "least"), [(64, 0.99), (16, 0.97), (100, 0.99), (300, 0.99)])
def test_a_resized_mask_lies_on_the_resized_image(side: int, least: float) -> None:
    image, mask = disc()
    small, its_mask = resize_image(image, (side, side)), resize_mask(mask, (side, side))
    ours = iou(small[0] > 127, its_mask.bool())
    theirs = v2.Resize((side, side), antialias=True)(tv_tensors.Image(image), tv_tensors.Mask(mask))
    assert ours >= least
    assert ours >= iou(theirs[0].as_subclass(Tensor)[0] > 127, theirs[1].as_subclass(Tensor).bool())


@settings(deadline=None, max_examples=50)
@given(old=st.tuples(st.integers(1, 40), st.integers(1, 40)), new=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_a_resized_mask_takes_the_pixel_at_each_centre(old: tuple[int, int], new: tuple[int, int]) -> None:
    mask = torch.arange(old[0] * old[1]).reshape(old) + 2**24  # values that floating point would round
    got = resize_mask(mask, new)
    for i in range(new[0]):
        for j in range(0, new[1], 7):
            row, column = int((i + 0.5) * old[0] / new[0] + 1e-9), int((j + 0.5) * old[1] / new[1] + 1e-9)
            assert got[i, j] == mask[row, column]


@settings(deadline=None, max_examples=50)
@given(top=st.integers(-9, 9), left=st.integers(-9, 9), height=st.integers(1, 12), width=st.integers(1, 12))
def test_a_window_is_a_part_of_the_padded_image(top: int, left: int, height: int, width: int) -> None:
    pixels = torch.arange(35).reshape(5, 7)
    padded = torch.nn.functional.pad(pixels, [30] * 4, value=-1)
    expected = padded[30 + top : 30 + top + height, 30 + left : 30 + left + width]
    assert torch.equal(window(pixels, top, left, (height, width), -1), expected)


@settings(deadline=None, max_examples=25)
@given(height=st.integers(1, 40), width=st.integers(1, 40), size=st.tuples(st.integers(1, 30), st.integers(1, 30)))
def test_a_fitted_item_is_whole_in_the_middle_and_the_rest_is_black_and_void(height, width, size) -> None:
    image, mask = torch.full((3, height, width), 200, dtype=torch.uint8), torch.ones(height, width, dtype=torch.uint8)
    fitted, its_mask = fit_pair(image, mask, size)
    assert fitted.shape == (3, *size)
    assert its_mask.shape == size
    assert torch.equal(fitted[0] == 200, its_mask == 1)
    assert torch.equal(fitted[0] == 0, its_mask == VOID)
    inside = its_mask == 1
    rows, columns = inside.any(1), inside.any(0)
    assert rows.all() or columns.all()  # it touches two opposite borders
    for line in (rows.int(), columns.int()):
        assert abs(int(line.argmax()) - int(line.flip(0).argmax())) <= 1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["mask", "objects"])
def test_a_random_window_keeps_image_and_target_together(seed: int, kind: str) -> None:
    image, mask = disc(128)
    target = mask if kind == "mask" else objects(mask)
    torch.manual_seed(seed)
    cut, its_target = RandomWindow((96, 64), scale=(0.4, 2.0), hflip=0.5)(
        image + 1 - image // 255, target
    )  # no pixel is 0
    its_mask = its_target if kind == "mask" else its_target["masks"].any(0)
    void = its_target == VOID if kind == "mask" else its_target["void"]
    assert cut.shape == (1, 96, 64)
    assert torch.equal(cut[0] == 0, void)  # new pixels: black here, void there, and nowhere else
    assert iou((cut[0] > 127), (its_mask == 1)) > 0.97
    if kind == "objects":
        assert its_target["masks"].flatten(1).any(1).all()
        assert len(its_target["masks"]) == len(its_target["labels"])


def test_random_windows_differ_in_scale_place_and_side_and_repeat_with_the_seed() -> None:
    image, mask = disc(64)
    change = RandomWindow((64, 64), hflip=0.5)
    torch.manual_seed(0)
    seen = [change(image, mask) for _ in range(20)]
    torch.manual_seed(0)
    again = [change(image, mask) for _ in range(20)]
    assert all(torch.equal(a, b) and torch.equal(c, d) for (a, c), (b, d) in zip(seen, again))
    areas = [int((mask == 1).sum()) for _, mask in seen]
    assert len({*areas}) > 15
    assert min(areas) < 0.5 * int(disc(64)[1].sum()) < 1.5 * int(disc(64)[1].sum()) < max(areas)


def test_objects_that_are_no_longer_seen_are_left_out_with_their_labels() -> None:
    target = objects(disc(64)[1])
    moved = move_target(
        {**target, "ids": torch.tensor([8, 9])}, lambda pixels, fill: window(pixels, 0, 40, (64, 24), fill)
    )
    assert moved["labels"].tolist() == [2]
    assert moved["ids"].tolist() == [9]
    assert moved["masks"].shape == (1, 64, 24)
    empty = {
        "masks": torch.zeros(0, 8, 8, dtype=torch.bool),
        "labels": torch.zeros(0),
        "void": torch.zeros(8, 8, dtype=torch.bool),
    }
    assert fit_pair(torch.zeros(3, 8, 8, dtype=torch.uint8), empty, (4, 6))[1]["masks"].shape == (0, 4, 6)


@pytest.mark.parametrize("seed", range(4))
def test_a_random_resized_crop_shows_the_same_place_in_image_and_mask(seed: int) -> None:
    image, mask = disc(200)
    torch.manual_seed(seed)
    cut, its_mask = random_resized_crop_pair(image, mask, (48, 56), (0.3, 0.8))
    assert iou(cut[0] > 127, its_mask == 1) > 0.97
    assert set(its_mask.unique().tolist()) <= {0, 1}
    torch.manual_seed(seed)
    held = TensorImages(image[None], mask[None].long(), ["a", "b"]).cropped(0, (0.3, 0.8))
    assert iou(held[0][0] > 127, held[1] == 1) > 0.98


MEAN, STD = (0.3, 0.4, 0.5), (0.2, 0.25, 0.3)
EVERYTHING = {"hflip": 0.5, "shift": 6.0, "rotate": 30.0, "brightness": 0.3, "contrast": 0.3, "saturation": 0.3}


def batch(n: int = 6) -> tuple[Tensor, Tensor]:
    image, mask = disc(48)
    reddish = (image.clamp(min=40) * torch.tensor([1, 0.8, 0.6])[:, None, None]).to(torch.uint8)
    return reddish.repeat(n, 1, 1, 1), mask.repeat(n, 1, 1).long()


def test_with_everything_off_a_batch_is_normalised_and_its_masks_are_left() -> None:
    images, masks = batch()
    result = augment_pairs(images, masks, MEAN, STD)
    assert torch.equal(result[0], normalize(images, MEAN, STD))
    assert torch.equal(result[1], masks)


@pytest.mark.parametrize("name", ["all", *EVERYTHING])
def test_each_pair_of_a_batch_has_its_own_draws_and_stays_together(name: str) -> None:
    images, masks = batch(12)
    recipe = EVERYTHING if name == "all" else {name: EVERYTHING[name]}
    torch.manual_seed(3)
    changed, its_masks = augment_pairs(images, masks, (0, 0, 0), (1, 1, 1), **recipe)
    torch.manual_seed(3)
    again = augment_pairs(images, masks, (0, 0, 0), (1, 1, 1), **recipe)
    assert torch.equal(changed, again[0])
    assert torch.equal(its_masks, again[1])
    assert len({image.numpy().tobytes() for image in changed}) >= (2 if name == "hflip" else 10)
    assert its_masks.dtype == masks.dtype
    for image, mask in zip(changed, its_masks):
        half = (image[0].max() + image[0][mask == 0].median()) / 2  # between the disc's grey and its surroundings'
        assert iou(image[0] > half, mask == 1) > 0.93
        assert torch.equal((image == 0).all(0), mask == VOID)  # no pixel of the batch is black
    assert set(its_masks.unique().tolist()) == ({0, 1, VOID} if name in ("all", "shift", "rotate") else {0, 1})


def test_colours_change_in_the_image_alone() -> None:
    images, masks = batch()
    changed, same = augment_pairs(images, masks, MEAN, STD, brightness=0.5, contrast=0.5, saturation=0.5)
    assert torch.equal(same, masks)
    assert not torch.equal(changed, normalize(images, MEAN, STD))


def test_brightness_contrast_and_saturation_are_torchvisions() -> None:
    x = torch.rand(5, 3, 9, 11)
    for name in ("brightness", "contrast", "saturation"):
        torch.manual_seed(1)
        factors = torch.stack(
            [
                torch.empty(5).uniform_(1 - v, 1 + v)
                for v in [0.4 * (n == name) for n in ("brightness", "contrast", "saturation")]
            ]
        )
        factor = factors[("brightness", "contrast", "saturation").index(name)]
        torch.manual_seed(1)
        ours = jitter(x, *[0.4 * (n == name) for n in ("brightness", "contrast", "saturation")])
        theirs = torch.stack([getattr(v2.functional, f"adjust_{name}")(image, float(f)) for image, f in zip(x, factor)])
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=0)


def test_masks_turn_by_the_map_of_the_images() -> None:
    images, masks = batch(4)
    torch.manual_seed(5)
    moved, its_masks = turn_pairs(images.float(), masks, 5.0, 40.0)
    torch.manual_seed(5)
    angle = torch.deg2rad(torch.empty(4).uniform_(-40.0, 40.0))
    tx, ty = torch.empty(2, 4).uniform_(-5.0, 5.0)
    covered = affine(torch.ones(4, 1, 48, 48), angle, tx, ty)  # how much of each pixel the old image covers
    torch.testing.assert_close(moved * (covered > 0.999), affine(images.float(), angle, tx, ty) * (covered > 0.999))
    covered = covered[:, 0]
    assert (its_masks[covered > 0.99] != VOID).all()
    assert (its_masks[covered < 0.01] == VOID).all()


def test_a_batch_of_objects_moves_as_its_masks_do() -> None:
    images, masks = batch(4)
    targets = collate([objects(mask) for mask in masks])
    torch.manual_seed(7)
    changed, as_masks = augment_pairs(images, masks, MEAN, STD, hflip=0.5, rotate=20.0)
    torch.manual_seed(7)
    same, as_objects = augment_pairs(images, targets, MEAN, STD, hflip=0.5, rotate=20.0)
    assert torch.equal(changed, same)
    for i, mask in enumerate(as_masks):
        one = select(as_objects, i)
        assert torch.equal(one["masks"].any(0), mask == 1)
        assert torch.equal(one["void"], mask == VOID)


def test_the_draws_do_not_depend_on_the_rest_of_the_program() -> None:
    """Resuming at step k is exact: all numbers come from the generator that the loop seeds by (seed, step)."""
    images, masks = batch()
    results = []
    for noise in (0, 3):
        torch.rand(noise)
        torch.manual_seed(11)
        results.append(augment_pairs(images, masks, MEAN, STD, **EVERYTHING)[0])
    assert torch.equal(*results)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RandomWindow((8, 8), scale=(0, 1)), r"scale is \(smallest, largest\) factor above 0, got \(0, 1\)"),
        (lambda: RandomWindow((8, 8), hflip=2), "hflip is a probability from 0 to 1, got 2"),
        (lambda: augment_pairs(*batch(), MEAN, STD, contrast=1.5), "contrast is a number from 0 to 1, got 1.5"),
        (lambda: augment_pairs(batch()[0].float(), batch()[1], MEAN, STD), "must be uint8"),
        (lambda: augment_pairs(batch()[0], batch()[1][:, :9], MEAN, STD), r"must be \[6, 48, 48\], got \[6, 9, 48\]"),
        (lambda: fit_pair(batch()[0][0], 3, (4, 4)), "a mask .* or a dict of masks, void and labels, got int"),
        (lambda: fit_pair(batch()[0][0], {"boxes": torch.zeros(1, 4)}, (4, 4)), r"got \['boxes'\]"),
    ],
)
def test_what_cannot_be_moved_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
