"""A folder of one's own images with their masks as a data set: `mask_folder("leaves", ["soil", "leaf"])`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .class_file import named_classes
from .dataset import Splits
from .files import Sight, images_below, listed, look, printable
from .image_folder import SPLIT_SEED
from .joint import Size
from .lay_on import DrawnOn
from .layout import SPLIT_NAMES, holds
from .mask_files import Table
from .pair_splits import AllPairs
from .pair_survey import BadPairs, PairReport, survey
from .pairs import MaskFiles, PairedImages

Pair = tuple[str, Path, Path]  # (split, image, mask)
EXPECTED = "images/ and masks/ with files of equal names (images/a.jpg, masks/a.png), with train, val and test above or below them, or without"


def mask_folder(
    root: str | Path,
    classes: Sequence[str] | None = None,
    *,
    table: Table | None = None,
    mask_suffix: str = "",
    drawn_on: DrawnOn = "",
    size: Size | None = None,
    channels: int = 3,
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = SPLIT_SEED,
    memory_budget: int = 2**30,
    progress: bool | None = None,
    name: str | None = None,
) -> Splits:
    """Read ROOT/images and ROOT/masks, paired by name, with or without a level of train, val and test.

    The levels may be ROOT/images/train or ROOT/train/images. A split that is not there is cut from the training images by content, so that an
    image keeps its split when others are added (see `splitting.hashed_split`). All files are decoded once before training starts, and what is
    wrong with them is said in one report (see `pair_survey.survey`).

    Args:
        classes: names of the numbers 0, 1, ... in the masks; default: the lines of ROOT/classes.txt, see `named_classes`.
        table: what the masks hold -> class numbers, see `read_mask`: {255: 1} for black and white masks, {(128, 0, 0): 1, ...} for colours;
            default: what ROOT/classes.txt says.
        mask_suffix: what stands behind the image's name in the mask's: "_mask" for a.jpg and a_mask.png.
        drawn_on, size, channels: see `PairedImages`.
        memory_budget: bytes; images of one size within it are held as `TensorImages`, with their own mean and standard deviation.

    Returns:
        `Splits`; `.report` is a `PairReport`.

    Raises:
        FileNotFoundError, NotADirectoryError: no such folder. ValueError: no images and masks in it, or no names for the classes.
        BadPairs (a ValueError): faulty files, with the whole report.
    """
    if not (val_fraction > 0 and test_fraction > 0 and val_fraction + test_fraction < 1):
        raise ValueError(
            f"val_fraction and test_fraction are above 0 and together below 1, got {val_fraction} and {test_fraction}"
        )
    found = all_pairs(
        root, classes, table=table, mask_suffix=mask_suffix, drawn_on=drawn_on, size=size, channels=channels, progress=progress, name=name
    )  # fmt: skip
    splits = found.divided(val_fraction, test_fraction, split_seed)
    one_size = size is not None or len({one.size for one in found.seen}) == 1
    height, width = size or found.seen[0].size
    if one_size and len(found.seen) * (channels + 1) * height * width <= memory_budget:
        parts = [part.in_memory() for part in splits if isinstance(part, PairedImages)]
        return Splits(*parts, report=splits.report)
    return splits


def all_pairs(
    root: str | Path,
    classes: Sequence[str] | None = None,
    *,
    table: Table | None = None,
    mask_suffix: str = "",
    drawn_on: DrawnOn = "",
    size: Size | None = None,
    channels: int = 3,
    progress: bool | None = None,
    name: str | None = None,
) -> AllPairs:
    """All images of a folder with their masks, whichever split they lie in. Arguments and errors: see `mask_folder`."""
    root = Path(root).expanduser()
    if not root.is_dir():
        problem = NotADirectoryError if root.exists() else FileNotFoundError
        raise problem(f"{root.absolute()} is no folder; give one with {EXPECTED}")
    report = PairReport(root)
    pairs = find_pairs(root, mask_suffix, report)
    names, table = named_classes(root, classes, table)
    seen, report = survey(root, pairs, names, table, drawn_on, report, progress)
    images = PairedImages(
        [image for _, image, _ in pairs], MaskFiles([mask for _, _, mask in pairs], table), names, size, channels, drawn_on,
        name or root.name, f"folder {root.name}: {len(pairs):,} images with masks of {len(names)} classes",
        contents=[one.image for one in seen],
    )  # fmt: skip
    return AllPairs(images, [split for split, _, _ in pairs], seen, report)


def find_pairs(root: Path, mask_suffix: str, report: PairReport) -> list[Pair]:
    """All (split, image, mask) below root, sorted; images and masks without a partner are faults of the report.

    Raises:
        ValueError: there are no folders of images and masks, or nothing in them.
    """
    folders = folders_of_pairs(root, report)
    if not folders:
        inner, beside = look(root, Sight())
        there = [folder.name for folder in inner] + [f"{len(beside):,} images that lie in no folder"] * bool(beside)
        raise ValueError(
            f"{root} has no folders of images and masks, but {listed(there) or 'no folders'}; expected are {EXPECTED}"
        )
    pairs: list[Pair] = []
    for split, images, masks in folders:
        by_name = _by_name(images, report), _by_name(masks, report)
        for key, image in by_name[0].items():
            mask = by_name[1].pop(key + mask_suffix, None)
            if mask is None:
                report.fault("images have no mask", printable(image.relative_to(root).as_posix()))
            else:
                pairs.append((split, image, mask))
        for mask in by_name[1].values():
            report.fault("masks have no image", printable(mask.relative_to(root).as_posix()))
    if not pairs:
        suffix = _common_suffix(folders)
        hint = f"; give mask_suffix={suffix!r} (--set mask_suffix={suffix})" if suffix else f". Expected are {EXPECTED}"
        raise BadPairs(f"no image of {root} has a mask: {report}{hint}", report)
    return pairs


def _common_suffix(folders: Sequence[tuple[str, Path, Path]]) -> str:
    """What stands behind an image's name in the name of its mask, where that is the same for the first of every folder; or nothing."""
    found = set()
    for _, images, masks in folders:
        names = [[file.stem for file in images_below(folder, Sight())[:1]] for folder in (images, masks)]
        if not all(names) or not names[1][0].startswith(names[0][0]):
            return ""
        found.add(names[1][0].removeprefix(names[0][0]))
    return found.pop() if len(found) == 1 else ""


