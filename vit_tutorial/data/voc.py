"""PASCAL VOC's layout: JPEGImages, SegmentationClass, SegmentationObject and lists of names (Everingham et al., 2010)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from .dataset import Splits
from .digit_scenes import DigitScenes
from .files import IMAGE_SUFFIXES, listed
from .image_folder import SPLIT_SEED
from .joint import Size
from .lay_on import DrawnOn
from .mask_files import save_image, write_mask
from .pairs import MaskFiles, PairedImages, TargetSource
from .splitting import content_split
from .targets import VOID
from .vision import MissingData, data_root

VOC_CLASSES = [
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog", "horse",
    "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
]  # fmt: skip
LISTS = Path("ImageSets", "Segmentation")


@dataclass(frozen=True, eq=False)
class VocObjects:
    """The objects of each image, from a file of object numbers and one of classes: targets as `coco.object_masks` gives them, without ids.

    An object's pixels have one number from 1; its class is that of most of its pixels that are not void. An object that is void all over, and
    whatever is void in either file and no object, is void.
    """

    objects: MaskFiles
    classes: MaskFiles

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        numbers, classes = self.objects[index], self.classes[index]
        if numbers.shape != classes.shape:
            raise ValueError(
                f"{self.objects.files[index]} has {list(numbers.shape)} pixels and {self.classes.files[index]} {list(classes.shape)}"
            )
        void, masks, labels = torch.maximum(numbers, classes) == VOID, [], []
        for number in numbers.unique().tolist():
            named = classes[(numbers == number) & (classes != VOID)]
            if number not in (0, VOID) and len(named):
                masks.append(numbers == number)
                labels.append(int(named.long().mode().values))
                void = void & ~masks[-1]
        empty = torch.zeros(0, *numbers.shape, dtype=torch.bool)
        return {
            "masks": torch.stack(masks) if masks else empty,
            "labels": torch.tensor(labels, dtype=torch.int64),
            "void": void,
        }

    def select(self, indices: Sequence[int]) -> VocObjects:
        return replace(self, objects=self.objects.select(indices), classes=self.classes.select(indices))

    def digest(self, index: int) -> str:
        return self.objects.digest(index) + self.classes.digest(index)


def voc_images(
    folder: str | Path,
    part: str,
    kind: Literal["classes", "objects"] = "classes",
    *,
    classes: Sequence[str] = VOC_CLASSES,
    size: Size | None = None,
    channels: int = 3,
    drawn_on: DrawnOn = "",
    name: str = "voc",
) -> PairedImages:
    """The images of one list of a folder in VOC's layout: items (uint8 [C, h, w], target); 255 is void, VOC's border around objects.

    Args:
        folder: with JPEGImages, SegmentationClass and ImageSets/Segmentation/PART.txt.
        part: "train", "val", "trainval", ....
        kind: "classes": masks [h, w] of class numbers; "objects": see `VocObjects`.
        size, channels, drawn_on: see `PairedImages`.

    Raises:
        FileNotFoundError: the list, or files that it names. ValueError: an empty list, or a name that stands in it twice.
    """
    if kind not in ("classes", "objects"):
        raise ValueError(f'kind must be "classes" or "objects", got {kind!r}')
    folder = Path(folder)
    names = read_list(folder / LISTS / f"{part}.txt")
    pictures = {
        file.stem: file for file in sorted((folder / "JPEGImages").iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES
    }
    files = [pictures.get(stem, folder / "JPEGImages" / f"{stem}.jpg") for stem in names]
    masks = {
        sub: [folder / sub / f"{stem}.png" for stem in names] for sub in ("SegmentationClass", "SegmentationObject")
    }
    needed = [*files, *masks["SegmentationClass"], *masks["SegmentationObject"] * (kind == "objects")]
    if missing := [file.relative_to(folder).as_posix() for file in needed if not file.is_file()]:
        raise FileNotFoundError(
            f"{len(missing):,} files of the list {part}.txt are not in {folder}: {listed(missing, 5)}"
        )
    targets: TargetSource = MaskFiles(masks["SegmentationClass"])
    if kind == "objects":
        targets = VocObjects(MaskFiles(masks["SegmentationObject"]), MaskFiles(masks["SegmentationClass"]))
    variant = f"{folder.name}, {part}: {len(names):,} images, {kind}"
    return PairedImages(files, targets, list(classes), size, channels, drawn_on, name=name, variant=variant)


def voc(
    root: str | Path | None = None,
    kind: Literal["classes", "objects"] = "classes",
    *,
    year: str = "2012",
    size: Size | None = None,
    val_fraction: float = 0.1,
) -> Splits:
    """VOC's segmentation set. Its list val is the test split, as in all papers; ours for validation is cut from its list train by content.

    Args:
        root: VOCdevkit/VOC2012, or a folder above it; default: `data_root()`.
        kind, size: see `voc_images`.

    Raises:
        MissingData: naming the folders looked in. Others: see `voc_images`.
    """
    base, inner = Path(root) if root is not None else data_root(), Path("VOCdevkit", f"VOC{year}")
    folders = [base, base / f"VOC{year}", base / inner, base / "voc" / inner, base / "voc-sample" / inner]
    found = next(
        (f for f in folders if (f / LISTS / "train.txt").is_file() and (f / LISTS / "val.txt").is_file()), None
    )
    if found is None:
        raise MissingData(
            f"no VOC {year} in any of these: {listed([str(f) for f in folders])}. Expected is {LISTS}/train.txt and val.txt in it; "
            "torchvision's VOCSegmentation(download=True) gets it; set VIT_DATA to the folder that holds VOCdevkit"
        )
    train, test = (voc_images(found, part, kind, size=size) for part in ("train", "val"))
    parts = content_split(train.digests(), (1 - val_fraction, val_fraction, 0.0), SPLIT_SEED)
    return Splits(train.select(parts[0]), train.select(parts[1]), test)


def read_list(path: Path) -> list[str]:
    """The names in a list, one a line; blank lines say nothing. Raises ValueError for a list that is empty or names something twice."""
    if not path.is_file():
        raise FileNotFoundError(f"the list {path} is not there; it names one image a line, without suffix")
    names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if not names:
        raise ValueError(f"the list {path} is empty; it should name one image a line")
    if len({*names}) < len(names):
        twice = sorted(name for name in {*names} if names.count(name) > 1)
        raise ValueError(f"{path} names {len(twice):,} images twice, such as {listed(twice, 3)}; remove the second")
    return names


def write_voc_scenes(scenes: DigitScenes, root: str | Path, part: str = "train", year: str = "2012") -> Path:
    """Write scenes as ROOT/VOCdevkit/VOC2012/..., images as PNG, which keeps their pixels. Returns the folder that `voc_images` takes.

    Raises:
        ValueError: a scene has more than 254 digits, which a mask file cannot number.
    """
    folder = Path(root) / "VOCdevkit" / f"VOC{year}"
    for sub in ("JPEGImages", "SegmentationClass", "SegmentationObject", str(LISTS)):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    if int(scenes.instance_masks.max()) >= VOID:
        raise ValueError(
            f"a scene has {int(scenes.instance_masks.max())} digits, but a mask file numbers 254 objects at most"
        )
    names = [f"{part}_{i:06d}" for i in range(1, len(scenes) + 1)]
    for name, image, classes, objects in zip(names, scenes.images, scenes.class_masks, scenes.instance_masks):
        save_image(image, folder / "JPEGImages" / f"{name}.png")
        write_mask(classes, folder / "SegmentationClass" / f"{name}.png")
        write_mask(objects, folder / "SegmentationObject" / f"{name}.png")
    (folder / LISTS / f"{part}.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return folder
