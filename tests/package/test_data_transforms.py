"""Augmentation: each image has its own random numbers, and each operation is what its reference computes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2

from vit_tutorial.data import augment, mix, normalize
from vit_tutorial.data.transforms import (
    RandAugmentEach,
    affine,
    random_affine,
    random_crop,
    random_erase,
    random_hflip,
)

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
SPACE = v2.RandAugment._AUGMENTATION_SPACE
OPERATIONS = list(SPACE)
SIGNED = [(name, sign) for name in OPERATIONS for sign in ((1, -1) if SPACE[name][1] else (1,))]


def photos(n: int = 8, channels: int = 3, height: int = 12, width: int = 20) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, height, width), dtype=torch.uint8, generator=random)


def copies(n: int = 16) -> torch.Tensor:
    """n times the same image: what differs after augmentation was drawn for each."""
    return photos(1).repeat(n, 1, 1, 1)


def distinct(images: torch.Tensor) -> int:
    return len({tuple(image.flatten().tolist()) for image in images})


def test_normalize_is_x_over_255_minus_mean_over_std():
    x = photos()
    expected = (x.double() / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    torch.testing.assert_close(normalize(x, MEAN, STD), expected.float())
    torch.testing.assert_close(normalize(x[0], MEAN, STD), expected[0].float())


def test_a_mean_for_the_wrong_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="images have 3 channels, but mean has 1 values"):
        normalize(photos(), (0.5,), (0.5,))


def test_augment_with_everything_off_is_normalize():
    assert torch.equal(augment(photos(), MEAN, STD), normalize(photos(), MEAN, STD))


EVERYTHING = {
    "crop_padding": 2, "hflip": 0.5, "rand_augment": (2, 9), "shift": 1.5, "rotate": 10.0, "random_erasing": 0.5,
}  # fmt: skip


@pytest.mark.parametrize("name", ["all", *EVERYTHING])
def test_the_same_seed_augments_alike_and_the_images_of_a_batch_unlike(name):
    recipe = EVERYTHING if name == "all" else {name: EVERYTHING[name]}
    torch.manual_seed(0)
    first = augment(copies(), MEAN, STD, **recipe)
    torch.manual_seed(0)
    assert torch.equal(augment(copies(), MEAN, STD, **recipe), first)
    assert not torch.equal(augment(copies(), MEAN, STD, **recipe), first)
    assert distinct(first) >= (2 if name == "hflip" else 5)
    assert first.shape == copies().shape
    assert first.dtype == torch.float32


@pytest.mark.parametrize("channels", [1, 3])
def test_everything_works_on_grey_and_on_colour(channels):
    mean, std = MEAN[:channels], STD[:channels]
    assert augment(photos(channels=channels), mean, std, **EVERYTHING).isfinite().all()


def test_augment_does_not_change_its_input():
    x = photos()
    augment(x, MEAN, STD, **EVERYTHING)
    assert torch.equal(x, photos())


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"hflip": True}, "hflip is a probability.*got True"), ({"random_erasing": 1.5}, "random_erasing.*got 1.5")],
)
def test_a_probability_that_is_none_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        augment(photos(), MEAN, STD, **settings)


def test_augment_refuses_what_is_not_a_uint8_batch():
    with pytest.raises(ValueError, match=r"must be uint8 \[B, C, H, W\], got torch.float32 \[8, 3, 12, 20\]"):
        augment(photos().float(), MEAN, STD)


def test_a_random_crop_is_one_of_the_windows_of_the_padded_image():
    x = photos()
    padded = torch.nn.functional.pad(x, [2] * 4)
    for image, source in zip(random_crop(x, 2), padded):
        windows = [source[:, i : i + 12, j : j + 20] for i in range(5) for j in range(5)]
        assert sum(torch.equal(image, window) for window in windows) == 1


def test_random_crops_reach_every_offset_equally():
    torch.manual_seed(0)
    index = torch.arange(240).to(torch.uint8).reshape(1, 1, 12, 20).repeat(9000, 1, 1, 1)
    centre = random_crop(index, 1)[:, 0, 5, 5]  # which pixel is seen at (5, 5): one of 9 neighbours
    counts = torch.bincount(centre.long())
    counts = counts[counts > 0]
    assert len(counts) == 9
    assert ((counts - 1000).abs() < 150).all()  # five standard deviations


def test_flips_mirror_about_the_given_share_and_leave_the_rest():
    torch.manual_seed(0)
    x = copies(4000)[..., :2, :3]
    flipped = random_hflip(x, 0.3)
    mirrored = (flipped == x.flip(-1)).all(dim=(1, 2, 3))
    same = (flipped == x).all(dim=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert abs(mirrored.float().mean().item() - 0.3) < 0.04  # five standard deviations


@settings(deadline=None)
@given(angle=st.floats(-180, 180), tx=st.integers(-5, 5), ty=st.integers(-5, 5))
def test_the_affine_map_equals_torchvisions_on_each_image(angle, tx, ty):
    x = photos(3).float() / 255
    angles, txs, tys = torch.tensor([0.0, angle, -angle]), torch.tensor([0, tx, ty]), torch.tensor([0, ty, -tx])
    ours = affine(x, torch.deg2rad(angles), txs.float(), tys.float())
    for i in range(3):
        theirs = v2.functional.affine(
            x[i],
            angle=float(angles[i]),
            translate=[int(txs[i]), int(tys[i])],
            scale=1.0,
            shear=[0.0, 0.0],
            interpolation=v2.InterpolationMode.BILINEAR,
        )
        torch.testing.assert_close(ours[i], theirs, atol=1e-4, rtol=0)


def test_no_shift_and_no_rotation_leave_the_image():
    x = photos().float() / 255
    torch.testing.assert_close(random_affine(x, 0.0, 0.0), x, atol=1e-5, rtol=0)


def test_shifts_stay_within_their_limit():
    torch.manual_seed(0)
    dot = torch.zeros(500, 1, 21, 21)
    dot[:, :, 10, 10] = 1
    moved = random_affine(dot, 3.0, 0.0)[:, 0]
    rows = (moved.sum(2) * torch.arange(21)).sum(1) - 10  # bilinear weights keep the centre of mass
    assert rows.abs().max() <= 3 + 1e-4
    assert rows.max() > 2.8
    assert rows.min() < -2.8


@pytest.mark.parametrize(("name", "sign"), SIGNED)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_randaugment_operation_on_a_batch_equals_torchvisions_on_each_image(name, sign, channels):
    x = photos(6, channels)
    x[0] = 100  # a flat image: equalize and autocontrast divide by its range
    ours = RandAugmentEach(1, 9)._apply(x, name, sign)
    magnitudes = SPACE[name][0](31, 12, 20)
    one = v2.RandAugment(1, 9)
    for image, result in zip(x, ours):
        magnitude = 0.0 if magnitudes is None else sign * float(magnitudes[9])
        theirs = one._apply_image_or_video_transform(image, name, magnitude, one.interpolation, one._fill)
        assert torch.equal(result, theirs)


def test_randaugment_of_a_batch_of_one_draws_and_does_what_torchvision_does():
    x, equal, changed = photos(1), 0, 0
    for seed in range(60):
        torch.manual_seed(seed)
        ours = RandAugmentEach(1, 15)(x)
        torch.manual_seed(seed)
        equal += torch.equal(ours, v2.RandAugment(1, 15)(x))
        changed += not torch.equal(ours, x)
    assert equal == 60
    assert changed > 40


def test_randaugment_draws_each_operation_and_sign_about_equally():
    torch.manual_seed(0)
    seen: dict[tuple[str, int], int] = {}

    class Count(RandAugmentEach):
        def _apply(self, images, name, sign):
            seen[name, sign] = seen.get((name, sign), 0) + len(images)
            return images

    Count(1, 9)(torch.zeros(28_000, 1, 1, 1, dtype=torch.uint8))
    for name in OPERATIONS:
        assert abs(seen.get((name, 1), 0) + seen.get((name, -1), 0) - 2000) < 220  # five standard deviations
        assert abs(seen.get((name, -1), 0) - (1000 if SPACE[name][1] else 0)) < 160


def test_erasing_sets_one_rectangle_of_the_right_size_to_zero():
    torch.manual_seed(0)
    erased = random_erase(torch.ones(300, 2, 20, 20), 1.0) == 0
    for mask in erased:
        assert torch.equal(mask[0], mask[1])
        rows, columns = mask[0].any(1), mask[0].any(0)
        assert mask[0].sum() == rows.sum() * columns.sum()  # a full rectangle
    assert erased.float().mean((1, 2, 3)).min() >= 0.01
    assert erased.float().mean((1, 2, 3)).max() <= 0.36


def rectangles(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Heights and widths [B] of the erased rectangles in a mask [B, H, W]; 0 where nothing is erased."""
    return mask.any(2).sum(1), mask.any(1).sum(1)


