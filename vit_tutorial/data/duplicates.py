"""Copies of an image: in two splits, where the test would ask what was taught, or, in a folder, under two names."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from .dataset import Splits
from .files import listed
from .packed import ImageFile, file_name
from .scan import FolderReport

PRECIOUS = ("train", "all", "val", "test")  # of a leaked image the copies in the last of these are kept


class LeakedImages(ValueError):
    """One image in two splits or in two classes; `.files` holds the file names of each such image's copies."""

    def __init__(self, message: str, files: list[list[str]]) -> None:
        super().__init__(message)
        self.files = files


def settle_copies(
    root: Path,
    items: Sequence[tuple[str, int, ImageFile]],
    contents: Sequence[bytes],
    on_leak: str,
    report: FolderReport,
) -> list[int]:
    """Which items stay, so that no image is in two splits or in two classes. Copies are equal byte for byte.

    Copies within one class of one split all stay: they only weigh that image more. They are counted in the report.

    Args:
        root: of the file names in messages.
        items: N (split, label, file).
        contents: N digests of the files' contents.
        on_leak: "stop" raises; "drop" keeps a leaked image in the test split, or else in the validation split, and
            leaves an image with two labels out altogether, with a warning.
        report: is told what was dropped and counted.

    Returns:
        Sorted positions in `items`.

    Raises:
        LeakedImages: on_leak is "stop" and there is such an image. The message names the files and says what to do.
    """
    copies: dict[bytes, list[int]] = {}
    for index, content in enumerate(contents):
        copies.setdefault(content, []).append(index)
    conflicts, leaks = [], []
    for group in copies.values():
        group.sort(key=lambda i: PRECIOUS.index(items[i][0]))
        if len({items[i][1] for i in group}) > 1:
            conflicts.append(group)
        elif len({items[i][0] for i in group}) > 1:
            leaks.append(group)

    def names(groups: list[list[int]]) -> list[list[str]]:
        return [[file_name(items[i][2], root) for i in group] for group in groups]

    faults = []
    if leaks:
        shown = listed([" = ".join(group) for group in names(leaks)])
        faults.append(f"{len(leaks):,} image(s) in two splits of {root}, where a score would be too good: {shown}")
    if conflicts:
        shown = listed([" = ".join(group) for group in names(conflicts)])
        faults.append(f"{len(conflicts):,} image(s) in two classes of {root}, where one name is wrong: {shown}")
    if faults and on_leak == "stop":
        raise LeakedImages(
            f'{"; ".join(faults)}. Remove the copies that do not belong there, or pass on_leak="drop" (--set on_leak=drop) '
            "to leave leaked images out of training and images with two names out of everything",
            names(leaks) + names(conflicts),
        )
    dropped = {index for group in conflicts for index in group}
    for group in leaks:
        dropped |= {index for index in group if items[index][0] != items[group[-1]][0]}
    if faults:
        report.dropped = sorted(name for (name,) in names([[index] for index in dropped]))
        report.images -= len(dropped)
        warnings.warn(f"{'; '.join(faults)}. Left out: {listed(report.dropped)}", stacklevel=3)
    stay = [index for index in range(len(items)) if index not in dropped]
    report.copies = len(stay) - len({contents[index] for index in stay})
    return stay


@dataclass(frozen=True)
class Leak:
    """One image that stands in two splits: (split, item name) twice."""

    first: tuple[str, str]
    second: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.first[0]}: {self.first[1]} = {self.second[0]}: {self.second[1]}"


def find_leaks(splits: Splits) -> list[Leak]:
    """Images whose content is byte for byte the same in two splits, found by their SHA-256 digests.

    A model that has seen a test image in training is scored too well. Copies that were re-encoded, resized or
    retouched are not found. A copy of one image within a split is no leak and is not listed.
    """
    found: list[Leak] = []
    named = {"train": splits.train, "val": splits.val, "test": splits.test}
    for (first_name, first), (second_name, second) in combinations(named.items(), 2):
        where = {digest: index for index, digest in enumerate(first.digests())}
        for index, digest in enumerate(second.digests()):
            if digest in where:
                item = (first_name, first.item_name(where[digest]))
                found.append(Leak(item, (second_name, second.item_name(index))))
    return found
