"""Any folder of images as a data set: `image_folder("photos", img_size=64)`."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from .dataset import Splits, TensorImages, combine_digests
from .decode import WHITE, as_tensor, decode_all, fit, open_image, random_fit
from .duplicates import settle_copies
from .scan import FolderReport, listed, scan
from .splitting import grouped_split

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
        return str(self.files[index])

    def digests(self) -> list[bytes]:
        """SHA-256 of each file; reads all of them once, unless that was done when the folder was checked."""
        if self.contents is None:
            _, self.contents, _ = decode_all(self.files, (1, 1), keep=False)
        return self.contents

    def fingerprint(self) -> str:
        """SHA-256 (64 hexadecimal digits) over all files' contents and class names, whatever their order."""
        return combine_digests(self.digests(), [self.classes[i] for i in self.labels.tolist()])

    def _open(self, index: int) -> Image.Image:
        try:
            return open_image(self.files[index].read_bytes(), self.channels, self.background)
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
) -> Splits:
    """Read ROOT/{train,val,test}/CLASS/... or ROOT/CLASS/..., at any depth below CLASS.

    A split that is not there is cut from the training images, by class. Hidden files and files that are no images
    are left out and counted. All images are decoded once, in full, before training starts, so a truncated one is
    found now and not in epoch 7. Files with the same content are found too: copies of one image go into one split when
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

    Returns:
        `Splits`; `.report` says what was read, skipped and ignored.

    Raises:
        FileNotFoundError, NotADirectoryError, ValueError: see `scan.scan`.
        BadImages (a ValueError): files that cannot be decoded.
        LeakedImages (a ValueError): see `on_leak`.
    """
    if on_bad not in ("stop", "skip"):
        raise ValueError(f'on_bad must be "stop" or "skip", got {on_bad!r}')
    if on_leak not in ("stop", "drop"):
        raise ValueError(f'on_leak must be "stop" or "drop", got {on_leak!r}')
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (RGB), got {channels}")
    root = Path(root).expanduser()
    found, report = scan(root)
    classes = list(found.get("train", found.get("all", {})))
    triples = [
        (split, classes.index(cls), file) for split, by in found.items() for cls, files in by.items() for file in files
    ]
    size = (img_size, img_size) if isinstance(img_size, int) else (img_size[0], img_size[1])
    in_memory = len(triples) * channels * size[0] * size[1] <= memory_budget
    files, good = [file for _, _, file in triples], list(range(len(triples)))
    images, contents = None, None
    if in_memory or check:
        images, contents, bad = decode_all(files, size, channels, background, in_memory, threads, progress)
        _handle_bad(root, files, bad, on_bad, report)
        good = [index for index in good if index not in bad]
        stay = settle_copies(root, [triples[i] for i in good], [contents[i] for i in good], on_leak, report)
        good = [good[position] for position in stay]
    labels = torch.tensor([label for _, label, _ in triples])
    for split in found:
        if not any(triples[i][0] == split for i in good):
            raise ValueError(f"the split {split} of {root} has no readable image; add some, or remove its folder")
    same = list(range(len(good))) if contents is None else [contents[i] for i in good]
    items = [(triples[i][0], triples[i][1]) for i in good]
    parts = _parts(items, same, classes, val_fraction, test_fraction, split_seed)
    _count_classes([[items[i][1] for i in part] for part in parts], classes, report)
    variant = f"image folder {root.name}: {len(good):,} images, {len(classes)} classes, resized to {size[0]}x{size[1]}"
    made = ", ".join(split for split in ("train", "val", "test") if split not in found)
    variant += f"; {made} split by class, split seed {split_seed}" if made else ""

    def build(part: Sequence[int]) -> TensorImages | FileImages:
        index = [good[i] for i in part]
        paths, digests = [files[i] for i in index], None if contents is None else [contents[i] for i in index]
        if in_memory and images is not None:
            names = [path.relative_to(root).as_posix() for path in paths]
            pixels = images[torch.tensor(index)]
            return TensorImages(
                pixels, labels[index], classes, name or root.name, variant, files=names, contents=digests
            )
        return FileImages(
            paths, labels[index], classes, size, channels, background, name or root.name, variant, contents=digests
        )

    train, val, test = (build(part) for part in parts)
    return Splits(train, val, test, report)


def _handle_bad(root: Path, files: list[Path], bad: dict[int, str], on_bad: str, report: FolderReport) -> None:
    if not bad:
        return
    report.skipped = [(files[index].relative_to(root).as_posix(), reason) for index, reason in bad.items()]
    report.images -= len(bad)
    names = listed([f"{file} ({reason})" for file, reason in report.skipped])
    message = f"{len(bad):,} of {len(files):,} image files in {root} cannot be decoded: {names}"
    if on_bad == "stop":
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


def _parts(
    items: list[tuple[str, int]],
    same: Sequence[Hashable],
    classes: list[str],
    val_fraction: float,
    test_fraction: float,
    seed: int,
) -> list[list[int]]:
    """Positions in `items` (split, label) of the train, val and test images; cuts those splits that are not there.

    Items with equal entries in `same` stay together.
    """
    given = {split: [i for i, (s, _) in enumerate(items) if s == split] for split in ("train", "val", "test")}
    present = {split for split, _ in items}
    whole = [i for i, (split, _) in enumerate(items) if split in ("train", "all")]
    missing = set(range(len(classes))) - {items[i][1] for i in whole}
    if missing:
        raise ValueError(
            f"no readable training image is left of class {listed([classes[i] for i in sorted(missing)])}; "
            "add some, or remove the folder"
        )
    fractions = [0.0 if "val" in present else val_fraction, 0.0 if "test" in present else test_fraction]
    labels, groups = [items[i][1] for i in whole], [same[i] for i in whole]
    cut = grouped_split(labels, groups, [1 - sum(fractions), *fractions], seed, classes)
    train, val, test = ([whole[i] for i in part] for part in cut)
    return [train, given["val"] or val, given["test"] or test]
