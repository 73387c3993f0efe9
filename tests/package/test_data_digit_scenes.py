"""Scenes of digits: every pixel's class and instance are what was laid down there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from vit_tutorial.data import DigitScenes, batches, digit_scenes, digits, scene_splits
from vit_tutorial.data.digit_scenes import INK, _turned


def rebuilt(scenes: DigitScenes, i: int, split: str = "train") -> tuple[Tensor, Tensor]:
    """(image, instance mask) of scene i, laid down pixel by pixel from what the scene says of itself."""
    pool = getattr(digits(), split).images
    height, width = scenes.images.shape[-2:]
    image, instances = torch.zeros(height, width, dtype=torch.uint8), torch.zeros(height, width, dtype=torch.int64)
    for j, (source, (top, left)) in enumerate(zip(scenes.sources[i], scenes.corners[i].tolist()), start=1):
        for row in range(8):
            for column in range(8):
                ink, y, x = pool[source, 0, row, column], top + row, left + column
                if ink >= INK:
                    image[y, x], instances[y, x] = ink, j
                else:
                    image[y, x] = max(ink, image[y, x])
    return image, instances


@settings(deadline=None, max_examples=15)
@given(
    height=st.integers(8, 30),
    width=st.integers(20, 40),
    most=st.integers(1, 3),
    seed=st.integers(0, 2**31),
    min_visible=st.sampled_from([0.3, 0.7, 1.0]),
)
def test_a_scene_is_its_digits_laid_down_one_after_the_other(
    height: int, width: int, most: int, seed: int, min_visible: float
) -> None:
    scenes = digit_scenes(2, (height, width), (1, min(most, 2 if height < 16 else most)), seed, min_visible=min_visible)
    assert scenes.images.shape == (2, 1, height, width)
    assert scenes.images.dtype == torch.uint8
    assert scenes.class_masks.shape == scenes.instance_masks.shape == (2, height, width)
    for i in range(2):
        image, instances = rebuilt(scenes, i)
        assert_close(scenes.images[i, 0], image)
        assert_close(scenes.instance_masks[i], instances)


def test_the_class_of_a_pixel_is_the_class_of_its_instance() -> None:
    scenes = digit_scenes(20)
    labels = digits().train.labels
    for i in range(len(scenes)):
        assert_close(scenes.labels[i], labels[scenes.sources[i]] + 1)
        for j, label in enumerate(scenes.labels[i], start=1):
            assert (scenes.class_masks[i][scenes.instance_masks[i] == j] == label).all()
    assert ((scenes.class_masks == 0) == (scenes.instance_masks == 0)).all()


@pytest.mark.parametrize("min_visible", [0.5, 0.9, 1.0])
def test_every_digit_keeps_its_share_of_visible_pixels(min_visible: float) -> None:
    scenes, pool = digit_scenes(30, 20, 4, min_visible=min_visible), digits().train.images
    for i in range(len(scenes)):
        for j, source in enumerate(scenes.sources[i], start=1):
            assert (scenes.instance_masks[i] == j).sum() >= min_visible * (pool[source] >= INK).sum()


def test_digits_overlap_where_they_may() -> None:
    pool = digits().train.images

    def covered(min_visible: float) -> int:
        scenes = digit_scenes(30, 20, 4, min_visible=min_visible)
        alone = sum(int((pool[source] >= INK).sum()) for source in torch.cat(scenes.sources))
        return alone - int((scenes.instance_masks > 0).sum())

    assert covered(1.0) == 0
    assert covered(0.5) > 0


def test_a_scene_depends_on_seed_split_and_its_number_alone() -> None:
    few, many = digit_scenes(3, seed=5), digit_scenes(6, seed=5)
    assert_close(few.images, many.images[:3])
    assert_close(few.instance_masks, many.instance_masks[:3])
    assert not torch.equal(few.images, digit_scenes(3, seed=6).images)
    assert not torch.equal(few.images, digit_scenes(3, seed=5, split="val").images)


def test_no_digit_is_in_the_scenes_of_two_splits() -> None:
    used = []
    for split in ("train", "val", "test"):
        scenes, pool = digit_scenes(100, split=split), getattr(digits(), split).images
        used.append({pool[source].numpy().tobytes() for source in torch.cat(scenes.sources)})
        assert_close(scenes.images[0, 0], rebuilt(scenes, 0, split)[0])
    assert used[0].isdisjoint(used[1])
    assert used[0].isdisjoint(used[2])
    assert used[1].isdisjoint(used[2])


def test_the_number_of_digits_is_within_its_limits_and_takes_each_value() -> None:
    scenes = digit_scenes(60, digits_per_scene=(1, 4))
    assert {len(label) for label in scenes.labels} == {1, 2, 3, 4}
    assert {len(label) for label in digit_scenes(5, digits_per_scene=3).labels} == {3}


def test_only_the_kinds_asked_for_occur_in_the_order_asked_for() -> None:
    scenes = digit_scenes(40, kinds=(7, 1))
    assert scenes.classes == ("background", "7", "1")
    labels = digits().train.labels
    of_source = labels[torch.cat(scenes.sources)]
    assert set(of_source.tolist()) == {1, 7}
    assert_close(torch.cat(scenes.labels), torch.where(of_source == 7, 1, 2))
    assert digit_scenes(1).classes == ("background", *"0123456789")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0; ask for at least one scene"),
        ({"size": (7, 20)}, "a canvas of 7x20 pixels is too small for a digit of 8x8"),
        ({"digits_per_scene": (3, 2)}, r"digits_per_scene is \(3, 2\); give a number from 1, or \(fewest, most\)"),
        ({"digits_per_scene": 0}, "digits_per_scene is 0"),
        ({"split": "all"}, "split is 'all'; choose one of train, val, test"),
        ({"min_visible": 0.0}, r"min_visible is 0\.0; it must be above 0"),
        ({"turn": -1.0}, r"turn is -1\.0; it must be from 0 to 90 degrees"),
        ({"kinds": (1, 1)}, r"kinds is \[1, 1\]; give digits from 0 to 9, each once"),
        ({"kinds": ()}, r"kinds is \[\]"),
        ({"kinds": (3, 10)}, r"kinds is \[3, 10\]"),
        ({"size": 9, "digits_per_scene": 6}, "6 digits of 8x8 pixels found no place on a canvas of 9x9"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_its_values(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        digit_scenes(**{"n": 1, **arguments})


def test_turned_digits_stand_in_the_same_scenes_with_masks_of_their_turned_ink() -> None:
    plain, turned = digit_scenes(10, seed=2, min_visible=1), digit_scenes(10, seed=2, min_visible=1, turn=30)
    assert [s.tolist() for s in plain.sources] == [s.tolist() for s in turned.sources]
    assert not torch.equal(plain.images, turned.images)
    assert_close(turned.instance_masks > 0, turned.images[:, 0] >= 64)
    ink = [scenes.images.float().mean().item() for scenes in (plain, turned)]
    assert ink[1] == pytest.approx(ink[0], rel=0.05)


def test_a_digit_turned_by_a_right_angle_is_numpys() -> None:
    pixels = digits().train.images[:5, 0].numpy()
    angles = np.radians([0, 90, 180, 270, 90])
    expected = [np.rot90(image, k) for image, k in zip(pixels, (0, 1, 2, 3, 1))]
    assert np.abs(_turned(pixels, angles).astype(int) - np.stack(expected)).max() <= 1


def test_only_the_digits_of_the_training_scenes_are_turned() -> None:
    plain, turned = (scene_splits((3, 3, 3), seed=1, turn=turn) for turn in (0, 20))
    assert not torch.equal(plain.train.images, turned.train.images)
    assert_close(plain.val.images, turned.val.images)
    assert_close(plain.test.images, turned.test.images)


@pytest.mark.parametrize("target", ["classes", "objects"])
def test_scenes_are_three_splits_whose_targets_stay_with_them_in_batches(target: str) -> None:
    splits = scene_splits((6, 3, 2), target, size=(16, 24), digits_per_scene=(1, 3), seed=5)
    assert [len(split) for split in splits] == [6, 3, 2]
    scenes = digit_scenes(6, (16, 24), (1, 3), seed=5)
    for images, targets in batches(splits.train, 4, seed=0, epoch=0):
        for i, image in enumerate(images):
            number = next(n for n in range(6) if torch.equal(image, scenes.images[n]))
            if target == "classes":
                assert torch.equal(targets[i], scenes.class_masks[number].to(torch.uint8))
            else:
                assert torch.equal(targets["labels"][i], scenes.labels[number])
                seen = [mask.nonzero().tolist() for mask in targets["masks"][i]]
                assert seen == [(scenes.instance_masks[number] == j + 1).nonzero().tolist() for j in range(len(seen))]
