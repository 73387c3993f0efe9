"""COCO's annotation file, read and checked in full before any of it reaches pycocotools, which checks next to nothing."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from .coco_object import CocoObject, Fault, outline, take_out
from .files import listed

MOST_PIXELS = 178_956_970  # of an image: Pillow's own limit


class BadAnnotations(ValueError):
    """Annotations that cannot be used; `.faults` holds (annotation, reason) of each."""

    def __init__(self, message: str, faults: list[Fault]) -> None:
        super().__init__(message)
        self.faults = faults


@dataclass(eq=False)
class CocoFile:
    """What an annotation file says.

    Fields:
        classes: "background" and the names of the categories, in the file's order.
        category_ids: id of each of the categories: class k has the id ``category_ids[k - 1]``. COCO's own run from 1 to 90 with ten gaps.
        image_ids, names, sizes: of each image: id, file name, (height, width).
        objects: of each image: its objects and crowd regions, in the file's order.
        skipped: faulty annotations that were left out, and why.
    """

    path: Path
    classes: list[str]
    category_ids: list[int]
    image_ids: list[int]
    names: list[str]
    sizes: list[tuple[int, int]]
    objects: list[list[CocoObject]]
    skipped: list[Fault] = field(default_factory=list)

    def __str__(self) -> str:
        everything = [found for of_image in self.objects for found in of_image]
        crowds, empty = sum(found.crowd for found in everything), sum(not of_image for of_image in self.objects)
        text = f"{self.path}: {len(self.names):,} images, {len(everything) - crowds:,} objects of {len(self.classes) - 1} categories"
        text += f", {crowds:,} crowd regions" * bool(crowds) + f"; {empty:,} images without an object" * bool(empty)
        skipped = listed([f"{where} ({reason})" for where, reason in self.skipped], 5)
        return text + f"; left out {len(self.skipped):,} annotations: {skipped}" * bool(self.skipped)


def read_coco(path: str | Path, on_bad: str = "stop") -> CocoFile:
    """Read a COCO annotation file (images, annotations, categories) and check every number in it.

    Polygons that reach over the border are cut there. An annotation is faulty if its image, its category or its outline is not there, its
    id is 0 (which pycocotools takes for "no match") or taken, a polygon has fewer than three points, lies outside its image, has no
    area or reaches further out than the image is large; or its run lengths are not those of the image.

    Args:
        on_bad: "stop" raises `BadAnnotations` with all faulty annotations; "skip" leaves them out, warns and reports them.

    Raises:
        FileNotFoundError: no such file. ValueError: no COCO file, no annotations, faulty images or categories.
        BadAnnotations (a ValueError): see `on_bad`.
    """
    if on_bad not in ("stop", "skip"):
        raise ValueError(f'on_bad must be "stop" or "skip", got {on_bad!r}')
    path = Path(path)
    content = _load(path)
    ids, classes = _categories(path, _without_background(path, content))
    file = CocoFile(path, ["background", *classes], ids, [], [], [], [])
    _images(file, content["images"])
    faults: list[Fault] = []
    _annotations(file, content["annotations"], faults)
    if faults and on_bad == "stop":
        said = listed([f"{where} {reason}" for where, reason in faults])
        raise BadAnnotations(
            f"{len(faults):,} of {len(content['annotations']):,} annotations of {path} cannot be used: {said}. "
            'Mend them, or pass on_bad="skip" to leave them out',
            faults,
        )
    if faults:
        file.skipped = faults
        warnings.warn(str(file), stacklevel=2)
    return file


def _load(path: Path) -> dict[str, list[Any]]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no whole JSON file ({error}); get it again") from error
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in keys):
        found = listed(sorted(content)) if isinstance(content, dict) else f"a {type(content).__name__}"
        raise ValueError(
            f"{path} is no COCO annotation file, which has the lists {listed([*keys])}, but {found}; give instances_....json"
        )
    for key in keys:
        if not content[key]:
            raise ValueError(f"{path} has no {key}: its list is empty, and nothing can be learnt from it")
        if not all(isinstance(entry, dict) for entry in content[key]):
            raise ValueError(f"{path}: an entry of {key} is no object with named fields; it is no COCO annotation file")
    return content


def _without_background(path: Path, content: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The categories without one named background, which some tools write and nothing uses: class 0 has that name."""
    named = [entry for entry in content["categories"] if str(entry.get("name")).lower() == "background"]
    for entry in named:
        if n := sum(annotation.get("category_id") == entry.get("id") for annotation in content["annotations"]):
            raise ValueError(
                f"{path}: {n:,} annotations are of the category {entry.get('id')}, {entry['name']}, but background is what no annotation "
                "covers; remove them, or give the category another name"
            )
    return [entry for entry in content["categories"] if entry not in named]


