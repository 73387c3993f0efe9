"""Any folder of images as a data set: `image_folder("photos", img_size=64)`."""

from __future__ import annotations

import errno
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from .dataset import Splits, TensorImages, combine_digests
from .decode import (
    FAINT,
    FULL_RANGE,
    WHITE,
    Survey,
    as_tensor,
    decode_all,
    fit,
    hash_all,
    open_image,
    random_fit,
    range_of,
)
from .duplicates import settle_copies
from .files import listed, printable
from .origins import join_copies, looks_like_clips, origins
from .remember import PARTS, RememberedSplit
from .scan import FolderReport, same_form, scan
from .splitting import grouped_split, hashed_split

SPLIT_SEED = 20  # not a training seed
FEW = 5  # training images of a class that are few enough to say so
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class BadImages(ValueError):
    """Files that cannot be decoded; `.files` holds (file, reason) of each."""

    def __init__(self, message: str, files: list[tuple[str, str]]) -> None:
        super().__init__(message)
        self.files = files


@dataclass(eq=False)
class FileImages:
    """Images that are decoded from their files one by one: for folders too large to hold in memory.

    Item: uint8 [C, H, W] and its label. `batches` reads it through a `DataLoader`; give it a few workers.
    """

    files: list[Path]
    labels: Tensor  # [N] int64
    classes: list[str]
    size: tuple[int, int]
    channels: int = 3
    background: tuple[int, int, int] = WHITE
    name: str = "images"
    variant: str = ""
    mean: tuple[float, ...] = ()  # default: ImageNet's
    std: tuple[float, ...] = ()
    contents: list[bytes] | None = field(default=None, repr=False)
    value_range: tuple[int, int] = FULL_RANGE

    def __post_init__(self) -> None:
        if not self.mean:
            self.mean = IMAGENET_MEAN if self.channels == 3 else (sum(IMAGENET_MEAN) / 3,)
            self.std = IMAGENET_STD if self.channels == 3 else (sum(IMAGENET_STD) / 3,)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Item `index`, its shorter side resized and its centre cut out: (uint8 [C, H, W], label)."""
        return as_tensor(fit(self._open(index), self.size)), int(self.labels[index])

    def cropped(self, index: int, scale: tuple[float, float]) -> tuple[Tensor, int]:
        """Item `index` cut at random to a share of its area within `scale`, then resized: (uint8 [C, H, W], label)."""
        return as_tensor(random_fit(self._open(index), self.size, scale)), int(self.labels[index])

    def select(self, indices: Sequence[int]) -> FileImages:
        """The items `indices`, in that order, with this data set's mean and standard deviation."""
        return replace(
            self,
            files=[self.files[i] for i in indices],
            labels=self.labels[torch.as_tensor(indices, dtype=torch.int64)],
            contents=None if self.contents is None else [self.contents[i] for i in indices],
        )

    def to(self, device: torch.device | str) -> FileImages:
        """Itself: batches go to the device as they are read."""
        return self

    def item_name(self, index: int) -> str:
        return printable(str(self.files[index]))

    def digests(self) -> list[bytes]:
        """SHA-256 of each file; reads all of them once, unless that was done when the folder was checked."""
        if self.contents is None:
            self.contents = hash_all(self.files)
        return self.contents

    def fingerprint(self) -> str:
        """SHA-256 (64 hexadecimal digits) over all files' contents and class names, whatever their order."""
        return combine_digests(self.digests(), [self.classes[i] for i in self.labels.tolist()])

    def _open(self, index: int) -> Image.Image:
        try:
            return open_image(self.files[index].read_bytes(), self.channels, self.background, self.value_range)
        except Exception as error:
            reason = f"{self.files[index]} cannot be decoded ({error}); repair it, remove it, or skip bad files"
            raise BadImages(reason, [(str(self.files[index]), str(error))]) from error


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

    Returns:
        `Splits`; `.report` says what was read, skipped and ignored.

    Raises:
        FileNotFoundError, NotADirectoryError, PermissionError, ValueError: see `scan.scan`.
        BadImages (a ValueError): files that cannot be decoded.
        LeakedImages (a ValueError): see `on_leak`.
    """
    if on_bad not in ("stop", "skip"):
        raise ValueError(f'on_bad must be "stop" or "skip", got {on_bad!r}')
    if on_leak not in ("stop", "drop"):
        raise ValueError(f'on_leak must be "stop" or "drop", got {on_leak!r}')
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (RGB), got {channels}")
    if split not in ("hash", "shuffle"):
        raise ValueError(f'split must be "hash" or "shuffle", got {split!r}')
    root = Path(root).expanduser()
    found, report = scan(root)
    classes = list(found.get("train", found.get("all", {})))
    folder = _read(
        root, found, report, classes, img_size, on_bad, on_leak, channels, background, value_range, memory_budget, check, threads,
        progress, name,
    )  # fmt: skip
    for split_name in found:
        if split_name not in folder.given:
            raise ValueError(f"the split {split_name} of {root} has no readable image; add some, or remove its folder")
    parts = _cut(folder, val_fraction, test_fraction, split, split_seed, group_by)
    _count_classes([[folder.labels[i] for i in part] for part in parts], classes, report)
    size = folder.size
    variant = f"image folder {root.name}: {len(folder.files):,} images, {len(classes)} classes, resized to {size[0]}x{size[1]}"
    if made := ", ".join(part for part in ("train", "val", "test") if part not in found):
        how = "content" if split == "hash" else "class"
        variant += f"; {made} split by {how}{f', grouped by {group_by}' * bool(group_by)}, split seed {split_seed}"
    train, val, test = (folder.build(part, variant) for part in parts)
    remembered = RememberedSplit.of(train.digests(), val.digests(), test.digests())
    return Splits(train, val, test, report, remembered)


def images_to_score(
    root: str | Path,
    part: str,
    img_size: int | tuple[int, int],
    classes: list[str],
    memory: RememberedSplit | None,
    *,
    on_bad: str = "stop",
    on_leak: str = "stop",
    channels: int = 3,
    value_range: str | tuple[int, int] = FULL_RANGE,
    split: str = "shuffle",
    group_by: str = "",
) -> tuple[TensorImages | FileImages, list[str]]:
    """The images of a folder that a trained model may be scored on, and what has to be said about them.

    - The folder that the run was trained on: the images that it remembers as its train, val or test, whatever came since.
    - A folder with a `part` folder of its own: what lies there, without images that the run has in another part.
    - A labelled folder that was collected later, CLASS/image.jpg: all of it, without images that the run has seen.

    Args:
        part: "train", "val" or "test"; "all" for every image, seen or not.
        classes: of the model; the folder may have fewer.
        memory: of the run. None, for a model from before runs remembered: the missing splits are cut anew.
        split, group_by and the others: as the run had them, see `image_folder`.

    Raises:
        ValueError: a class that the model does not know; nothing to score, with what there is. Others: see `image_folder`.
    """
    root = Path(root).expanduser()
    found, report = scan(root, classes)
    _check_classes(root, {name for by in found.values() for name in by}, classes)
    folder = _read(root, found, report, classes, img_size, on_bad, on_leak, channels, WHITE, value_range)
    notes: list[str] = []
    what = "every image" if part == "all" else f"{part} split"
    if part == "all":
        chosen = list(range(len(folder.files)))
        if memory is not None and (seen := sum(memory.part_of(c) == "train" for c in folder.contents or [])):
            notes.append(f"{seen:,} of these images were trained on")
    elif memory is not None:
        chosen, ours = _remembered(folder, part, memory, notes)
        what = what if ours else "what the run has not seen"
    elif part in folder.given:
        chosen = [i for i, given in enumerate(folder.given) if given == part]
        notes.append(
            "this model does not remember which images it was trained on: look that none of them is among these"
        )
    else:
        for name in classes:
            if classes.index(name) not in folder.labels:
                raise ValueError(
                    f"{root} has no {part} folder and no image of class {name!r}, so its {part} split cannot be cut as it was; --split all "
                    "scores every image of it"
                )
        cut = dict(zip(("train", "val", "test"), _cut(folder, 0.1, 0.1, split, SPLIT_SEED, group_by)))
        chosen = cut[part]
        notes.append(
            f"this model does not remember its split: the {part} images are cut anew, and if the folder has changed since, some of them "
            "were trained on. --split all scores every image of a folder that was collected later"
        )
    if report.constant + report.faint:
        notes.append(f"{report.constant + report.faint:,} images of the folder are constant or nearly so, once decoded")
    size = folder.size
    variant = f"image folder {root.name}: {len(folder.files):,} images, resized to {size[0]}x{size[1]}: {what}"
    return folder.build(chosen, variant), notes


def _remembered(folder: _Folder, part: str, memory: RememberedSplit, notes: list[str]) -> tuple[list[int], bool]:
    """The items of that part, see `images_to_score`, and whether they are the run's own part; adds to the notes."""
    assert folder.contents is not None
    known = [memory.part_of(content) for content in folder.contents]
    new = [i for i, where in enumerate(known) if where is None]
    mine = [i for i, where in enumerate(known) if where == part]
    gone = memory.gone(part, [folder.contents[i] for i in mine])
    counts = Counter(where for where in known if where)
    elsewhere = ", ".join(f"{counts[name]:,} of its {name} images" for name in PARTS if counts[name] and name != part)
    ours = True
    if part in folder.given:  # a folder of that name decides, but for images that the run has elsewhere
        here = [i for i, given in enumerate(folder.given) if given == part]
        chosen = [i for i in here if known[i] in (None, part)]
        new = [i for i in chosen if known[i] is None]
        gone = memory.gone(part, [folder.contents[i] for i in chosen]) if len(new) < len(chosen) else 0
        if out := len(here) - len(chosen):
            notes.append(
                f"{out:,} images of {folder.root.name}/{part} are left out: the run has them in another split, and may know them"
            )
        if new:
            notes.append(f"{len(new):,} of these images are new to the run, which has not seen them")
    elif 2 * len(mine) >= len(memory.parts[part]):  # the folder of the run
        chosen = mine
        if new:
            notes.append(
                f"{len(new):,} images are new since the run and left out; to score them, put them into a labelled folder of their own, "
                "CLASS/image.jpg, and give it with --data"
            )
    else:  # another folder
        chosen, gone, ours = new, 0, False
        if mine or elsewhere:
            seen = ", ".join(filter(None, (elsewhere, f"{len(mine):,} of its {part} images" * bool(mine))))
            notes.append(f"left out, because the run has seen them: {seen}")
        notes.append(f"this is not the folder of the run: all {len(chosen):,} images of it that are new are scored")
    if gone:
        notes.append(f"{gone:,} of the run's {len(memory.parts[part]):,} different {part} images are gone or changed")
    if not chosen:
        there = elsewhere or f"{len(folder.files):,} images"
        raise ValueError(
            f"nothing in {folder.root} to score as {part}: of the run's images it has {there}, and {len(new):,} that are new. "
            "Choose another --split, or give a labelled folder of new images with --data"
        )
    return chosen, ours


