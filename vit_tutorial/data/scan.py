"""Finding the image files of a folder: its splits, its classes, and what is no image."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"}
SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass
class FolderReport:
    """What was found in a folder of images, what was left out and why."""

    root: Path
    images: int = 0
    hidden: int = 0  # files and folders whose name starts with a dot
    not_images: Counter[str] = field(default_factory=Counter)  # by suffix
    outside_classes: list[str] = field(default_factory=list)  # image files that lie in no class folder
    unused_folders: list[str] = field(default_factory=list)  # beside train, val and test
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (file, reason) of unreadable images
    dropped: list[str] = field(default_factory=list)  # readable images left out because a copy is elsewhere
    copies: int = 0  # images that are there already, in the same class of the same split; they are used
    small: dict[str, int] = field(default_factory=dict)  # classes with few training images, and how many
    untested: dict[str, list[str]] = field(default_factory=dict)  # by split (val, test): classes it has no image of

    def __str__(self) -> str:
        lines = [f"{self.root}: {self.images:,} images"]
        if self.skipped:
            lines.append(
                f"skipped {len(self.skipped):,} unreadable: " + listed([f"{f} ({r})" for f, r in self.skipped])
            )
        if self.dropped:
            lines.append(f"left out {len(self.dropped):,} copies across splits or classes: " + listed(self.dropped))
        if self.copies:
            lines.append(f"{self.copies:,} are copies of another image of the same class, in one split with it")
        if self.not_images:
            kinds = [f"{count} {suffix or 'without suffix'}" for suffix, count in self.not_images.most_common()]
            lines.append(f"ignored {self.not_images.total():,} other files: " + listed(kinds))
        if self.hidden:
            lines.append(f"ignored {self.hidden:,} hidden files or folders")
        if self.outside_classes:
            lines.append(
                f"ignored {len(self.outside_classes):,} images in no class folder: " + listed(self.outside_classes)
            )
        if self.unused_folders:
            lines.append("ignored the folders " + listed(self.unused_folders))
        if self.small:
            lines.append("few training images: " + listed([f"{name} {n}" for name, n in self.small.items()]))
        lines += [f"no {split} image of {listed(classes)}" for split, classes in self.untested.items()]
        return "; ".join(lines)


def scan(root: Path) -> tuple[dict[str, dict[str, list[Path]]], FolderReport]:
    """Find {split: {class: files}} under ROOT/SPLIT/CLASS/..., or {"all": ...} under ROOT/CLASS/....

    A split is train, val (or valid, validation) or test, in any case. The first layout is assumed if ROOT/train has
    folders in it. Files may lie at any depth below their class. Classes and files are sorted by name.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such folder.
        ValueError: no images; fewer than two classes; an empty class; a class that train has not.
    """
    if not root.exists():
        raise FileNotFoundError(
            f"image folder {root.absolute()} does not exist; give the folder that holds train/CLASS/ or CLASS/ folders"
        )
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; give the folder that holds train/CLASS/ or CLASS/ folders")
    report = FolderReport(root)
    folders = _folders(root, FolderReport(root))
    split_folders = {f: SPLIT_NAMES[f.name.lower()] for f in folders if f.name.lower() in SPLIT_NAMES}
    has_splits = any(name == "train" and _folders(folder, FolderReport(root)) for folder, name in split_folders.items())
    splits: dict[str, dict[str, list[Path]]] = {}
    if has_splits:
        _loose_files(root, report)
        report.unused_folders = [folder.name for folder in _folders(root, report) if folder not in split_folders]
        for folder, name in split_folders.items():
            if name in splits:
                raise ValueError(f"{root} has two folders for the {name} split; rename or remove {folder.name}")
            splits[name] = _classes(folder, report)
    else:
        splits["all"] = _classes(root, report)
    _check(root, splits, report)
    report.images = sum(len(files) for classes in splits.values() for files in classes.values())
    return splits, report


def _check(root: Path, splits: dict[str, dict[str, list[Path]]], report: FolderReport) -> None:
    main = "train" if "train" in splits else "all"
    where = root / "train" if main == "train" else root
    classes = splits[main]
    expected = f"expected {where}/CLASS/image.jpg, with one folder a class ({', '.join(sorted(IMAGE_SUFFIXES))})"
    if not any(classes.values()):
        raise ValueError(f"no images in class folders under {where} ({report}); {expected}")
    if len(classes) == 1:
        only = next(iter(classes))
        inside = where / only
        deeper = inside.is_dir() and any(f.name.lower() == "train" for f in _folders(inside, FolderReport(root)))
        remedy = f"did you mean {inside}?" if deeper else "give the folder above, or add the other classes"
        raise ValueError(f"{where} has a single class folder, {only!r}, but a classifier needs two or more; {remedy}")
    for split, found in splits.items():
        for name, files in found.items():
            folder = f"{root.name}/{name}" if split == "all" else f"{root.name}/{split}/{name}"
            if name not in classes:
                raise ValueError(
                    f"class {name!r} is in {split} but not in train (which has {listed(list(classes))}); "
                    f"rename the folder {folder}, or add training images of it"
                )
            if not files:
                raise ValueError(f"class folder {folder} has no images; add some, or remove the folder")


def _classes(folder: Path, report: FolderReport) -> dict[str, list[Path]]:
    _loose_files(folder, report)
    return {inner.name: _images_below(inner, report) for inner in _folders(folder, report)}


def _images_below(folder: Path, report: FolderReport) -> list[Path]:
    found: list[Path] = []
    for where, inner, files in os.walk(folder, followlinks=True):
        report.hidden += sum(name.startswith(".") for name in (*inner, *files))
        inner[:] = [name for name in inner if not name.startswith(".")]
        for name in files:
            suffix = Path(name).suffix.lower()
            if name.startswith("."):
                continue
            if suffix in IMAGE_SUFFIXES:
                found.append(Path(where, name))
            else:
                report.not_images[suffix] += 1
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _folders(folder: Path, report: FolderReport) -> list[Path]:
    """Visible folders in `folder`, sorted by name; counts the hidden ones."""
    inner = [entry for entry in folder.iterdir() if entry.is_dir()]
    report.hidden += sum(entry.name.startswith(".") for entry in inner)
    return sorted((entry for entry in inner if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _loose_files(folder: Path, report: FolderReport) -> None:
    for entry in folder.iterdir():
        if entry.is_file():
            if entry.name.startswith("."):
                report.hidden += 1
            elif entry.suffix.lower() in IMAGE_SUFFIXES:
                report.outside_classes.append(entry.relative_to(report.root).as_posix())
            else:
                report.not_images[entry.suffix.lower()] += 1


def listed(items: list[str], most: int = 10) -> str:
    """The first few items, and how many more there are."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
