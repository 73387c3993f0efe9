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
from .pair_survey import PairReport, count_pixels, survey
from .splitting import content_split


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
    """The images of one COCO annotation file with masks of their classes, split by content: copies of an image stay together.

    Class 0 is background, the file's categories follow in its order. Every annotation is checked (see `read_coco`), and every image is
    decoded once and compared with what the file says of it, before training starts.

    Args:
        file: the JSON file.
        images: the folder of the image files; default: the one of `image_root`.
        size, channels, drawn_on: see `PairedImages`. on_bad: of faulty annotations, see `read_coco`.

    Returns:
        `Splits` of `PairedImages`; `.report` is a `PairReport`.

    Raises:
        FileNotFoundError: no such file, or images that are not found. ValueError: see `read_coco`.
        BadPairs (a ValueError): images that cannot be decoded or have another size than the file says; all of them in one report.
    """
    file = Path(file).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"there is no annotation file {file.absolute()}")
    read = read_coco(file, on_bad)
    folder = Path(images).expanduser() if images is not None else image_root(file, read.names[0])
    everything = images_of(read, folder, "classes", size, channels, drawn_on, file.stem)
    targets = everything.targets
    assert isinstance(targets, CocoMasks)
    place = {image: index for index, image in enumerate(everything.files)}

    def drawn(image: Path) -> Tensor:
        mask: Tensor = targets[place[image]]
        return mask

    pairs = [("all", image, image) for image in everything.files]
    report = PairReport(folder)
    seen, report = survey(folder, pairs, everything.classes, None, drawn_on, report, progress, read=drawn)
    if without := sum(not of_image for of_image in targets.objects):
        report.notes.append(f"{without:,} images without an object are background all over")
    everything = replace(everything, contents=[one.image for one in seen])
    parts = content_split(
        everything.digests(), (1 - val_fraction - test_fraction, val_fraction, test_fraction), split_seed
    )
    count_pixels(report, {name: [seen[i] for i in part] for name, part in zip(("train", "val", "test"), parts)})
    variant = f"{everything.variant}; split by content, split seed {split_seed}"
    train, val, test = (replace(everything.select(part), variant=variant) for part in parts)
    return Splits(train, val, test, report=report)


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