def _check_classes(root: Path, there: set[str], classes: list[str]) -> None:
    """Raise ValueError where a folder has a class that the model does not know."""
    unknown = sorted(there - {*classes})
    for name in unknown:
        near = next((known for known in classes if same_form(known) == same_form(name)), None)
        if near is not None:
            raise ValueError(
                f"the class folder {name!r} ({name!a}) of {root} and the model's class {near!r} ({near!a}) differ in case, "
                "spaces or Unicode form alone; rename the folder"
            )
    if unknown:
        raise ValueError(
            f"the model knows the classes {listed(classes)}, but the data has {listed(sorted(there))}; "
            "give the folder it was trained on, or one with the same class folders"
        )


@dataclass
class _Folder:
    """Every good image of a folder: N files, the split each lies in ("all" without splits), its label and content."""

    root: Path
    name: str
    classes: list[str]
    size: tuple[int, int]
    channels: int
    background: tuple[int, int, int]
    value_range: tuple[int, int]
    files: list[Path]
    given: list[str]
    labels: list[int]
    images: Tensor | None  # uint8 [N, C, H, W]
    contents: list[bytes] | None
    report: FolderReport

    def build(self, part: Sequence[int], variant: str) -> TensorImages | FileImages:
        """The items at these positions as a data set."""
        files, labels = [self.files[i] for i in part], torch.tensor([self.labels[i] for i in part], dtype=torch.int64)
        contents = None if self.contents is None else [self.contents[i] for i in part]
        if self.images is not None:
            names = [printable(file.relative_to(self.root).as_posix()) for file in files]
            pixels = self.images[torch.tensor(part, dtype=torch.int64)]
            return TensorImages(pixels, labels, self.classes, self.name, variant, files=names, contents=contents)
        return FileImages(
            files, labels, self.classes, self.size, self.channels, self.background, self.name, variant, contents=contents,
            value_range=self.value_range,
        )  # fmt: skip


