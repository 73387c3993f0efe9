"""Any folder of images as a data set: `image_folder("photos", img_size=64)`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from vit_tutorial.patches import pair

from .cutting import SPLIT_SEED, cut_splits
from .dataset import Splits
from .decode import WHITE
from .folder import Reading, read_folder
from .packed import ImageFile
from .remember import RememberedSplit
from .scan import FolderReport, scan

FEW = 5  # training images of a class that are few enough to say so


def image_folder(
    root: str | Path,
    img_size: int | tuple[int, int],
    on_bad: Literal["stop", "skip"] = "stop",
    on_leak: Literal["stop", "drop"] = "stop",
    *,
    channels: int = 3,
    background: tuple[int, int, int] = WHITE,
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = SPLIT_SEED,
    memory_budget: int = 2**30,
    check: bool = True,
    threads: int | None = None,
    progress: bool | None = None,
    name: str | None = None,
    split: Literal["hash", "shuffle"] = "hash",
    group_by: str = "",
    value_range: str | tuple[int, int] = "auto",
    labelled: bool = True,
) -> Splits:
    """Read ROOT/{train,val,test}/CLASS/... or ROOT/CLASS/..., at any depth below CLASS.

    A split that is not there is cut from the training images, so that an image keeps its split when others are added. Folders
    are read as they are: links are followed, folders of the system (@eaDir, __MACOSX), hidden files and files that are no images
    are left out and counted, and what may not be read is an error. All images are decoded once, in full, before training
    starts, so a truncated one is found now and not in epoch 7. Files with the same content are found too: copies of one image go into one split when
    splits are cut, and may not be in two splits, or in two classes, that are there.

    Args:
        img_size: H = W, or (H, W): shorter side resized (bicubic, antialiased), centre cut out.
        on_bad: "stop" raises `BadImages` with the list; "skip" leaves those files out, warns and reports them.
        on_leak: "stop" raises `LeakedImages` where an image is in two splits or in two classes; "drop" keeps the copy in
            the test split, or else in the validation split, and leaves out images with two class names; it warns and reports.
        channels: 3 (RGB) or 1 (grey).
        background: colour behind transparent pixels, RGB.
        val_fraction, test_fraction: of the images that are split, for splits that are not there.
        split_seed: of that cut; keep it apart from the training seed.
        memory_budget: bytes. A set of N C H W bytes within it is held as `TensorImages`, with its own mean and
            standard deviation; a larger one is decoded item by item (`FileImages`), with ImageNet's.
        check: decode every file of a larger set once. Without, a bad file stops training when it is reached, and copies are
            not looked for.
        threads, progress: see `decode.decode_all`.
        name: of the data set; default: the folder's.
        split: how missing splits are cut. "hash": an image's content decides (see `splitting.hashed_split`), whatever else is in the
            folder. "shuffle": all images of a class are shuffled and divided, which is exact in number and moves images between
            the splits when one is added; what recipes did before there was a choice.
        group_by: keep images of one origin in one split: "folder" for those in one folder below their class, or a regular
            expression that is searched in each file's path, of which the groups, or the whole match, name the origin.
        value_range: of 16-bit grey files, see `decode.range_of`: "full" maps 0..65535 onto 0..255, "data" what the training images hold, "auto"
            takes "data" where "full" would leave fewer than 64 levels; or (low, high).
        labelled: False for pre-training on images that nobody has named: then one folder below ROOT is enough.

    Returns:
        `Splits`; `.report` says what was read, skipped and ignored.

    Raises:
        FileNotFoundError, NotADirectoryError, PermissionError, ValueError: see `scan.scan`.
        BadImages (a ValueError): files that cannot be decoded.
        LeakedImages (a ValueError): see `on_leak`.
    """
    root = Path(root).expanduser()
    how = Reading(
        pair(img_size), channels, background, value_range, on_bad, on_leak, memory_budget, check, threads, progress
    )
    found, report = scan(root, labelled=labelled)
    classes = list(found.get("train", found.get("all", {})))
    return cut_and_build(
        root,
        found,
        classes,
        report,
        how,
        "image folder",
        val_fraction,
        test_fraction,
        split_seed,
        split,
        group_by,
        name,
    )


def cut_and_build(
    root: Path,
    found: Mapping[str, Mapping[str, Sequence[ImageFile]]],
    classes: list[str],
    report: FolderReport,
    how: Reading,
    kind: str,
    val_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = SPLIT_SEED,
    split: str = "hash",
    group_by: str = "",
    name: str | None = None,
) -> Splits:
    """The splits of the images that were found, {split: {class: files}}: read, without the bad ones, those cut that are missing.

    Args:
        kind: of source, for the sentence that says which data this is: "image folder", "shards". The others: see `image_folder`.
    """
    if split not in ("hash", "shuffle"):
        raise ValueError(f'split must be "hash" or "shuffle", got {split!r}')
    folder = read_folder(root, found, report, classes, how)
    for split_name in found:
        if split_name not in folder.given:
            raise ValueError(f"the split {split_name} of {root} has no readable image; add some, or remove its folder")
    parts = cut_splits(folder, val_fraction, test_fraction, split, split_seed, group_by)
    _count_classes([[folder.labels[i] for i in part] for part in parts], classes, report)
    variant = f"{kind} {root.name}: {len(folder.files):,} images, {len(classes)} classes, resized to {how.size[0]}x{how.size[1]}"
    if made := ", ".join(part for part in ("train", "val", "test") if part not in found):
        rule = "content" if split == "hash" else "class"
        variant += f"; {made} split by {rule}{f', grouped by {group_by}' * bool(group_by)}, split seed {split_seed}"
    train, val, test = (folder.build(part, name or root.name, variant) for part in parts)
    remembered = RememberedSplit.of(train.digests(), val.digests(), test.digests())
    return Splits(train, val, test, report=report, remembered=remembered)


def _count_classes(labels: list[list[int]], classes: list[str], report: FolderReport) -> None:
    """Tell the report which classes have few training images, and which have none to be judged by."""
    train, val, test = (Counter(classes[label] for label in part) for part in labels)
    report.small = {name: train[name] for name in classes if train[name] < FEW}
    for split, counts in (("val", val), ("test", test)):
        if missing := [name for name in classes if not counts[name]]:
            report.untested[split] = missing
