"""Data sets: the digits, tensors of images, splits, fingerprints and leaks."""

from __future__ import annotations

import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from vit_tutorial.data import (
    Splits,
    TensorImages,
    channel_stats,
    digits,
    find_leaks,
    grouped_split,
    normalize,
    split_tensor_images,
    stratified_split,
    take_share,
)


def random_images(n: int = 30, classes: int = 3, seed: int = 0, size: int = 4) -> TensorImages:
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=random)
    return TensorImages(images, torch.arange(n) % classes, [f"class {k}" for k in range(classes)])


# The digits


def test_the_digits_are_scikit_learns_own_1797_each_in_one_split():
    source = load_digits()
    expected = sorted((label, tuple(image.ravel())) for image, label in zip(source.images, source.target))
    found = [
        (label, tuple((image.double() * 16 / 255).round().flatten().tolist()))
        for split in digits()
        for image, label in split
    ]
    assert sorted(found) == expected


def test_the_digits_are_split_60_20_20_with_the_same_mix_of_digits_in_each_part():
    splits = digits()
    assert [len(split) for split in splits] == [1078, 360, 359]
    for split in splits:
        counts = torch.bincount(split.labels, minlength=10)
        assert counts.max() - counts.min() <= 0.08 * len(split)


def test_the_digits_have_no_image_in_two_splits():
    assert find_leaks(digits()) == []


def test_the_digits_by_block_are_the_file_in_its_order():
    source = load_digits()
    train, val, test = digits(by="block")
    assert [len(train), len(val), len(test)] == [1078, 359, 360]
    assert torch.cat([part.labels for part in (train, val, test)]).tolist() == source.target.tolist()
    pixels = torch.cat([part.images for part in (train, val, test)])[:, 0].double() / 255 * 16
    assert torch.equal(pixels.round(), torch.from_numpy(source.images))
    assert train.mean == val.mean == test.mean != digits().mean
    assert find_leaks(digits(by="block")) == []


def test_digits_of_a_later_block_are_read_worse_than_digits_at_random():
    """An SVM, which has no luck of its own: whoever wrote the last fifth of the file wrote less of the rest."""
    from sklearn.svm import SVC

    def score(splits) -> float:
        x, y = ([part.images.flatten(1).numpy() / 255.0 for part in splits], [part.labels.numpy() for part in splits])
        return SVC().fit(x[0], y[0]).score(x[2], y[2])

    assert score(digits(by="block")) < score(digits()) - 0.01


def test_another_way_to_split_the_digits_is_refused():
    with pytest.raises(ValueError, match='by must be "chance" or "block", got \'writer\''):
        digits(by="writer")


def test_another_split_seed_moves_the_digits_and_changes_the_fingerprint():
    assert digits().fingerprint() == digits().fingerprint()
    assert digits(split_seed=1).fingerprint() != digits().fingerprint()


def test_a_share_of_the_training_split_has_the_same_share_of_each_class():
    whole, part = digits(), take_share(digits(), 0.25)
    before, after = (torch.bincount(splits.train.labels, minlength=10) for splits in (whole, part))
    assert ((after - 0.25 * before).abs() <= 0.5).all()


def test_a_smaller_share_is_a_part_of_a_larger_one():
    small, large = (set(take_share(digits(), share).train.digests()) for share in (0.1, 0.4))
    assert small < large < set(digits().train.digests())


def test_a_share_is_normalised_by_its_own_images():
    part = take_share(digits(), 0.1)
    assert part.test.mean == part.mean == channel_stats(part.train.images)[0]
    assert part.mean != digits().mean


def test_taking_a_share_leaves_the_given_splits_as_they_were():
    splits = digits()
    mean = splits.mean
    take_share(splits, 0.1)
    assert splits.val.mean == splits.test.mean == splits.mean == mean
    assert take_share(splits, 1) is splits


def other_targets(kind: str, n: int = 40) -> TensorImages:
    """Images without a class number each, their target and pixels telling which is which."""
    images = torch.arange(n, dtype=torch.uint8)[:, None, None, None].expand(n, 1, 4, 4).clone()
    masks = (images[:, 0] % 2).long()
    targets = masks if kind == "masks" else {"mask": masks, "boxes": [torch.full((2, 4), i) for i in range(n)]}
    return TensorImages(images, targets, ["even", "odd"])


