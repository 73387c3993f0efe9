"""COCO: photographs with the outline of every object, as masks of classes or of objects (Lin et al., 2014)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from .coco_file import CocoFile, read_coco
from .coco_object import CocoObject
from .coco_rle import RLE, filled, mask_tools
from .dataset import Splits
from .files import listed
from .image_folder import SPLIT_SEED
from .joint import Size
from .lay_on import DrawnOn
from .pairs import PairedImages
from .splitting import content_split
from .targets import VOID
from .vision import MissingData, data_root

Kind = Literal["classes", "objects"]


@dataclass(frozen=True, eq=False)
class CocoMasks:
    """The masks of each image of an annotation file, made when they are asked for; see `class_mask` and `object_masks` for the two kinds.

    Fields:
        image_ids: of each image. category_ids: of class k it is ``category_ids[k - 1]``.
    """

    objects: list[list[CocoObject]]
    sizes: list[Size]
    image_ids: list[int]
    category_ids: list[int]
    kind: Kind = "classes"

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index: int) -> Any:
        made = class_mask if self.kind == "classes" else object_masks
        return made(self.objects[index], self.sizes[index])

    def select(self, indices: Sequence[int]) -> CocoMasks:
        objects, sizes, ids = ([values[i] for i in indices] for values in (self.objects, self.sizes, self.image_ids))
        return replace(self, objects=objects, sizes=sizes, image_ids=ids)  # type: ignore[arg-type]

    def digest(self, index: int) -> str:
        """SHA-256 of the outlines and classes of an image."""
        said = hashlib.sha256(f"{self.kind} {self.sizes[index]}".encode())
        for one in self.objects[index]:
            outline = one.rle["counts"] if one.rle is not None else b",".join(part.tobytes() for part in one.polygons)
            said.update(f"{one.label} {one.crowd} ".encode() + outline)
        return said.hexdigest()


def class_mask(objects: Sequence[CocoObject], size: Size) -> Tensor:
    """The class of each pixel, uint8 [H, W]; 0 where there is no object, 255 (void) in crowd regions.

    Where outlines overlap, the object with fewer pixels is seen, as a tie lies on its person; of two with equally many, the later one. Any
    object lies over a crowd region.
    """
    drawn = [filled(rle) for rle in runs(objects, size)]
    order = sorted(range(len(objects)), key=lambda i: (not objects[i].crowd, -drawn[i][2], i))
    mask = np.zeros(size[::-1], np.uint8)  # [W, H], as run lengths go
    for i in order:
        columns, pixels, _ = drawn[i]
        np.copyto(mask[columns], VOID if objects[i].crowd else objects[i].label, where=pixels)
    return torch.from_numpy(np.ascontiguousarray(mask.T))


def object_masks(objects: Sequence[CocoObject], size: Size) -> dict[str, Tensor]:
    """The objects of an image with m of them, in the file's order; those that cover no pixel are left out.

    Returns:
        masks: bool [m, H, W], which may overlap. labels: int64 [m], the classes. void: bool [H, W], crowd regions where no object is.
        ids: int64 [m], the annotations'.
    """
    drawn = [filled(rle) for rle in runs(objects, size)]
    chosen = [i for i, one in enumerate(objects) if not one.crowd and drawn[i][2]]
    masks, void = np.zeros((len(chosen), *size), bool), np.zeros(size, bool)
    for mask, i in zip(masks, chosen):
        columns, pixels, _ = drawn[i]
        mask[:, columns] = pixels.T
    for one, (columns, pixels, _) in zip(objects, drawn):
        if one.crowd:
            void[:, columns] |= pixels.T
    return {
        "masks": torch.from_numpy(masks),
        "labels": torch.tensor([objects[i].label for i in chosen], dtype=torch.int64),
        "void": torch.from_numpy(void & ~masks.any(0)) if void.any() else torch.from_numpy(void),
        "ids": torch.tensor([objects[i].id for i in chosen], dtype=torch.int64),
    }


def runs(objects: Sequence[CocoObject], size: Size) -> list[RLE]:
    """The run lengths of each object: its polygons filled as pycocotools does, and joined."""
    tools = mask_tools()
    polygons = [part for one in objects if one.rle is None for part in one.polygons]
    from_polygons = iter(tools.frPyObjects(polygons, *size) if polygons else [])
    result = []
    for one in objects:
        parts = [next(from_polygons) for _ in one.polygons] if one.rle is None else [one.rle]
        result.append(parts[0] if len(parts) == 1 else tools.merge(parts))
    return result


def coco_images(
    folder: str | Path,
    annotations: str | Path,
    kind: Kind = "classes",
    *,
    size: Size | None = None,
    channels: int = 3,
    on_bad: Literal["stop", "skip"] = "stop",
    drawn_on: DrawnOn = "",
    name: str = "coco",
) -> PairedImages:
    """The images of one COCO annotation file: items (uint8 [C, h, w], target).

    Args:
        folder: of the image files. annotations: the JSON file, see `read_coco`, also for `on_bad`.
        kind: "classes": targets are `class_mask`, with class 0 "background"; "objects": they are `object_masks`.
        size, channels, drawn_on: see `PairedImages`.

    Returns:
        `PairedImages`, whose `targets` know the ids of images and categories, to be given back to `write_coco_results`.

    Raises:
        FileNotFoundError: image files that are not there. ValueError: see `read_coco`.
    """
    if kind not in ("classes", "objects"):
        raise ValueError(f'kind must be "classes" or "objects", got {kind!r}')
    return images_of(read_coco(annotations, on_bad), Path(folder), kind, size, channels, drawn_on, name)


def images_of(
    file: CocoFile, folder: Path, kind: Kind, size: Size | None, channels: int, drawn_on: DrawnOn, name: str
) -> PairedImages:
    """`coco_images` of a file that has been read."""
    if len(file.classes) > VOID:
        raise ValueError(f"{file.path} has {len(file.classes) - 1} categories, but masks hold 254; leave some out")
    files = [folder / image for image in file.names]
    if missing := [image.name for image in files if not image.is_file()]:
        raise FileNotFoundError(
            f"{len(missing):,} of the {len(files):,} images of {file.path} are not in {folder}: {listed(missing, 5)}; give their folder"
        )
    masks = CocoMasks(file.objects, file.sizes, file.image_ids, file.category_ids, kind)
    return PairedImages(
        files, masks, file.classes, size, channels, drawn_on, name=name, variant=f"COCO, {kind}: {file}"
    )


def coco(
    root: str | Path | None = None,
    kind: Kind = "classes",
    *,
    size: Size | None = None,
    val_fraction: float = 0.05,
    on_bad: Literal["stop", "skip"] = "stop",
) -> Splits:
    """COCO 2017. Its validation images are the test split, as in all papers; ours for validation are cut from its training images by content.

    Args:
        root: the folder with train2017, val2017 and annotations, or one that holds it as coco or coco-tiny; default: `data_root()`.
        val_fraction: of the training images.
        kind, size, on_bad: see `coco_images`.

    Raises:
        MissingData: naming the folders looked in. Others: see `coco_images`.
    """
    base = Path(root) if root is not None else data_root()
    folders = [base, base / "coco", base / "coco-tiny"]
    wanted = [Path("annotations", f"instances_{part}2017.json") for part in ("train", "val")]
    found = next((f for f in folders if all((f / file).is_file() for file in wanted)), None)
    if found is None:
        raise MissingData(
            f"no COCO 2017 in any of these: {listed([str(f) for f in folders])}. Expected are train2017, val2017 and {wanted[0]}, {wanted[1]}; "
            "get them from cocodataset.org, and set VIT_DATA to the folder that holds them"
        )
    train, test = (
        coco_images(found / f"{part}2017", found / wanted[i], kind, size=size, on_bad=on_bad, name=found.name)
        for i, part in enumerate(("train", "val"))
    )
    parts = content_split(train.digests(), (1 - val_fraction, val_fraction, 0.0), SPLIT_SEED)
    return Splits(train.select(parts[0]), train.select(parts[1]), test)
