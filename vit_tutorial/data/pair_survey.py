"""Images and masks looked at before training: every file decoded once, every fault in one report."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from .decode import load_image, one_line
from .files import listed, printable
from .lay_on import DrawnOn, lay_on, stored_orientation
from .mask_files import Table, read_mask
from .targets import VOID


class BadPairs(ValueError):
    """Images and masks that cannot be used together; `.report` says which and why."""

    def __init__(self, message: str, report: PairReport) -> None:
        super().__init__(message)
        self.report = report


@dataclass
class PairReport:
    """What was found in a folder of images and masks.

    Fields:
        images: pairs that are there.
        faults: by kind, the files concerned; any of them stops. notes: what looks odd and does not.
        pixels: by split, how many pixels each class has, and void last: int64 [K + 1].
    """

    root: Path = Path()
    classes: list[str] = field(default_factory=list)
    images: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    pixels: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def fault(self, kind: str, what: str) -> None:
        self.faults.setdefault(kind, []).append(what)

    def __str__(self) -> str:
        lines = [f"{self.root}: {self.images:,} images with masks of {len(self.classes)} classes"]
        lines += [f"{len(files):,} {kind}: {listed(files, 5)}" for kind, files in self.faults.items()]
        lines += self.notes
        for split, counts in self.pixels.items():
            shares = [
                f"{name} {n / counts.sum():.1%}" for name, n in zip([*self.classes, "void"], counts.tolist()) if n
            ]
            lines.append(f"pixels of {split}: {listed(shares, 30)}")
        return "; ".join(lines)


@dataclass(frozen=True)
class Seen:
    """One pair: (height, width), digests of the image file and of the mask as it is read, and how many pixels have each value, [256]."""

    size: tuple[int, int]
    image: bytes
    mask: bytes
    counts: NDArray[np.int64]


def survey(
    root: Path,
    pairs: Sequence[tuple[str, Path, Path]],
    classes: list[str],
    table: Table | None = None,
    drawn_on: DrawnOn = "",
    report: PairReport | None = None,
    progress: bool | None = None,
    read: Callable[[Path], Tensor] | None = None,
) -> tuple[list[Seen], PairReport]:
    """Decode all pairs and look for what would spoil training.

    Faults are files that cannot be decoded, masks of another size than their image or that may lie on it in two ways, numbers beyond
    the classes, an image in two splits, and an image with two different masks. Masks that are void all over, copies within a split and classes
    without a pixel are notes.

    Args:
        root: of the file names in messages.
        pairs: N (split, image, mask); the split is "all" where there are none.
        table, drawn_on: see `read_mask` and `PairedImages`.
        read: makes a mask of what stands in its place in a pair; default: `read_mask` with the table.

    Raises:
        BadPairs: there are faults; the message is the whole report with what to do.
    """
    report = report or PairReport(root)
    report.classes, report.images = classes, len(pairs)
    mask_of = read or (lambda file: read_mask(file, table))

    def look(pair: tuple[str, Path, Path]) -> Seen | tuple[str, str]:
        _, image, mask = pair
        try:
            size, turn, digest = _image(image)
        except Exception as error:  # Pillow's plug-ins raise many kinds
            return "images cannot be decoded", f"{_name(root, image)} ({one_line(error)})"
        try:
            numbers: Tensor = lay_on(mask_of(mask), size, turn, drawn_on, _name(root, image))
        except (OSError, ValueError) as error:
            return "masks do not fit or cannot be read", f"{_name(root, mask)} ({one_line(error)})"
        values = numbers.numpy()
        return Seen(size, digest, hashlib.sha256(values.tobytes()).digest(), np.bincount(values.ravel(), minlength=256))

    seen: list[Seen] = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        hide = None if progress is None else not progress
        for found in tqdm(pool.map(look, pairs), desc="check", total=len(pairs), unit="pair", disable=hide):
            if isinstance(found, Seen):
                seen.append(found)
            else:
                report.fault(*found)
    if len(seen) == len(pairs):
        names = [_name(root, image) for _, image, _ in pairs]
        _values(report, [_name(root, mask) for _, _, mask in pairs], seen, from_files=read is None)
        _copies(report, [split for split, _, _ in pairs], names, seen)
    if report.faults:
        raise BadPairs(f"{report}. {_remedy(report)}", report)
    return seen, report


def count_pixels(report: PairReport, parts: dict[str, list[Seen]]) -> None:
    """Tell the report how many pixels each class has in each split, and which have none.

    Raises:
        ValueError: the training images show one class only.
    """
    K = len(report.classes)
    for split, seen in parts.items():
        counts = _sum(seen)
        report.pixels[split] = np.append(counts[:K], counts[VOID])
        if absent := [name for name, n in zip(report.classes, counts.tolist()) if not n]:
            report.notes.append(f"no pixel of {listed(absent)} in {split}")
    seen_classes = [name for name, n in zip(report.classes, report.pixels["train"].tolist()) if n]
    if parts["train"] and len(seen_classes) < 2:
        void = ["void"] if report.pixels["train"][K] else []
        raise ValueError(
            f"{report.root}: all pixels of the training images are {' or '.join(seen_classes + void)}, so there is nothing to tell apart; "
            "annotate what is to be found"
        )


def _image(file: Path) -> tuple[tuple[int, int], int, bytes]:
    """(height, width) once upright, the orientation as stored, and the SHA-256; the whole image is decoded."""
    content = file.read_bytes()
    image = load_image(content)
    return (image.height, image.width), stored_orientation(content), hashlib.sha256(content).digest()


def _values(report: PairReport, names: list[str], seen: list[Seen], from_files: bool) -> None:
    K = len(report.classes)
    everything = _sum(seen)
    if from_files and set(np.flatnonzero(everything).tolist()) == {0, VOID}:
        kind = (
            f"masks have no values but 0 and {VOID}, and {VOID} is void: for two classes give the table {{{VOID}: 1}}, "
            f"in classes.txt as {report.classes[1]} = {VOID}"
        )
        report.faults[kind] = names
        return
    for name, one in zip(names, seen):
        beyond = [value for value in np.flatnonzero(one.counts).tolist() if K <= value < VOID]
        if beyond:
            values = listed([f"{value} in {one.counts[value]:,} pixels" for value in beyond], 3)
            report.fault(
                f"masks have numbers beyond the {K} classes, which are 0 to {K - 1}, and {VOID} for void",
                f"{name} ({values})",
            )
    empty = [name for name, one in zip(names, seen) if one.counts[VOID] == one.counts.sum()]
    if empty:
        report.notes.append(f"{len(empty):,} masks are void all over: {listed(empty, 5)}")


def _copies(report: PairReport, splits: list[str], names: list[str], seen: list[Seen]) -> None:
    groups: dict[bytes, list[int]] = {}
    for i, one in enumerate(seen):
        groups.setdefault(one.image, []).append(i)
    copies = 0
    for group in groups.values():
        shown = " = ".join(names[i] for i in group)
        if len({splits[i] for i in group}) > 1:
            report.fault("images are in two splits, where a score would be too good", shown)
        if len({seen[i].mask for i in group}) > 1:
            report.fault("images have two different masks", shown)
        copies += len(group) - 1
    if copies:
        report.notes.append(f"{copies:,} images are copies of another")


def _remedy(report: PairReport) -> str:
    said = "Mend or remove these files"
    if any("beyond" in kind for kind in report.faults):
        said += "; of numbers beyond the classes, name their classes too, or turn them into void with a table such as {17: 255}, in classes.txt as void = 17"
    return said


def _sum(seen: list[Seen]) -> NDArray[np.int64]:
    return np.stack([np.zeros(256, np.int64), *(one.counts for one in seen)]).sum(0)


def _name(root: Path, file: Path) -> str:
    return printable(file.relative_to(root).as_posix())