def _categories(path: Path, entries: list[dict[str, Any]]) -> tuple[list[int], list[str]]:
    ids, names = [entry.get("id") for entry in entries], [entry.get("name") for entry in entries]
    for id_, name in zip(ids, names):
        if not _whole(id_) or not isinstance(name, str) or not name:
            raise ValueError(
                f"{path}: a category has id {id_!r} and name {name!r}; give each a whole number and a name"
            )
    for what, values in (("ids", ids), ("names", names)):
        if twice := sorted({str(value) for value in values if values.count(value) > 1}):
            raise ValueError(f"{path}: two categories share one of their {what}, {listed(twice)}; give each its own")
    return [id_ for id_ in ids if _whole(id_)], [str(name) for name in names]


def _images(file: CocoFile, entries: list[dict[str, Any]]) -> None:
    seen: set[int] = set()
    image_of: dict[str, int] = {}
    for entry in entries:
        id_, name, height, width = (entry.get(key) for key in ("id", "file_name", "height", "width"))
        if not _whole(id_) or id_ in seen:
            raise ValueError(
                f"{file.path}: the image {name!r} has the id {id_!r}; give each image a whole number of its own"
            )
        if not isinstance(name, str) or not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise ValueError(
                f"{file.path}: the image {id_} has the file name {name!r}; give a path below the folder of images"
            )
        if not (_whole(height) and _whole(width) and height > 0 and width > 0 and height * width <= MOST_PIXELS):
            raise ValueError(
                f"{file.path}: the image {name} has height {height!r} and width {width!r}; give whole numbers of pixels"
            )
        if name in image_of:
            raise ValueError(
                f"{file.path}: the images {image_of[name]} and {id_} are one file, {name}; list it once, with all its annotations"
            )
        image_of[name] = id_
        seen.add(id_)
        file.image_ids.append(id_)
        file.names.append(name)
        file.sizes.append((height, width))
        file.objects.append([])


def _annotations(file: CocoFile, entries: list[dict[str, Any]], faults: list[Fault]) -> None:
    """Sort the good annotations into `file.objects`."""
    place = {id_: position for position, id_ in enumerate(file.image_ids)}
    label = {id_: number for number, id_ in enumerate(file.category_ids, start=1)}
    seen: set[int] = set()
    found: list[tuple[int, CocoObject]] = []  # (position of the image, object)
    for entry in entries:
        id_, image, category, crowd = (entry.get(key) for key in ("id", "image_id", "category_id", "iscrowd"))
        try:
            if not _whole(id_) or id_ < 1:
                raise ValueError("has an id that is none; number annotations from 1")
            if id_ in seen:
                raise ValueError("has an id that another annotation has")
            seen.add(id_)
            if not _whole(image) or image not in place:
                raise ValueError(f"belongs to the image {image!r}, which the file does not list")
            if not _whole(category) or category not in label:
                raise ValueError(f"has the category {category!r}, which the file does not list")
            if crowd not in (None, 0, 1):
                raise ValueError(f"has iscrowd {crowd!r}, not 0 or 1")
            one = CocoObject(id_, label[category], bool(crowd))
            outline(one, entry.get("segmentation"), file.sizes[place[image]])
            found.append((place[image], one))
        except (TypeError, ValueError) as fault:
            faults.append((f"annotation {id_!r}", str(fault)))
    faults += take_out([(one, file.sizes[position]) for position, one in found])
    for position, one in found:
        if one.polygons or one.rle is not None:
            file.objects[position].append(one)


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