@pytest.mark.parametrize("kind", ["masks", "dicts"])
def test_masks_and_dicts_are_split_and_shared_at_random(kind):
    whole = other_targets(kind)
    parts = split_tensor_images(whole, (0.6, 0.2, 0.2), seed=0)
    assert [len(part) for part in parts] == [24, 8, 8]
    assert sorted(digest for part in parts for digest in part.digests()) == sorted(whole.digests())
    splits = Splits(*parts)
    small, large = (take_share(splits, share) for share in (0.25, 0.5))
    assert len(small.train) == 6
    assert {*small.train.digests()} < {*large.train.digests()} < {*splits.train.digests()}
    for image, target in small.train:
        mask = target if kind == "masks" else target["mask"]
        assert (mask == image[0] % 2).all()


def test_a_share_of_masks_that_leaves_none_is_refused():
    part = other_targets("masks")
    with pytest.raises(ValueError, match=r"leaves no training image of 40; use at least 0\.025"):
        take_share(Splits(part, part, part), 0.01)


def test_fewer_masks_than_splits_are_refused():
    with pytest.raises(ValueError, match=r"2 image\(s\) are too few for 3 splits; add at least 1"):
        split_tensor_images(other_targets("masks", 2), (0.6, 0.2, 0.2), seed=0)


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match="above 0 and at most 1, got"):
        take_share(digits(), share)


def test_the_digits_load_in_under_a_second():
    start = time.perf_counter()
    digits()
    assert time.perf_counter() - start < 1


def test_normalised_training_digits_have_mean_zero_and_deviation_one():
    splits = digits()
    x = normalize(splits.train.images, splits.mean, splits.std)
    assert abs(x.mean().item()) < 1e-5
    assert abs(x.std(correction=0).item() - 1) < 1e-5


# Tensors of images


def test_an_item_is_a_uint8_image_and_its_label():
    data = random_images()
    image, label = data[4]
    assert torch.equal(image, data.images[4])
    assert label == 1


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.int64), r"must be uint8.*got torch.float32"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), r"\[2, 4, 4\].*unsqueeze"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), r"int64 \[2\].*\[3\]"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 2]), r"from 0 to 2, but 2 class names"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([-1, 0]), r"from -1 to 0"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused_with_their_shapes(images, labels, message):
    with pytest.raises(ValueError, match=message):
        TensorImages(images, labels, ["a", "b"])


def test_channel_stats_equal_torchs_mean_and_std():
    images = random_images(50).images
    x = images.double() / 255
    mean, std = channel_stats(images)
    assert mean == pytest.approx(x.mean((0, 2, 3)).tolist())
    assert std == pytest.approx(x.std((0, 2, 3), correction=0).tolist())


def test_a_constant_channel_does_not_divide_by_zero():
    assert channel_stats(torch.full((2, 1, 3, 3), 7, dtype=torch.uint8))[1] == (1.0,)


def test_all_splits_carry_the_training_splits_mean_and_deviation():
    train, val, test = random_images(seed=0), random_images(seed=1), random_images(seed=2)
    expected = channel_stats(train.images)
    splits = Splits(train, val, test)
    for split in splits:
        assert (split.mean, split.std) == expected


def test_splits_with_other_classes_are_refused():
    with pytest.raises(ValueError, match="classes differ"):
        Splits(random_images(classes=3), random_images(classes=2), random_images(classes=3))


# Fingerprints and leaks


def test_the_fingerprint_does_not_depend_on_the_order_of_the_items():
    data = random_images()
    shuffled = data.select(torch.randperm(len(data)))
    assert not torch.equal(shuffled.images, data.images)
    assert shuffled.fingerprint() == data.fingerprint()


