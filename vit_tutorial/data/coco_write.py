"""Masks written as COCO writes them: a data set's annotation file, and a model's results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .coco_rle import RLE, mask_tools
from .digit_scenes import DigitScenes
from .mask_files import save_image


def write_coco(
    path: str | Path,
    names: Sequence[str],
    masks: Sequence[Tensor],
    labels: Sequence[Tensor],
    classes: Sequence[str],
    category_ids: Sequence[int] | None = None,
    description: str = "",
) -> None:
    """Write an annotation file. Images, objects and, if nothing else is given, categories are numbered from 1: an object 0 is "no match".

    Args:
        names: of the n image files.
        masks: n tensors [m, H, W], not zero where an object is; of an image without objects [0, H, W].
        labels: n tensors [m] of class numbers from 1 to K - 1.
        classes: K names, of which the first, background, is no category.
        category_ids: K - 1 numbers.
        description: of the file, in its `info`.

    Raises:
        ValueError: numbers of images or objects differ, a class number that is none, or an object without a pixel.
    """
    ids = _ids(classes, category_ids)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    if not len(names) == len(masks) == len(labels):
        raise ValueError(
            f"there are {len(names)} names, masks of {len(masks)} images and labels of {len(labels)}; give as many of each"
        )
    for name, of_image, numbers in zip(names, masks, labels):
        height, width = of_image.shape[-2:]
        images.append({"id": len(images) + 1, "file_name": name, "height": height, "width": width})
        for rle, category in _encoded(name, of_image, numbers, ids):
            area, box = mask_tools().area(rle), mask_tools().toBbox(rle)
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": len(images), "category_id": category, "iscrowd": 0,
                    "area": float(area), "bbox": box.tolist(), "segmentation": _as_json(rle),
                }
            )  # fmt: skip
    categories = [{"id": id_, "name": name, "supercategory": ""} for id_, name in zip(ids, classes[1:])]
    content: dict[str, Any] = {"images": images, "annotations": annotations, "categories": categories}
    if description:
        content = {"info": {"description": description}, **content}
    Path(path).write_text(json.dumps(content), encoding="utf-8")


def write_coco_results(
    path: str | Path,
    image_ids: Sequence[int],
    masks: Sequence[Tensor],
    labels: Sequence[Tensor],
    scores: Sequence[Tensor],
    category_ids: Sequence[int],
) -> None:
    """Write what a model found, for ``COCO.loadRes`` of pycocotools.

    Args:
        image_ids, category_ids: those of the annotation file, e.g. of ``dataset.targets``.
        masks, labels: as in `write_coco`; objects without a pixel are left out.
        scores: n tensors [m].
    """
    if not len(image_ids) == len(masks) == len(labels) == len(scores):
        raise ValueError(
            f"there are {len(image_ids)} image ids, masks of {len(masks)}, labels of {len(labels)} and scores of {len(scores)} images"
        )
    results = []
    for image_id, of_image, numbers, of_objects in zip(image_ids, masks, labels, scores):
        seen = of_image.flatten(1).any(1) if len(of_image) else numbers.bool()
        found = _encoded(f"image {image_id}", of_image[seen], numbers[seen], category_ids)
        for (rle, category), score in zip(found, of_objects[seen].tolist()):
            results.append(
                {"image_id": image_id, "category_id": category, "score": score, "segmentation": _as_json(rle)}
            )
    Path(path).write_text(json.dumps(results), encoding="utf-8")


def write_coco_scenes(scenes: DigitScenes, root: str | Path, split: str = "train") -> None:
    """Write scenes as ROOT/SPLIT2017/000001.png, ... and ROOT/annotations/instances_SPLIT2017.json, COCO's own layout."""
    root, names = Path(root), [f"{i:06d}.png" for i in range(1, len(scenes) + 1)]
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / f"{split}2017").mkdir(exist_ok=True)
    for name, image in zip(names, scenes.images):
        save_image(image, root / f"{split}2017" / name)
    masks = [
        instances == torch.arange(1, len(label) + 1)[:, None, None]
        for instances, label in zip(scenes.instance_masks, scenes.labels)
    ]
    write_coco(root / "annotations" / f"instances_{split}2017.json", names, masks, scenes.labels, scenes.classes)


def _ids(classes: Sequence[str], category_ids: Sequence[int] | None) -> list[int]:
    ids = list(range(1, len(classes)) if category_ids is None else category_ids)
    if len(ids) != len(classes) - 1 or len({*ids}) < len(ids):
        raise ValueError(f"{len(classes) - 1} classes beside the background need as many different ids, got {ids}")
    return ids


def _encoded(name: str, masks: Tensor, labels: Tensor, ids: Sequence[int]) -> list[tuple[RLE, int]]:
    """(run lengths, category id) of each object of an image."""
    if masks.ndim != 3 or len(masks) != len(labels):
        raise ValueError(
            f"{name}: masks of m objects are [m, H, W] and their labels [m], got {list(masks.shape)} and {list(labels.shape)}"
        )
    found = []
    for mask, label in zip(masks, labels.tolist()):
        if not 1 <= label <= len(ids):
            raise ValueError(f"{name}: an object has class {label}; classes with a category are 1 to {len(ids)}")
        if not mask.any():
            raise ValueError(f"{name}: an object of class {label} has no pixel; leave it out")
        foreground = np.asfortranarray(
            (mask != 0).cpu().numpy().astype(np.uint8)
        )  # of other values the encoder would make other runs
        found.append((mask_tools().encode(foreground), ids[label - 1]))
    return found


def _as_json(rle: RLE) -> dict[str, Any]:
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode()}
