"""Splitting a data set by class, and taking a share of it."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from .dataset import ImageDataset, Splits, TensorImages, channel_stats

SHARE_SEED = 21  # of the images that a share keeps; not a training seed


def stratified_split(
    labels: Sequence[int],
    fractions: Sequence[float],
    seed: int,
    classes: Sequence[str] | None = None,
    what: str = "image(s)",
) -> list[list[int]]:
    r"""Split items at random so that every part has nearly the same mix of classes.

    Of a class with :math:`n` items, part :math:`j` gets :math:`n f_j` within two, and at least one if
    :math:`f_j > 0`. What rounding gave or took is carried to the next class, so that 10,000 items split 0.8/0.1/0.1
    are 8,000/1,000/1,000.

    Args:
        labels: N class indices.
        fractions: :math:`f_j`, at least 0, summing to 1.
        seed: of this split; keep it apart from the training seed, or every seed tests on other images.
        classes, what: class names, and what the items are called, for messages.

    Returns:
        One sorted list of indices a part; together they hold each of 0..N-1 once.

    Raises:
        ValueError: the fractions do not sum to 1, or a class has fewer items than there are parts.
    """
    if min(fractions) < 0 or not math.isclose(sum(fractions), 1, abs_tol=1e-6):
        raise ValueError(f"fractions must be at least 0 and sum to 1, got {list(fractions)}")
    random = np.random.RandomState(seed)  # its stream is frozen: the split is the same in every NumPy version
    label_array = np.asarray(labels)
    needed = sum(f > 0 for f in fractions)
    counts = dict(zip(*(values.tolist() for values in np.unique(label_array, return_counts=True))))
    small = {classes[label] if classes is not None else label: n for label, n in counts.items() if n < needed}
    if small:
        names = ", ".join(f"class {name!r} has {n} {what}" for name, n in small.items())
        raise ValueError(
            f"{names}, too few for {needed} splits; add at least {needed - min(small.values())}, or leave the class out"
        )
    parts: list[list[int]] = [[] for _ in fractions]
    carry = [0.0 for _ in fractions]
    for label in counts:
        members = random.permutation(np.flatnonzero(label_array == label))
        start = 0
        sizes, carry = _sizes(len(members), fractions, carry)
        for part, size in zip(parts, sizes):
            part.extend(int(i) for i in members[start : start + size])
            start += size
    return [sorted(part) for part in parts]


def grouped_split(
    labels: Sequence[int],
    groups: Sequence[Hashable],
    fractions: Sequence[float],
    seed: int,
    classes: Sequence[str] | None = None,
) -> list[list[int]]:
    """`stratified_split` of whole groups: items of one group, such as copies of one photo, stay in one part.

    A group counts as one item, so with groups of different sizes the parts' sizes only follow the fractions roughly. With a
    group for each item it is `stratified_split`.

    Args:
        groups: N names; items with equal names belong together.
        labels, fractions, seed, classes: see `stratified_split`, which also says what else is raised.

    Raises:
        ValueError: a group has items of two classes.
    """
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    for group, items in members.items():
        if len({labels[i] for i in items}) > 1:
            raise ValueError(f"group {group!r} has items of two classes; give each class groups of its own")
    together = list(members.values())
    kind = "image(s)" if len(together) == len(labels) else "different image(s)"
    parts = stratified_split([labels[items[0]] for items in together], fractions, seed, classes, kind)
    return [sorted(i for group in part for i in together[group]) for part in parts]


def hashed_split(
    labels: Sequence[int],
    keys: Sequence[bytes],
    fractions: Sequence[float],
    seed: int,
    classes: Sequence[str] | None = None,
    what: str = "different image(s)",
) -> list[list[int]]:
    r"""Split items by their keys alone, so that an item stays in its part when others come or go.

    Key :math:`k` gives a number :math:`u = \mathrm{SHA256}(s, k) / 2^{256}` in [0, 1). Items with :math:`u < f_3` are the
    third part (test), those with :math:`u < f_3 + f_2` the second (validation), the others the first. So sizes follow the
    fractions as coins do, and equal keys stay together. No class may lack a part: where it has none below a limit, its
    item with the smallest :math:`u` is taken. Only that item can still change its part, until the class has more.

    Args:
        labels: N class indices. keys: N contents (digests) or names of groups.
        fractions: of the first, second and third part, summing to 1.
        seed: :math:`s`, of this split; keep it apart from the training seed.
        classes, what: class names, and what the items are called, for messages.

    Returns:
        One sorted list of indices a part. Groups with items of several classes follow the limits alone, but leave no part empty.

    Raises:
        ValueError: a class has fewer different keys than there are parts.
    """
    members: dict[bytes, list[int]] = {}
    for index, key in enumerate(keys):
        members.setdefault(key, []).append(index)
    kinds: dict[tuple[int, ...], list[bytes]] = {}  # keys by the classes of their items, of which there is mostly one
    for key, items in members.items():
        kinds.setdefault(tuple(sorted({labels[i] for i in items})), []).append(key)
    needed = sum(f > 0 for f in fractions)
    counts = {label: sum(len(found) for kind, found in kinds.items() if label in kind) for label in sorted({*labels})}
    small = {classes[label] if classes is not None else label: n for label, n in counts.items() if n < needed}
    if small:
        names = ", ".join(f"class {name!r} has {n} {what}" for name, n in small.items())
        raise ValueError(
            f"{names}, too few for {needed} splits; add at least {needed - min(small.values())}, or leave the class out"
        )
    _, second, third = fractions
    parts: list[list[int]] = [[], [], []]
    for kind, found in kinds.items():
        numbers = {key: _number(seed, key) for key in found}
        ordered = sorted(found, key=lambda key: numbers[key])
        end_third = sum(number < third for number in numbers.values())
        end_second = sum(number < third + second for number in numbers.values())
        if len(kind) == 1 and len(found) >= needed:
            end_third = min(max(end_third, int(third > 0)), len(found) - 1 - (second > 0))
            end_second = min(max(end_second, end_third + (second > 0)), len(found) - 1)
        for position, key in enumerate(ordered):
            parts[2 if position < end_third else 1 if position < end_second else 0] += members[key]
    for wanted in (2, 1):  # groups of several classes follow the limits alone, which may leave a part without any
        if fractions[wanted] == 0 or parts[wanted]:
            continue
        first = set(parts[0])
        left = [key for key, items in members.items() if items[0] in first]
        if len(left) > 1:
            moved = members[min(left, key=lambda key: _number(seed, key))]
            parts[0], parts[wanted] = [i for i in parts[0] if i not in moved], moved
    return [sorted(part) for part in parts]


def content_split(keys: Sequence[bytes], fractions: Sequence[float], seed: int) -> list[list[int]]:
    """`hashed_split` of images that have no class of their own, such as those with masks. Raises ValueError where they are too few."""
    needed, different = sum(f > 0 for f in fractions), len({*keys})
    if different < needed:
        raise ValueError(
            f"{different} different image(s) are too few for {needed} splits; add at least {needed - different}, or take fewer splits"
        )
    return hashed_split([0] * len(keys), keys, fractions, seed)


def _number(seed: int, key: bytes) -> float:
    """A number in [0, 1) that seed and key decide."""
    digest = hashlib.sha256(f"{seed} ".encode() + key).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _sizes(n: int, fractions: Sequence[float], carry: Sequence[float]) -> tuple[list[int], list[float]]:
    """n >= parts items divided by largest remainder, no part with a fraction left empty; and what to carry on."""
    wanted = [n * f + c for f, c in zip(fractions, carry)]
    sizes = [max(math.floor(w + 1e-9), 1 if f > 0 else 0) for w, f in zip(wanted, fractions)]
    while sum(sizes) < n:
        sizes[max(range(len(sizes)), key=lambda j: wanted[j] - sizes[j])] += 1
    while sum(sizes) > n:
        sizes[max(range(len(sizes)), key=lambda j: sizes[j])] -= 1
    return sizes, [min(max(w - size, -1.0), 1.0) for w, size in zip(wanted, sizes)]


def split_tensor_images(whole: TensorImages, fractions: Sequence[float], seed: int) -> list[TensorImages]:
    """`stratified_split` of a data set (see `strata`). The first part is the training split: its mean and std are computed.

    Raises:
        ValueError: as `stratified_split`; or fewer images than parts.
    """
    numbers, names = strata(whole)
    if len(whole) < (needed := sum(f > 0 for f in fractions)):
        raise ValueError(f"{len(whole)} image(s) are too few for {needed} splits; add at least {needed - len(whole)}")
    parts = [whole.select(indices) for indices in stratified_split(numbers, fractions, seed, names)]
    parts[0].mean, parts[0].std = channel_stats(parts[0].images)
    return parts


def take_share(splits: Splits, share: float, seed: int = SHARE_SEED) -> Splits:
    """The same splits with only a share of the training split, the same share of each class (of each stratum, see `strata`).

    A smaller share is a part of a larger one. Mean and standard deviation are those of the images that are left: a run with
    few images has not seen the others. Validation and test split stay whole. What the splits remember, they remember of the share.

    Args:
        share: in (0, 1].
        seed: of the choice; every training seed gets the same images.

    Raises:
        ValueError: the share is outside (0, 1], or so small that a class would be left without an image.
    """
    if not 0 < share <= 1:
        raise ValueError(f"a share of the training split is above 0 and at most 1, got {share}")
    if share == 1:
        return splits
    whole = splits.train
    numbers, names = strata(whole)
    counts = np.bincount(numbers, minlength=len(names)).tolist()
    fewest = min(range(len(counts)), key=lambda label: counts[label])
    if round(counts[fewest] * share) < 1:
        of_class = f"class {names[fewest]!r}, which has " if len(names) > 1 else ""
        raise ValueError(
            f"a share of {share} leaves no training image of {of_class}{counts[fewest]}; "
            f"use at least {1 / max(counts[fewest], 1):.2g}"
        )
    random = np.random.RandomState(seed)
    chosen: list[int] = []
    for label, count in enumerate(counts):
        members = random.permutation(np.flatnonzero(np.asarray(numbers) == label))
        chosen += members[: round(count * share)].tolist()
    part = whole.select(sorted(chosen))
    part.variant = f"{whole.variant}; {len(part):,} of {len(whole):,} training images"
    if isinstance(part, TensorImages):
        part.mean, part.std = channel_stats(part.images)
    val, test = copy.copy(splits.val), copy.copy(splits.test)  # Splits gives them the new mean and std
    remembered = splits.remembered and splits.remembered.with_train(part.digests())
    return replace(splits, train=part, val=val, test=test, remembered=remembered)


def strata(dataset: ImageDataset) -> tuple[list[int], list[str]]:
    """The stratum of each image, of which every part of a split has its share, and the strata's names.

    It is the image's class. Where a target is a mask or a dict, no class is the image's, and all images are one stratum: a
    split or a share is then drawn at random, and a rare class may be missing from a small one.
    """
    targets = dataset.targets if isinstance(dataset, TensorImages) else getattr(dataset, "labels", None)
    if isinstance(targets, Tensor) and targets.ndim == 1:
        return targets.tolist(), dataset.classes
    return [0] * len(dataset), ["all images"]
