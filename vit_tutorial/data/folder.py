"""Reading a folder: every image that `scan` found, decoded, without the bad ones and without copies that do harm."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .dataset import TensorImages
from .decode import FAINT, FULL_RANGE, WHITE, Survey, decode_all, range_of
from .duplicates import settle_copies
from .file_images import BadImages, FileImages
from .files import listed
from .packed import ImageFile, file_name
from .scan import FolderReport


@dataclass(frozen=True)
class Reading:
    """How the images of a folder are read. `image_folder` says what each field means.

    Raises:
        ValueError: a choice that there is not.
    """

    size: tuple[int, int]
    channels: int = 3
    background: tuple[int, int, int] = WHITE
    value_range: str | tuple[int, int] = "auto"
    on_bad: str = "stop"
    on_leak: str = "stop"
    memory_budget: int = 2**30
    check: bool = True
    threads: int | None = None
    progress: bool | None = None

    def __post_init__(self) -> None:
        if self.on_bad not in ("stop", "skip"):
            raise ValueError(f'on_bad must be "stop" or "skip", got {self.on_bad!r}')
        if self.on_leak not in ("stop", "drop"):
            raise ValueError(f'on_leak must be "stop" or "drop", got {self.on_leak!r}')
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (RGB), got {self.channels}")


@dataclass
class Folder:
    """Every good image of a folder: N files, the split each lies in ("all" without splits), its label and content."""

    root: Path
    classes: list[str]
    how: Reading
    limits: tuple[int, int]  # the 16-bit values that become 0 and 255
    files: list[ImageFile]
    given: list[str]
    labels: list[int]
    images: Tensor | None  # uint8 [N, C, H, W]
    contents: list[bytes] | None
    report: FolderReport

    def build(self, part: Sequence[int], name: str, variant: str) -> TensorImages | FileImages:
        """The items at these positions as a data set."""
        files, labels = [self.files[i] for i in part], torch.tensor([self.labels[i] for i in part], dtype=torch.int64)
        contents = None if self.contents is None else [self.contents[i] for i in part]
        if self.images is not None:
            names = [file_name(file, self.root) for file in files]
            pixels = self.images[torch.tensor(part, dtype=torch.int64)]
            return TensorImages(pixels, labels, self.classes, name, variant, files=names, contents=contents)
        how = self.how
        return FileImages(
            files, labels, self.classes, how.size, how.channels, how.background, name, variant, contents=contents,
            value_range=self.limits,
        )  # fmt: skip


def read_folder(
    root: Path,
    found: Mapping[str, Mapping[str, Sequence[ImageFile]]],
    report: FolderReport,
    classes: list[str],
    how: Reading,
) -> Folder:
    """Decode what `scan` found, and leave out what is bad or a copy."""
    triples = [
        (split, classes.index(cls), file) for split, by in found.items() for cls, files in by.items() for file in files
    ]
    files, good = [file for _, _, file in triples], list(range(len(triples)))
    in_memory = len(triples) * how.channels * how.size[0] * how.size[1] <= how.memory_budget
    images, contents = None, None
    limits = FULL_RANGE if isinstance(how.value_range, str) else how.value_range
    if in_memory or how.check:
        survey = Survey([split in ("train", "all") for split, _, _ in triples])
        images, contents, bad = decode_all(
            files, how.size, how.channels, how.background, in_memory, how.threads, how.progress, limits, survey
        )
        if isinstance(how.value_range, str):
            limits = range_of(survey.counts, how.value_range)
            _stretch(files, images, survey, limits, how)
        report.value_range = limits if survey.wide else None
        deep = {triples[i][1] for i in survey.wide}
        if (
            deep
            and deep.isdisjoint(label for i, (_, label, _) in enumerate(triples) if i not in survey.wide)
            and len(deep) < len(classes)
        ):
            report.notes.append(
                f"all images of {listed([classes[k] for k in sorted(deep)])} have 16 bits and no others have: a model may learn how they were "
                "stored, and not what they show"
            )
        _handle_bad(root, files, bad, how.on_bad, report)
        good = [index for index in good if index not in bad]
        stay = settle_copies(root, [triples[i] for i in good], [contents[i] for i in good], how.on_leak, report)
        good = [good[position] for position in stay]
        report.constant = sum(survey.spread[i] == 0 for i in good)
        report.faint = sum(0 < survey.spread[i] < FAINT for i in good)
    return Folder(
        root,
        classes,
        how,
        limits,
        [files[i] for i in good],
        [triples[i][0] for i in good],
        [triples[i][1] for i in good],
        images_at(images, good) if in_memory else None,
        None if contents is None else [contents[i] for i in good],
        report,
    )


def images_at(images: Tensor | None, indices: list[int]) -> Tensor | None:
    """Those of the images, without a copy where it is all of them."""
    if images is None or len(indices) == len(images):
        return images
    return images[torch.tensor(indices, dtype=torch.int64)]


def _stretch(files: list[ImageFile], images: Tensor, survey: Survey, limits: tuple[int, int], how: Reading) -> None:
    """Decode the 16-bit files once more, now that their range is known. Changes `images`, if they are kept, and the survey."""
    if limits == FULL_RANGE or not survey.wide:
        return
    wide, keep = sorted(survey.wide), len(images) > 0
    again = Survey([False] * len(wide))
    found, _, _ = decode_all(
        [files[i] for i in wide], how.size, how.channels, how.background, keep, how.threads, False, limits, again
    )
    if keep:
        images[torch.tensor(wide)] = found
    survey.spread.update({wide[position]: spread for position, spread in again.spread.items()})


def _handle_bad(root: Path, files: list[ImageFile], bad: dict[int, str], on_bad: str, report: FolderReport) -> None:
    if not bad:
        return
    report.skipped = [(file_name(files[index], root), reason) for index, reason in bad.items()]
    report.images -= len(bad)
    names = listed([f"{file} ({reason})" for file, reason in report.skipped])
    message = f"{len(bad):,} of {len(files):,} image files in {root} cannot be decoded: {names}"
    if on_bad == "stop":
        if all(reason == os.strerror(errno.EACCES) for reason in bad.values()):
            raise PermissionError(
                f"{message}. Get the right to read them (for files of your own: chmod -R u+rX {root})"
            )
        raise BadImages(
            f'{message}. Repair or remove them, or pass on_bad="skip" (--set on_bad=skip) to leave them out',
            report.skipped,
        )
    warnings.warn(f"{message}. They are left out", stacklevel=3)