def test_the_fingerprint_changes_with_one_pixel_one_label_one_missing_item_or_one_shape():
    data = random_images()
    pixel, label = data.images.clone(), data.labels.clone()
    pixel[7, 1, 2, 3] ^= 1
    label[7] = (label[7] + 1) % 3
    others = [
        TensorImages(pixel, data.labels, data.classes),
        TensorImages(data.images, label, data.classes),
        data.select(range(len(data) - 1)),
        TensorImages(data.images.reshape(30, 3, 2, 8), data.labels, data.classes),
    ]
    assert len({data.fingerprint(), *(other.fingerprint() for other in others)}) == 5


def test_the_fingerprint_is_the_same_on_every_machine():
    data = TensorImages(torch.arange(8, dtype=torch.uint8).reshape(2, 1, 2, 2), torch.tensor([0, 1]), ["a", "b"])
    # computed by hand with sha256sum, from printf '(1, 2, 2)\0\1\2\3' and so on
    assert data.fingerprint() == "2277e4d5e4567ec6984e7edd515284afc210956c999fe36b45babfbdd0f17051"


def test_an_image_in_two_splits_is_reported_as_a_leak_with_both_places():
    train, val, test = random_images(seed=0), random_images(seed=1), random_images(seed=2)
    test.images[5] = train.images[3]
    leaks = find_leaks(Splits(train, val, test))
    assert [str(leak) for leak in leaks] == ["train: image 3 = test: image 5"]


# Splitting


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(3, 60), min_size=1, max_size=8),
    cut=st.tuples(st.floats(0.05, 0.4), st.floats(0.05, 0.4)),
    seed=st.integers(0, 1000),
)
def test_a_stratified_split_holds_every_item_once_and_every_class_in_every_part(sizes, cut, seed):
    labels = [k for k, n in enumerate(sizes) for _ in range(n)]
    fractions = (1 - sum(cut), *cut)
    parts = stratified_split(labels, fractions, seed)
    assert sorted(i for part in parts for i in part) == list(range(len(labels)))
    for part, fraction in zip(parts, fractions):
        counts = [sum(labels[i] == k for i in part) for k in range(len(sizes))]
        for n, count in zip(sizes, counts):
            assert count >= 1
            assert count == 1 or abs(count - n * fraction) <= 2
    assert parts == stratified_split(labels, fractions, seed)


def test_rounding_in_one_class_is_made_up_for_in_the_next():
    labels = [k for k, n in enumerate((980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)) for _ in range(n)]
    assert [len(part) for part in stratified_split(labels, (0.8, 0.1, 0.1), seed=0)] == [8000, 1000, 1000]


def test_a_class_with_fewer_items_than_splits_is_named():
    with pytest.raises(ValueError, match=r"class 'lynx' has 2 image\(s\), too few for 3 splits; add at least 1"):
        stratified_split([0, 0, 0, 1, 1], (0.6, 0.2, 0.2), 0, classes=["cat", "lynx"])


def test_fractions_that_do_not_sum_to_one_are_refused():
    with pytest.raises(ValueError, match=r"sum to 1, got \[0.5, 0.2\]"):
        stratified_split([0, 1], (0.5, 0.2), 0)


def test_a_split_seed_gives_the_same_split_for_ever():
    assert stratified_split([0] * 6, (0.5, 0.5), seed=3) == [[3, 4, 5], [0, 1, 2]]


@given(
    groups=st.lists(st.integers(0, 30), min_size=40, max_size=80).filter(lambda g: len(set(g)) >= 10),
    seed=st.integers(0, 5),
)
def test_a_grouped_split_keeps_groups_together_and_holds_every_item_once(groups, seed):
    parts = grouped_split([0] * len(groups), groups, (0.6, 0.2, 0.2), seed)
    assert sorted(i for part in parts for i in part) == list(range(len(groups)))
    names = [{groups[i] for i in part} for part in parts]
    assert sum(map(len, names)) == len(set(groups))


def test_a_grouped_split_of_single_items_is_the_stratified_split():
    labels = [0] * 20 + [1] * 31
    assert grouped_split(labels, range(51), (0.5, 0.5), 4) == stratified_split(labels, (0.5, 0.5), 4)


def test_a_group_with_items_of_two_classes_is_refused():
    with pytest.raises(ValueError, match="group 'scene 1' has items of two classes"):
        grouped_split([0, 1, 0], ["scene 1", "scene 1", "scene 2"], (0.5, 0.5), 0)