def _read(
    root: Path,
    found: dict[str, dict[str, list[Path]]],
    report: FolderReport,
    classes: list[str],
    img_size: int | tuple[int, int],
    on_bad: str,
    on_leak: str,
    channels: int,
    background: tuple[int, int, int],
    value_range: str | tuple[int, int],
    memory_budget: int = 2**30,
    check: bool = True,
    threads: int | None = None,
    progress: bool | None = None,
    name: str | None = None,
) -> _Folder:
    """Decode what `scan` found, and leave out what is bad or a copy; see `image_folder` for the arguments."""
    triples = [
        (split, classes.index(cls), file) for split, by in found.items() for cls, files in by.items() for file in files
    ]
    size = (img_size, img_size) if isinstance(img_size, int) else (img_size[0], img_size[1])
    in_memory = len(triples) * channels * size[0] * size[1] <= memory_budget
    files, good = [file for _, _, file in triples], list(range(len(triples)))
    images, contents, limits = None, None, FULL_RANGE if isinstance(value_range, str) else value_range
    if in_memory or check:
        survey = Survey([split in ("train", "all") for split, _, _ in triples])
        images, contents, bad = decode_all(
            files, size, channels, background, in_memory, threads, progress, limits, survey
        )
        if isinstance(value_range, str):
            limits = range_of(survey.counts, value_range)
            _stretch(files, images, survey, limits, channels, background, threads)
        report.value_range = limits if survey.wide else None
        _handle_bad(root, files, bad, on_bad, report)
        good = [index for index in good if index not in bad]
        stay = settle_copies(root, [triples[i] for i in good], [contents[i] for i in good], on_leak, report)
        good = [good[position] for position in stay]
        report.constant = sum(survey.spread[i] == 0 for i in good)
        report.faint = sum(0 < survey.spread[i] < FAINT for i in good)
    return _Folder(
        root,
        name or root.name,
        classes,
        size,
        channels,
        background,
        limits,
        [files[i] for i in good],
        [triples[i][0] for i in good],
        [triples[i][1] for i in good],
        _of(images, good) if in_memory else None,
        None if contents is None else [contents[i] for i in good],
        report,
    )


