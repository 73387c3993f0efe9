"""Scenes of several real handwritten digits on a canvas, with the class and the instance of every pixel: segmentation without a download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .dataset import Splits, TensorImages
from .digits import digits

SPLITS = ("train", "val", "test")
INK = 64  # of 255: a pixel is part of a digit where at least 4 of the 16 dots behind it are black
TRIES = 500  # places tried for one digit; then the scene is begun anew
STARTS = 20  # scenes begun; then the canvas counts as too small


@dataclass(eq=False)
class DigitScenes:
    """n scenes and what each of their pixels shows.

    Fields:
        images: [n, 1, H, W] uint8; ink is bright on black.
        class_masks: [n, H, W] int64; 0 is background, 1 to K - 1 are the digits asked for, in that order: ``classes[mask]`` names them.
        instance_masks: [n, H, W] int64; 0 is background, j is the j-th digit that was laid down, from 1. Pixels of instance j of scene i:
            ``instance_masks[i] == j``; there is at least one for each j up to ``len(labels[i])``.
        labels: n tensors [m]; the class of each of the m digits of a scene, in the order of their instance numbers.
        sources: n tensors [m]; which image of its split of ``digits()`` each of them is.
        corners: n tensors [m, 2]; row and column of the upper left corner of each digit's 8x8 pixels.
        classes: the K names, background first.
    """

    images: Tensor
    class_masks: Tensor
    instance_masks: Tensor
    labels: list[Tensor]
    sources: list[Tensor]
    corners: list[Tensor]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)


def digit_scenes(
    n: int,
    size: int | tuple[int, int] = (24, 32),
    digits_per_scene: int | tuple[int, int] = (2, 5),
    seed: int = 0,
    split: Literal["train", "val", "test"] = "train",
    kinds: Sequence[int] = range(10),
    min_visible: float = 0.7,
    turn: float = 0.0,
) -> DigitScenes:
    """Scenes of real digits at random places, from one split of :func:`digits`: no digit is in the scenes of two splits.

    A pixel belongs to a digit where the digit's ink is at least 64 of 255; fainter ink is drawn and belongs to the background. Digits are laid
    down one after the other and may overlap. A pixel that two digits claim belongs to the later one and shows its ink; a pixel
    that none claims shows the strongest ink there. A place is drawn again where some digit would keep less than ``min_visible`` of the
    pixels it would have alone, so every instance can be seen.

    Args:
        n: number of scenes.
        size: (height, width) of the canvas in pixels, or its side; at least 8, the side of a digit.
        digits_per_scene: how many digits, or (fewest, most); each number is as probable as the others.
        seed: of which digits, how many, and where. Scene i depends on the seed, the split and i, not on n.
        split: ``train``, ``val`` or ``test`` of :func:`digits`.
        kinds: the digits that occur; class j + 1 is ``kinds[j]``.
        min_visible: from 0 (exclusive) to 1; 1 allows no overlap.
        turn: degrees, 0 to 90; each digit is turned about its middle by an angle up to so many either way before it is laid down. Its mask
            follows from its turned ink, so it is as sharp as any; turning a whole scene would blur ink and cut masks.

    Raises:
        ValueError: an argument out of its range, or a canvas on which so many digits find no place.
    """
    height, width = (size, size) if isinstance(size, int) else size
    fewest, most = (digits_per_scene,) * 2 if isinstance(digits_per_scene, int) else digits_per_scene
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; choose one of {', '.join(SPLITS)}")
    if n < 1:
        raise ValueError(f"n is {n}; ask for at least one scene")
    if min(height, width) < 8:
        raise ValueError(
            f"a canvas of {height}x{width} pixels is too small for a digit of 8x8; make each side at least 8"
        )
    if not 1 <= fewest <= most:
        raise ValueError(f"digits_per_scene is {digits_per_scene}; give a number from 1, or (fewest, most)")
    if not 0 < min_visible <= 1:
        raise ValueError(f"min_visible is {min_visible}; it must be above 0 and at most 1")
    if not 0 <= turn <= 90:
        raise ValueError(f"turn is {turn}; it must be from 0 to 90 degrees")
    if not kinds or len(set(kinds)) < len(kinds) or not set(kinds) <= set(range(10)):
        raise ValueError(f"kinds is {list(kinds)}; give digits from 0 to 9, each once")
    source = getattr(digits(), split)
    class_of = {kind: j for j, kind in enumerate(kinds, start=1)}
    usable = torch.tensor([i for i, label in enumerate(source.labels.tolist()) if label in class_of])
    pool: NDArray[np.uint8] = source.images[usable, 0].numpy()
    pool_classes = torch.tensor([class_of[label] for label in source.labels[usable].tolist()])

    scenes = []
    for i in range(n):
        random = np.random.RandomState([seed, SPLITS.index(split), i])  # its stream is the same in every NumPy version
        scenes.append(_scene(random, pool, (height, width), random.randint(fewest, most + 1), min_visible, turn))
    chosen = [torch.as_tensor(scene[0]) for scene in scenes]
    labels = [pool_classes[of_scene] for of_scene in chosen]
    instances = torch.from_numpy(np.stack([instance for _, _, _, instance in scenes]))
    lookup = [torch.cat([torch.zeros(1, dtype=torch.int64), label]) for label in labels]  # instance number -> class
    return DigitScenes(
        images=torch.from_numpy(np.stack([image for _, _, image, _ in scenes])).unsqueeze(1),
        class_masks=torch.stack([table[mask] for table, mask in zip(lookup, instances)]),
        instance_masks=instances,
        labels=labels,
        sources=[usable[of_scene] for of_scene in chosen],
        corners=[torch.as_tensor(corners) for _, corners, _, _ in scenes],
        classes=("background", *map(str, kinds)),
    )


def scene_splits(
    counts: tuple[int, int, int] = (1000, 200, 200),
    target: Literal["classes", "objects"] = "classes",
    turn: float = 0.0,
    **options: Any,
) -> Splits:
    """Scenes as a data set for training: as many as `counts` says for training, validation and test.

    Args:
        target: "classes": masks [N, H, W] uint8 of class numbers; "objects": a dict of masks (bool [m, H, W] of each scene's m digits), their
            labels [m] and void, as `coco.object_masks` gives them.
        turn: degrees; the digits of the training scenes are turned by up to so many, those of the others stand as they were written.
        options: the others of `digit_scenes`.
    """
    parts = []
    for split, n in zip(SPLITS, counts):
        scenes = digit_scenes(n, split=split, turn=turn if split == "train" else 0, **options)  # type: ignore[arg-type]
        targets: Any = scenes.class_masks.to(torch.uint8)
        if target == "objects":
            numbers = [torch.arange(1, len(label) + 1)[:, None, None] for label in scenes.labels]
            masks = [mask == number for mask, number in zip(scenes.instance_masks, numbers)]
            targets = {
                "masks": masks,
                "labels": scenes.labels,
                "void": torch.zeros_like(scenes.class_masks, dtype=torch.bool),
            }
        turned = f", digits turned by up to {turn:g} degrees" if turn and split == "train" else ""
        sentence = f"Scenes of scikit-learn's digits, {n:,} of its {split} split, {target}{turned}"
        parts.append(TensorImages(scenes.images, targets, list(scenes.classes), "digit_scenes", sentence))
    return Splits(*parts)


_Scene = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]


def _scene(
    random: np.random.RandomState,
    pool: NDArray[np.uint8],
    size: tuple[int, int],
    m: int,
    min_visible: float,
    turn: float,
) -> _Scene:
    """(which digits [m], corners [m, 2], image [H, W], instance mask [H, W]) of one scene."""
    chosen = random.randint(len(pool), size=m)
    drawn = pool[chosen] if turn == 0 else _turned(pool[chosen], np.radians(random.uniform(-turn, turn, m)))
    for _ in range(STARTS):
        corners: list[tuple[int, int]] = []
        image, instances = np.zeros(size, np.uint8), np.zeros(size, np.int64)
        for j, digit in enumerate(drawn, start=1):
            corner = _place(random, drawn[:j], instances, digit, min_visible)
            if corner is None:
                break
            corners.append(corner)
            window = np.s_[corner[0] : corner[0] + 8, corner[1] : corner[1] + 8]
            claimed = digit >= INK
            image[window] = np.where(claimed, digit, np.maximum(image[window], digit))
            instances[window][claimed] = j
        else:
            return chosen, np.array(corners, np.int64), image, instances
    raise ValueError(
        f"{m} digits of 8x8 pixels found no place on a canvas of {size[0]}x{size[1]} with min_visible={min_visible}; "
        "take a larger canvas, fewer digits, or let more be covered"
    )


def _turned(pixels: NDArray[np.uint8], angles: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Each of [m, 8, 8] turned about its middle by its angle [m] in radians, anticlockwise; ink between pixels is interpolated bilinearly."""
    cos, sin, zero = np.cos(angles), np.sin(angles), np.zeros_like(angles)
    where_from = torch.from_numpy(np.stack([cos, -sin, zero, sin, cos, zero], axis=1).reshape(-1, 2, 3)).float()
    ink = torch.from_numpy(pixels)[:, None].float()
    grid = F.affine_grid(where_from, list(ink.shape), align_corners=False)
    turned: NDArray[np.uint8] = F.grid_sample(ink, grid, align_corners=False)[:, 0].round().to(torch.uint8).numpy()
    return turned


def _place(
    random: np.random.RandomState,
    laid: NDArray[np.uint8],
    instances: NDArray[np.int64],
    digit: NDArray[np.uint8],
    min_visible: float,
) -> tuple[int, int] | None:
    """A corner for the digit that leaves enough of each digit below it; None if no try found one."""
    needed = min_visible * (laid >= INK).sum((1, 2))  # [j]: pixels that each digit has to keep
    claimed = digit >= INK
    for _ in range(TRIES):
        row, column = (int(random.randint(side - 7)) for side in instances.shape)
        below = instances[row : row + 8, column : column + 8]
        if not below[claimed].any():
            return row, column
        kept = np.bincount(instances[instances > 0], minlength=len(laid) + 1)
        kept -= np.bincount(below[claimed], minlength=len(laid) + 1)
        if (kept[1:-1] >= needed[:-1]).all():
            return row, column
    return None