def folders_of_pairs(root: Path, report: PairReport) -> list[tuple[str, Path, Path]]:
    """(split, folder of images, folder of masks); the split is "all" where there are none."""
    if (both := _two(root)) is not None:
        folders, files = look(both[0], Sight())
        inner = {SPLIT_NAMES[f.name.lower()]: f for f in folders if f.name.lower() in SPLIT_NAMES}
        if not inner:
            return [("all", *both)]
        if beside := [f.name for f in (*folders, *files) if f not in inner.values()]:
            report.notes.append(f"left out, because it is in no split: {listed(beside, 5)} in {both[0].name}")
        return [(split, images, both[1] / images.name) for split, images in inner.items()]
    found = []
    for folder in look(root, Sight())[0]:
        if folder.name.lower() in SPLIT_NAMES and (both := _two(folder)) is not None:
            found.append((SPLIT_NAMES[folder.name.lower()], *both))
    return found


def _two(folder: Path) -> tuple[Path, Path] | None:
    """The folder of images and the folder of masks in it. Raises ValueError where there are two of a kind."""
    kinds: dict[str, list[Path]] = {"images": [], "masks": []}
    for inner in look(folder, Sight())[0]:
        if (kind := holds(inner.name)) is not None:
            kinds[kind].append(inner)
    if not kinds["images"] or not kinds["masks"]:
        return None
    for kind, found in kinds.items():
        if len(found) > 1:
            raise ValueError(
                f"{folder} has {len(found)} folders of {kind}, {listed([f.name for f in found])}; leave one"
            )
    return kinds["images"][0], kinds["masks"][0]


def _by_name(folder: Path, report: PairReport) -> dict[str, Path]:
    """The files below a folder by their path in it without suffix; two that differ in suffix alone are a fault."""
    found: dict[str, Path] = {}
    for file in images_below(folder, Sight()) if folder.is_dir() else []:
        key = file.relative_to(folder).with_suffix("").as_posix()
        if key in found:
            report.fault("files differ in their suffix alone", f"{found[key].name} and {file.name}")
        found[key] = file
    return found
