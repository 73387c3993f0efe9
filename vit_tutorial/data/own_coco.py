"""A COCO file of one's own as a data set: `own_coco("photos/annotations.json")`, as the tools write it that people annotate with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from .coco import CocoMasks, images_of
from .coco_file import read_coco
from .dataset import Splits
from .files import listed
from .image_folder import SPLIT_SEED
from .joint import Size
from .lay_on import DrawnOn
from .layout import SPLIT_NAMES
from .pair_splits import AllPairs
from .pair_survey import PairReport, survey
from .pairs import PairedImages


def own_coco(
    file: str | Path,
    images: str | Path | None = None,
    *,
    size: Size | None = None,
    channels: int = 3,
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = SPLIT_SEED,
    on_bad: Literal["stop", "skip"] = "stop",
    drawn_on: DrawnOn = "",
    progress: bool | None = None,
) -> Splits:
    """The images of a COCO annotation file with masks of their classes, split by content: copies of an image stay together.

    Class 0 is background, the file's categories follow in its order. Every annotation is checked (see `read_coco`), and every image is
    decoded once and compared with what the file says of it, before training starts.

    Args:
        file: the JSON file; or a folder with train, val and test in which a JSON file each lies, as Roboflow exports them (see
            `annotation_files`). Of such, val and test are cut from the training images only where they are missing.
        images: the folder of the image files; default: the one of `image_root`.
        size, channels, drawn_on: see `PairedImages`. on_bad: of faulty annotations, see `read_coco`.

    Returns:
        `Splits` of `PairedImages`; `.report` is a `PairReport`.

    Raises:
        FileNotFoundError: no such file, or images that are not found. ValueError: see `read_coco`; files whose categories differ.
        BadPairs (a ValueError): images that cannot be decoded or have another size than the file says; all of them in one report.
    """
    found = all_of_coco(file, images, size=size, channels=channels, on_bad=on_bad, drawn_on=drawn_on, progress=progress)
    return found.divided(val_fraction, test_fraction, split_seed)


def all_of_coco(
    file: str | Path,
    images: str | Path | None = None,
    *,
    size: Size | None = None,
    channels: int = 3,
    on_bad: Literal["stop", "skip"] = "stop",
    drawn_on: DrawnOn = "",
    progress: bool | None = None,
) -> AllPairs:
    """All images of a COCO file, or of a folder of them, whichever split they lie in. Arguments and errors: see `own_coco`."""
    file = Path(file).expanduser()
    files = {"all": file} if file.is_file() else annotation_files(file)
    if not files:
        raise FileNotFoundError(f"there is no annotation file {file.absolute()}")
    parts = {}
    for split, path in files.items():
        read = read_coco(path, on_bad)
        folder = Path(images).expanduser() if images is not None else image_root(path, read.names[0])
        parts[split] = images_of(read, folder, "classes", size, channels, drawn_on, file.stem)
    everything = _joined(parts, files)
    targets = everything.targets
    assert isinstance(targets, CocoMasks)
    place = {image: index for index, image in enumerate(everything.files)}

    def drawn(image: Path) -> Tensor:
        mask: Tensor = targets[place[image]]
        return mask

    given = [split for split, part in parts.items() for _ in part.files]
    pairs = [(split, image, image) for split, image in zip(given, everything.files)]
    report = PairReport(folder if len(files) == 1 else file.absolute())
    seen, report = survey(report.root, pairs, everything.classes, None, drawn_on, report, progress, read=drawn)
    if without := sum(not of_image for of_image in targets.objects):
        report.notes.append(f"{without:,} images without an object are background all over")
    return AllPairs(replace(everything, contents=[one.image for one in seen]), given, seen, report)


def annotation_files(folder: Path) -> dict[str, Path]:
    """The annotation file of each split, {"train": FOLDER/train/_annotations.coco.json, ...}: folders named train, val (valid, validation) and
    test with one JSON file in each. {} where no split has one; folders with several are left out.
    """
    found: dict[str, Path] = {}
    for inner in sorted(folder.iterdir()) if folder.is_dir() else []:
        split = SPLIT_NAMES.get(inner.name.lower())
        files = sorted(inner.glob("*.json")) if split else []
        if split and len(files) == 1:
            found[split] = files[0]
    return found


def _joined(parts: dict[str, PairedImages], files: dict[str, Path]) -> PairedImages:
    """The images of several files as one. Raises ValueError where the files have different categories."""
    first, *others = parts.values()
    if not others:
        return first
    main = next(iter(parts))
    for split, part in parts.items():
        if part.classes != first.classes:
            raise ValueError(
                f"the categories of {files[main]} are {listed(first.classes[1:])}, those of {files[split]} {listed(part.classes[1:])}; "
                "give all files the same categories in the same order"
            )
    masks = [part.targets for part in parts.values() if isinstance(part.targets, CocoMasks)]
    targets = replace(
        masks[0],
        objects=[one for mask in masks for one in mask.objects],
        sizes=[one for mask in masks for one in mask.sizes],
        image_ids=[one for mask in masks for one in mask.image_ids],
    )
    variant = "; ".join(f"{split}: {part.variant}" for split, part in parts.items())
    return replace(
        first, files=[file for part in parts.values() for file in part.files], targets=targets, variant=variant
    )


def image_root(file: Path, name: str) -> Path:
    """The folder below which an image of an annotation file lies under the name that the file gives it.

    Looked for are the file's own folder and the one above it, and in each of them the folder itself, `images`, `data`, and a folder that is
    named as the file, also without the ``instances_`` before it: instances_train2017.json and train2017.

    Raises:
        FileNotFoundError: it is in none of them.
    """
    inner = ("", "images", "data", file.stem, file.stem.removeprefix("instances_"))
    above = file.absolute().parent, file.absolute().parent.parent
    folders = list(dict.fromkeys(base / folder for base in above for folder in inner))
    for folder in folders:
        if (folder / name).is_file():
            return folder
    raise FileNotFoundError(
        f"{name}, an image of {file}, is in none of {listed([str(f) for f in folders], 10)}; put the images into a folder images beside the file"
    )