def _stretch(
    files: list[Path],
    images: Tensor,
    survey: Survey,
    limits: tuple[int, int],
    channels: int,
    background: tuple[int, int, int],
    threads: int | None,
) -> None:
    """Decode the 16-bit files once more, now that their range is known. Changes `images`, if they are kept, and the survey."""
    if limits == FULL_RANGE or not survey.wide:
        return
    wide, keep = sorted(survey.wide), len(images) > 0
    again = Survey([False] * len(wide))
    size = (int(images.shape[2]), int(images.shape[3]))
    found, _, _ = decode_all([files[i] for i in wide], size, channels, background, keep, threads, False, limits, again)
    if keep:
        images[torch.tensor(wide)] = found
    survey.spread.update({wide[position]: spread for position, spread in again.spread.items()})


def _handle_bad(root: Path, files: list[Path], bad: dict[int, str], on_bad: str, report: FolderReport) -> None:
    if not bad:
        return
    report.skipped = [(printable(files[index].relative_to(root).as_posix()), reason) for index, reason in bad.items()]
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


def _count_classes(labels: list[list[int]], classes: list[str], report: FolderReport) -> None:
    """Tell the report which classes have few training images, and which have none to be judged by."""
    train, val, test = (Counter(classes[label] for label in part) for part in labels)
    report.small = {name: train[name] for name in classes if train[name] < FEW}
    for split, counts in (("val", val), ("test", test)):
        if missing := [name for name in classes if not counts[name]]:
            report.untested[split] = missing


