"""Digits on photographs: what they are made of, and that they can be read."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from vit_tutorial.data import channel_stats, digit_photos, digits, find_leaks
from vit_tutorial.data.digit_photos import (
    BRIGHTEST,
    CONTRAST,
    ROUGHNESS,
    SHARES,
    SIDE,
    backgrounds,
    colours,
    halved,
    lay_over,
    layers,
    luminance,
    photographs,
    placed,
)

PLAIN = np.random.RandomState


@pytest.fixture(scope="module")
def splits():
    return digit_photos()


def test_images_are_32_by_32_in_colour_and_have_the_labels_of_the_digits(splits) -> None:
    for name, split, source in zip(SHARES, splits, digits()):
        copies = 2 if name == "train" else 1
        assert split.images.shape == (copies * len(source), 3, SIDE, SIDE)
        assert torch.equal(split.labels, source.labels.repeat(copies))
        assert split.classes == source.classes


def test_the_same_seed_gives_the_same_images_and_another_seed_others(splits) -> None:
    assert digit_photos().fingerprint() == splits.fingerprint()
    assert digit_photos(seed=1).fingerprint() != splits.fingerprint()


def test_the_layers_of_a_part_are_what_its_images_are_made_of(splits) -> None:
    for part in SHARES:
        of, split = layers(part), getattr(splits, part)
        assert torch.equal(lay_over(of.photograph, of.ink, of.colour), split.images)
        assert torch.equal(of.labels, split.labels)
        assert set(of.number.tolist()) == set(range(len(photographs())))


def test_the_number_of_an_image_says_from_which_photograph_it_is(monkeypatch) -> None:
    plain = [np.full((3, 40, 400), grey, np.float32) for grey in (0.1, 0.2, 0.3)]
    monkeypatch.setattr(sys.modules[layers.__module__], "photographs", lambda: plain)
    of = layers("test")
    torch.testing.assert_close(of.photograph.mean((1, 2, 3)), 0.1 * (of.number + 1).float())


def test_no_image_is_in_two_splits(splits) -> None:
    assert find_leaks(splits) == []


def test_more_copies_are_other_images_of_the_same_digits(splits) -> None:
    images = splits.train.images
    half = len(images) // 2
    assert (images[:half] != images[half:]).flatten(1).any(1).all()


def test_the_parts_of_a_photograph_do_not_overlap_and_are_all_of_it() -> None:
    ends = list(SHARES.values())
    assert (ends[0][0], ends[-1][1]) == (0.0, 1.0)
    assert [end for _, end in ends[:-1]] == [begin for begin, _ in ends[1:]]


def test_a_background_comes_from_its_part_of_a_photograph(monkeypatch) -> None:
    ramp = np.broadcast_to(np.linspace(0, 0.1, 400, dtype=np.float32), (3, 40, 400))  # the brighter, the further right
    monkeypatch.setattr(sys.modules[backgrounds.__module__], "photographs", lambda: [ramp])
    for name, (begin, end) in SHARES.items():
        x = backgrounds(PLAIN(0), np.zeros(50, int), name)
        assert x.min() >= 0.1 * begin - 1e-6
        assert x.max() <= 0.1 * end + 1e-6


def test_backgrounds_are_dark_and_smooth_enough() -> None:
    y = luminance(backgrounds(PLAIN(0), np.arange(300) % 6, "train"))
    assert y.mean((1, 2)).max() <= BRIGHTEST + 1e-5
    assert y.std((1, 2), correction=0).max() <= ROUGHNESS + 1e-5


def test_a_colour_keeps_its_distance_from_every_background() -> None:
    background = torch.linspace(0, BRIGHTEST, 500)
    c = colours(PLAIN(0), background)
    distance = luminance(c[:, :, None, None])[:, 0, 0] - background
    assert c.min() >= 0
    assert c.max() <= 1
    assert distance.min() >= CONTRAST[0] - 1e-4
    assert distance.max() <= CONTRAST[1] + 1e-4


def test_colours_differ_in_more_than_luminance() -> None:
    c = colours(PLAIN(0), torch.full((200,), 0.2))
    assert (c[:, 0] > c[:, 2]).float().mean() == pytest.approx(0.5, abs=0.15)
    assert (c.amax(1) - c.amin(1)).median() > 0.2


def test_ink_is_read_where_the_photograph_would_have_been() -> None:
    x, c = torch.rand(2, 3, 4, 4), torch.rand(2, 3)
    ink = torch.zeros(2, 1, 4, 4)
    ink[0, 0, 1, 2] = 1
    ink[1, 0, 3, 3] = 0.25
    image = lay_over(x, ink, c).double() / 255
    torch.testing.assert_close(image[0, :, 1, 2], c[0].double(), atol=0.003, rtol=0)
    torch.testing.assert_close(image[1, :, 3, 3], (0.75 * x[1, :, 3, 3] + 0.25 * c[1]).double(), atol=0.003, rtol=0)
    torch.testing.assert_close(image[1, :, 0, 0], x[1, :, 0, 0].double(), atol=0.003, rtol=0)


def test_a_digit_in_the_middle_is_18_to_22_pixels_large() -> None:
    ink = placed(PLAIN(0), torch.ones(200, 1, 8, 8), wander=0)
    side = ink.sum((1, 2, 3)).sqrt()
    assert side.min() > 17.5
    assert side.max() < 22.5
    centre = (ink * torch.arange(SIDE)).sum((1, 2, 3)) / ink.sum((1, 2, 3))
    torch.testing.assert_close(centre, torch.full((200,), (SIDE - 1) / 2), atol=0.01, rtol=0)


def test_a_digit_that_wanders_stays_whole_and_reaches_the_border() -> None:
    ink = placed(PLAIN(0), torch.ones(500, 1, 8, 8), wander=1)
    assert ink.sum((1, 2, 3)).min() > 17.5**2  # none is cut
    assert (ink[:, 0, :, 0].amax(1) > 0.5).any()
    assert (ink[:, 0, -1].amax(1) > 0.5).any()


def test_a_placed_digit_has_the_shape_of_the_digit() -> None:
    digit = digits().train.images[:50].float() / 255
    small = placed(PLAIN(0), digit, wander=0)[:, 0, 6:26, 6:26]
    again = torch.nn.functional.adaptive_avg_pool2d(small, 8)
    both = torch.stack([again.flatten(1), digit.flatten(1)])
    cosine = torch.nn.functional.cosine_similarity(both[0], both[1])
    others = torch.nn.functional.cosine_similarity(both[0], both[1].roll(1, 0))
    assert cosine.min() > 0.9
    assert cosine.mean() > others.mean() + 0.2


def test_halving_takes_the_mean_of_four_pixels_and_leaves_out_an_odd_row() -> None:
    photograph = np.zeros((5, 4, 3), np.uint8)
    photograph[0, 0] = 255
    photograph[4] = 255
    half = halved(photograph)
    assert half.shape == (3, 2, 2)
    assert half[0].tolist() == [[0.25, 0], [0, 0]]


def test_the_photographs_need_no_download() -> None:
    import skimage.data
    import sklearn.datasets

    there = [Path(module.__file__).parent for module in (skimage.data, sklearn.datasets)]
    for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"):
        assert (there[0] / name).is_file()
    for name in ("china.jpg", "flower.jpg"):
        assert (there[1] / "images" / name).is_file()
    assert all(photograph.min() >= 0 and photograph.max() <= 1 for photograph in photographs())


def test_every_split_is_normalised_by_the_training_images(splits) -> None:
    assert splits.test.mean == splits.val.mean == channel_stats(splits.train.images)[0]


def test_a_readers_eye_finds_the_digit_by_its_brightness(splits) -> None:
    y = luminance(splits.train.images.float() / 255)
    middle, border = y[:, 10:22, 10:22].flatten(1), torch.cat([y[:, :3].flatten(1), y[:, -3:].flatten(1)], 1)
    assert (middle.amax(1) > border.mean(1) + 0.25).all()


def test_no_copy_and_wandering_outside_are_refused_with_their_values() -> None:
    with pytest.raises(ValueError, match="train_copies is 0"):
        digit_photos(train_copies=0)
    with pytest.raises(ValueError, match=r"wander is 1\.5"):
        digit_photos(wander=1.5)
    with pytest.raises(ValueError, match="part is 'training'; it must be one of train, val, test"):
        layers("training")


def test_three_thousand_images_are_made_in_two_seconds(splits) -> None:
    assert splits  # made once, so that the photographs' libraries are imported
    start = time.process_time()
    digit_photos()
    assert time.process_time() - start < 2