@pytest.mark.parametrize("size", [(32, 32), (8, 24)])
def test_erased_rectangles_are_distributed_as_torchvisions(size):
    torch.manual_seed(0)
    ours = random_erase(torch.ones(4000, 1, *size), 0.8)[:, 0] == 0
    one = v2.RandomErasing(0.8)
    theirs = torch.stack([one(image) for image in torch.ones(4000, 1, *size)])[:, 0] == 0
    measures = {
        "erased at all": lambda mask: mask.any(2).any(1).double(),
        "share of the area": lambda mask: mask.double().mean((1, 2)),
        "height": lambda mask: rectangles(mask)[0].double(),
        "width": lambda mask: rectangles(mask)[1].double(),
        "share, squared": lambda mask: mask.double().mean((1, 2)) ** 2,
        "top row": lambda mask: mask[:, 0].any(1).double(),
        "last column": lambda mask: mask[:, :, -1].any(1).double(),
        "middle pixel": lambda mask: mask[:, size[0] // 2, size[1] // 2].double(),
    }
    for name, measure in measures.items():
        a, b = measure(ours), measure(theirs)
        error = ((a.var() + b.var()) / len(a)).sqrt()
        assert abs(a.mean() - b.mean()) < 4 * error, name


def test_erased_rectangles_are_neither_flatter_nor_taller_than_three_point_three():
    torch.manual_seed(0)
    height, width = rectangles(random_erase(torch.ones(2000, 1, 64, 64), 1.0)[:, 0] == 0)
    assert (height > 0).all()
    assert ((height + 0.5) / (width - 0.5) >= 0.3).all()  # half a pixel of rounding
    assert ((height - 0.5) / (width + 0.5) <= 3.3).all()
    assert (height > 2.5 * width).any()
    assert (width > 2.5 * height).any()


def test_erasing_leaves_an_image_whole_where_no_rectangle_is_smaller_than_it():
    assert torch.equal(random_erase(torch.ones(50, 1, 1, 9), 1.0), torch.ones(50, 1, 1, 9))


def test_erasing_with_probability_zero_erases_nothing_and_never_its_input():
    images = torch.ones(50, 1, 8, 8)
    assert torch.equal(random_erase(images, 0.0), images)
    random_erase(images, 1.0)
    assert torch.equal(images, torch.ones(50, 1, 8, 8))


# Mixing


@settings(deadline=None)
@given(b=st.integers(1, 9), mixup=st.sampled_from([0.0, 0.2, 1.0]), cutmix=st.sampled_from([0.0, 0.5, 1.0]))
def test_mixed_labels_sum_to_one(b, mixup, cutmix):
    images, soft = mix(torch.rand(b, 1, 6, 6), torch.arange(b) % 4, 4, mixup, cutmix)
    assert images.shape == (b, 1, 6, 6)
    assert soft.shape == (b, 4)
    torch.testing.assert_close(soft.sum(1), torch.ones(b))


def test_mixup_mixes_the_images_as_it_mixes_the_labels():
    torch.manual_seed(0)
    images = torch.eye(5).view(5, 5, 1, 1).repeat(1, 1, 4, 4)  # image i is one-hot over its channels
    mixed, soft = mix(images, torch.arange(5), 5, mixup=1.0)
    torch.testing.assert_close(mixed.mean((2, 3)), soft)
    assert 0 < soft[0, 0] < 1


def test_cutmix_replaces_one_rectangle_whose_share_is_in_the_label():
    torch.manual_seed(1)
    images = torch.eye(5).view(5, 5, 1, 1).repeat(1, 1, 8, 8)
    mixed, soft = mix(images, torch.arange(5), 5, cutmix=1.0)
    assert set(mixed.unique().tolist()) == {0.0, 1.0}  # pasted, not blended
    torch.testing.assert_close(mixed.mean((2, 3)), soft)
    assert 0 < soft[0, 0] < 1


def test_with_both_on_each_is_used_about_half_the_time():
    torch.manual_seed(0)
    images = torch.eye(2).view(2, 2, 1, 1).repeat(1, 1, 8, 8)
    mixed = [mix(images, torch.arange(2), 2, 1.0, 1.0)[0] for _ in range(400)]
    pasted = [bool(((x == 0) | (x == 1)).all()) for x in mixed]  # mixup blends: values between
    assert 150 < sum(pasted) < 250  # five standard deviations


def test_without_mixing_labels_are_one_hot_and_images_untouched():
    images = torch.rand(3, 1, 2, 2)
    same, soft = mix(images, torch.tensor([2, 0, 1]), 3)
    assert torch.equal(same, images)
    assert soft.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_a_negative_alpha_is_refused():
    with pytest.raises(ValueError, match=r"at least 0 .* got -0.2 and 0.0"):
        mix(torch.rand(2, 1, 2, 2), torch.tensor([0, 1]), 2, mixup=-0.2)