def _cut(
    folder: _Folder, val_fraction: float, test_fraction: float, rule: str, seed: int, group_by: str
) -> list[list[int]]:
    """Positions of the train, val and test images; cuts those splits that are not there. Copies stay together, and origins."""
    classes, report = folder.classes, folder.report
    given = {part: [i for i, where in enumerate(folder.given) if where == part] for part in ("train", "val", "test")}
    whole = [i for i, where in enumerate(folder.given) if where in ("train", "all")]
    missing = set(range(len(classes))) - {folder.labels[i] for i in whole}
    if missing:
        raise ValueError(
            f"no readable training image is left of class {listed([classes[i] for i in sorted(missing)])}; "
            "add some, or remove the folder"
        )
    fractions = [0.0 if given["val"] else val_fraction, 0.0 if given["test"] else test_fraction]
    fractions = [1 - sum(fractions), *fractions]
    labels, files = [folder.labels[i] for i in whole], [folder.files[i] for i in whole]
    depth = 2 if given["train"] else 1
    if folder.contents is None:  # the check was not wanted; contents decide all the same
        folder.contents = hash_all(folder.files)
    keys, what = [folder.contents[i] for i in whole], "image(s)"
    if group_by:
        groups, alone = origins(folder.root, files, depth, group_by)
        keys, what = join_copies(groups, keys), "group(s)"
        report.notes.append(
            f"{len(set(groups)):,} groups by {group_by}"
            + f"; {alone:,} images are in no group and stand alone" * bool(alone)
        )
        _shared_groups(folder, depth, group_by)
    elif fractions[0] < 1 and (found := looks_like_clips(folder.root, files, depth, labels, _of(folder.images, whole))):
        report.notes.append(found)
    if len(set(keys)) < len(keys) and not group_by:
        what = "different image(s)"
    if rule == "hash":
        cut = hashed_split(labels, keys, fractions, seed, classes, what)
    else:
        cut = grouped_split(labels, keys, fractions, seed, classes)
    train, val, test = ([whole[i] for i in part] for part in cut)
    return [train, given["val"] or val, given["test"] or test]


def _shared_groups(folder: _Folder, depth: int, group_by: str) -> None:
    """Tell the report of groups that splits which are there already share."""
    if {*folder.given} <= {"all", "train"} or group_by == "folder":
        return
    where: dict[str, set[str]] = {}
    for group, part in zip(origins(folder.root, folder.files, depth, group_by)[0], folder.given):
        where.setdefault(group, set()).add(part)
    shared = [" ".join(group.split("\0")) for group, parts in where.items() if len(parts) > 1]
    if shared:
        folder.report.notes.append(
            f"{len(shared):,} groups are in two splits, where a score would be too good: {listed(shared)}"
        )


def _of(images: Tensor | None, indices: list[int]) -> Tensor | None:
    """Those of the images, without a copy where it is all of them."""
    if images is None or len(indices) == len(images):
        return images
    return images[torch.tensor(indices, dtype=torch.int64)]
