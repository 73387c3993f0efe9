"""Scenes annotated as photographs are: larger, objects outlined by polygons, groups as crowd regions, seams left void, ids with gaps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage.measure import euler_number, label
from skimage.morphology import binary_dilation, disk
from torch import Tensor

from .coco_write import write_coco_scenes
from .digit_scenes import DigitScenes
from .targets import VOID

Point = tuple[int, int]  # (x, y), a corner of pixels
GAP_AFTER = 2  # categories; then a number is left out, as COCO's list leaves out ten


def enlarged(scenes: DigitScenes, factor: int = 4) -> DigitScenes:
    """Scenes `factor` times as high and wide: ink interpolated bilinearly, borders smooth, each pixel of the object that is nearest to it.

    The instances are interpolated one by one and the largest takes the pixel; one that would be left without a pixel does not occur at `factor`
    2 or more, where the middle of each old pixel stays its own.

    Raises:
        ValueError: factor is no whole number from 1.
    """
    if factor < 1 or int(factor) != factor:
        raise ValueError(f"factor is {factor}; give a whole number from 1")
    size = [factor * side for side in scenes.images.shape[-2:]]

    def larger(pixels: Tensor) -> Tensor:
        return F.interpolate(pixels.float(), size, mode="bilinear", align_corners=False)

    instances = torch.stack(
        [
            larger(F.one_hot(mask, int(mask.max()) + 1).movedim(-1, 0)[None])[0].argmax(0)
            for mask in scenes.instance_masks
        ]
    )
    lookup = [torch.cat([torch.zeros(1, dtype=torch.int64), labels]) for labels in scenes.labels]
    return replace(
        scenes,
        images=larger(scenes.images).round().to(torch.uint8),
        class_masks=torch.stack([table[mask] for table, mask in zip(lookup, instances)]),
        instance_masks=instances,
        corners=[factor * corners for corners in scenes.corners],
    )


def seamed(masks: Tensor, width: int) -> Tensor:
    """Class masks [N, H, W] with a seam of void outside each region that is not background, `width` pixels wide; VOC leaves one.

    Raises:
        ValueError: a negative width.
    """
    if width < 0:
        raise ValueError(f"width is {width}; a seam has 0 pixels or more")
    result = masks.clone()
    for mask in result if width else ():
        objects = (mask > 0).numpy()
        mask[torch.from_numpy(binary_dilation(objects, disk(width)) & ~objects)] = VOID
    return result


def outlines(mask: NDArray[np.bool_]) -> list[list[int]] | None:
    """Polygons [x, y, x, y, ...] along the borders of a mask's pixels, one for each piece; None if a piece has a hole, which polygons cannot say.

    pycocotools fills them to exactly this mask. Pieces are connected across and down.
    """
    pieces = label(mask, connectivity=1)
    found = []
    for number in range(1, int(pieces.max()) + 1):
        piece = pieces == number
        if euler_number(piece, connectivity=1) != 1:
            return None
        found.append(_around(piece))
    return found


def write_drawn_coco(scenes: DigitScenes, root: str | Path, split: str = "train", crowd_every: int = 10) -> list[int]:
    """`write_coco_scenes`, then its annotations as people draw them: polygons where they suffice, run lengths as lists elsewhere.

    Category ids have gaps. In every `crowd_every`-th image the objects of the kind that is there most often become one crowd region, if there are
    several of it.

    Returns:
        The category ids, in the order of the classes behind background.
    """
    write_coco_scenes(scenes, root, split)
    path = Path(root) / "annotations" / f"instances_{split}2017.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    ids = [k + (k - 1) // GAP_AFTER for k in range(1, len(scenes.classes))]
    for category, id_ in zip(content["categories"], ids):
        category["id"] = id_
    of_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        of_image[annotation["image_id"]].append(annotation)
    kept = []
    for image, instances, labels in zip(content["images"], scenes.instance_masks.numpy(), scenes.labels):
        found, kinds = of_image[image["id"]], labels.tolist()
        most = max(kinds, key=kinds.count)
        crowd = image["id"] % crowd_every == 0 and kinds.count(most) > 1
        group = [j for j, kind in enumerate(kinds) if crowd and kind == most]
        for j, annotation in enumerate(found):
            if j in group[1:]:
                continue
            mask = np.isin(instances, [g + 1 for g in group] if j in group else [j + 1])
            polygons = None if j in group else outlines(mask)
            annotation |= {"category_id": ids[kinds[j] - 1], "iscrowd": int(j in group), "area": float(mask.sum())}
            annotation |= {"bbox": _box(mask), "segmentation": polygons or _runs(mask)}
            kept.append(annotation)
    content["annotations"] = kept
    path.write_text(json.dumps(content), encoding="utf-8")
    return ids


def _around(piece: NDArray[np.bool_]) -> list[int]:
    """The corners of one piece without holes, clockwise, the piece to the right of the way."""
    padded = np.pad(piece, 1)
    after: dict[Point, list[Point]] = {}
    for y, x in np.argwhere(padded).tolist():
        for (dy, dx), start, end in (
            ((-1, 0), (x, y), (x + 1, y)),
            ((0, 1), (x + 1, y), (x + 1, y + 1)),
            ((1, 0), (x + 1, y + 1), (x, y + 1)),
            ((0, -1), (x, y + 1), (x, y)),
        ):
            if not padded[y + dy, x + dx]:
                after.setdefault(start, []).append(end)
    at = first = min(after)
    way: list[Point] = []
    while after.get(at):
        ahead = after[at]
        if (
            len(ahead) > 1 and way
        ):  # two pixels touch at this corner: stay with the one that the way is around, by a right turn
            right = (at[0] - (at[1] - way[-1][1]), at[1] + (at[0] - way[-1][0]))
            ahead.append(ahead.pop(ahead.index(right)))
        way.append(at)
        at = ahead.pop()
    assert at == first, "the way around a piece is closed"
    before = [way[-1], *way[:-1]]
    turns = [
        b
        for a, b, c in zip(before, way, [*way[1:], first])
        if (b[0] - a[0]) * (c[1] - b[1]) != (b[1] - a[1]) * (c[0] - b[0])
    ]
    return [value - 1 for point in turns for value in point]  # without the padding


def _runs(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Run lengths as a list, column by column, beginning with those outside."""
    values = mask.T.ravel()
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]) + 1, len(values))
    lengths = np.diff(ends, prepend=0).tolist()
    return {"size": list(mask.shape), "counts": [0] * bool(values[0]) + lengths}


def _box(mask: NDArray[np.bool_]) -> list[float]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = columns[0], rows[0], columns[-1] + 1 - columns[0], rows[-1] + 1 - rows[0]
    return [float(value) for value in box]
