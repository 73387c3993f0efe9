"""Scenes of digits with four questions an image, all of whose answers are known exactly: what several tasks at once are learned from."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vit_tutorial.heads.multitask import Output

from .dataset import Splits, TensorImages
from .digit_scenes import SPLITS, DigitScenes, digit_scenes
from .mask_files import save_image, write_mask
from .targets import Targets

KINDS = (0, 1, 2, 3, 4, 5)  # the digits that occur
DIGITS = tuple(map(str, KINDS))
FEWEST, MOST = 1, 3  # digits in a scene
SIZE = (16, 24)  # 24 patches of 4x4: small, so that a model is trained in half a minute

SCENE_TASKS: dict[str, Output] = {
    "mask": Output("mask", ("background", *DIGITS)),
    "count": Output("class", tuple(map(str, range(FEWEST, MOST + 1)))),
    "present": Output("labels", DIGITS),
    "largest": Output("numbers", ("row", "column")),
}


def scene_tasks(counts: tuple[int, int, int] = (1000, 200, 200), **options: Any) -> Splits:
    """Scenes as a data set for several tasks: as many as `counts` says for training, validation and test.

    The targets of each scene:

    mask     uint8 [H, W]     what each pixel shows: 0 is background, k + 1 the k-th of `KINDS`
    count    int64            how many digits there are, less the fewest there can be
    present  int64 [6]        1 for each digit that occurs, else 0
    largest  float32 [2]      (row, column) in pixels of the middle of the digit of the greatest value; of equals, of the one furthest left

    Args:
        options: `seed`, `min_visible` and `turn` of `digit_scenes`.
    """
    parts = []
    for split, n in zip(SPLITS, counts):
        scenes = digit_scenes(n, SIZE, (FEWEST, MOST), split=split, kinds=KINDS, **options)  # type: ignore[arg-type]
        sentence = f"Scenes of scikit-learn's digits, {n:,} of its {split} split, {len(SCENE_TASKS)} tasks"
        parts.append(
            TensorImages(scenes.images, targets_of_scenes(scenes), list(scenes.classes), "digit_scenes", sentence)
        )
    return Splits(*parts)


def targets_of_scenes(scenes: DigitScenes) -> Targets:
    """The four targets of scenes of these digits, as `scene_tasks` says."""
    return {
        "mask": scenes.class_masks.to(torch.uint8),
        "count": torch.tensor([len(labels) - FEWEST for labels in scenes.labels]),
        "present": torch.stack(
            [torch.bincount(labels, minlength=len(KINDS) + 1)[1:].clamp(max=1) for labels in scenes.labels]
        ),
        "largest": torch.stack(
            [_middle_of_largest(labels, corners) for labels, corners in zip(scenes.labels, scenes.corners)]
        ),
    }


def _middle_of_largest(labels: Tensor, corners: Tensor) -> Tensor:
    """(row, column) [2] of the middle of its 8x8 pixels."""
    greatest = (labels == labels.max()).nonzero()[:, 0]
    row, column = corners[greatest[corners[greatest, 1].argmin()]].tolist()
    return torch.tensor([row + 3.5, column + 3.5])


def write_scene_table(root: str | Path, counts: tuple[int, int, int] = (1000, 200, 200), **options: Any) -> Path:
    """The scenes as somebody would hand them over: images/*.png, masks/*.png, classes.txt, and labels.csv as `label_table` reads it.

    Returns:
        The folder.
    """
    root = Path(root)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    splits = scene_tasks(counts, **options)
    (root / "classes.txt").write_text("\n".join(splits.classes) + "\n", encoding="utf-8")
    present, largest = SCENE_TASKS["present"].names, SCENE_TASKS["largest"].names
    lines = [["file", "split", "mask", "count", *(f"present:{k}" for k in present), *(f"largest:{k}" for k in largest)]]
    for name, split in zip(SPLITS, splits):
        for i, (image, target) in enumerate(split):
            stem = f"{name}-{i:04d}.png"
            save_image(image, root / "images" / stem)
            write_mask(target["mask"], root / "masks" / stem)
            count = SCENE_TASKS["count"].names[target["count"]]
            answers = [*target["present"].tolist(), *target["largest"].tolist()]
            lines.append([f"images/{stem}", name, f"masks/{stem}", count, *map(str, answers)])
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
    return root
