"""Images with their targets: one uint8 tensor for a small data set, and the three splits of a task."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torchvision.transforms import v2

from .joint import random_resized_crop_pair
from .remember import RememberedSplit
from .targets import VOID, Target, Targets, count, digest, move, select


class ImageDataset(Protocol):
    """What training asks of a data set, whose items are (image, target). `TensorImages`, `FileImages` and `PairedImages` have it."""

    classes: list[str]
    name: str
    variant: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, Target]: ...

    def cropped(self, index: int, scale: tuple[float, float]) -> tuple[Tensor, Target]: ...

    def digests(self) -> list[bytes]: ...

    def item_name(self, index: int) -> str: ...

    def fingerprint(self) -> str: ...

    def to(self, device: torch.device | str) -> ImageDataset: ...


@dataclass(eq=False)
class TensorImages:
    """Images of one size, held as one tensor, so that a batch is one indexing operation on any device.

    Args:
        images: [N, C, H, W] uint8, values 0..255.
        targets: class numbers [N] int64, indices into `classes`; or masks [N, H, W] of such numbers, 255 where nobody has named a pixel;
            or a dict whose entries are such tensors, other tensors [N, ...], or lists of N tensors (see `targets`).
        classes: the K class names.
        name: short name, e.g. "digits".
        variant: one sentence that says exactly which data this is.
        mean, std: per channel, of pixel values scaled to 0..1; [C] numbers each. By convention those of the
            *training* split, for all three splits: `Splits` sets them.
        files: the N file names if the images came from files; they name items in reports.
        contents: the N SHA-256 digests of the items' contents; computed from the pixels if not given.

    Raises:
        ValueError: shapes, types or targets do not fit together.
    """

    images: Tensor
    targets: Targets
    classes: list[str]
    name: str = "images"
    variant: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    files: list[str] | None = None
    contents: list[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != torch.uint8:
            raise ValueError(
                f"images must be uint8 [N, C, H, W], got {self.images.dtype} {list(self.images.shape)}; "
                "convert with .to(torch.uint8) and add the channel dimension with .unsqueeze(1)"
            )
        if isinstance(self.targets, Tensor) and self.targets.ndim == 3:
            check_masks(self.targets, self.images, self.classes)
        elif not isinstance(self.targets, dict):
            check_labels(self.targets, self.images, self.classes)
        elif (n := count(self.targets)) != len(self.images):
            raise ValueError(f"the targets are for {n} images, but there are {len(self.images)}")
        if not self.mean and len(self.images):
            self.mean, self.std = channel_stats(self.images)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> Tensor:
        """The class numbers [N]. Raises ValueError where the targets are something else."""
        if isinstance(self.targets, Tensor) and self.targets.ndim == 1:
            return self.targets
        raise ValueError(f"{self.name} has no class number for each image, but masks or several targets; see .targets")

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        """Item `index`: (uint8 [C, H, W], class number, mask [H, W] or dict)."""
        return self.images[index], self._target(index)

    def cropped(self, index: int, scale: tuple[float, float]) -> tuple[Tensor, Target]:
        """Item `index` cut at random to a share of its area within `scale`, resized back to [C, H, W]; a mask in the same way.

        Raises:
            ValueError: the targets are dicts, whose entries may have places in the image that nothing here knows of.
        """
        image, target, bicubic = self.images[index], self._target(index), v2.InterpolationMode.BICUBIC
        if isinstance(target, dict):
            raise ValueError("a random crop has to change image and targets together; do it in the task's prepare")
        if isinstance(target, Tensor):
            return random_resized_crop_pair(image, target, (image.shape[-2], image.shape[-1]), scale)
        crop = v2.RandomResizedCrop(image.shape[-2:], scale=scale, interpolation=bicubic, antialias=True)
        return crop(image), target

    def _target(self, index: int) -> Any:
        target = select(self.targets, index)
        return int(target) if isinstance(self.targets, Tensor) and self.targets.ndim == 1 else target

    def to(self, device: torch.device | str) -> TensorImages:
        """The same data set with its tensors on `device`."""
        moved = TensorImages.__new__(TensorImages)
        moved.__dict__ = {**self.__dict__, "images": self.images.to(device), "targets": move(self.targets, device)}
        return moved

    def select(self, indices: Sequence[int] | Tensor) -> TensorImages:
        """The items `indices`, in that order, with this data set's mean and standard deviation."""
        index = torch.as_tensor(indices, dtype=torch.int64)
        chosen = index.tolist()
        return TensorImages(
            self.images[index.to(self.images.device)],
            select(self.targets, index),
            self.classes,
            self.name,
            self.variant,
            self.mean,
            self.std,
            None if self.files is None else [self.files[i] for i in chosen],
            None if self.contents is None else [self.contents[i] for i in chosen],
        )

    def item_name(self, index: int) -> str:
        return self.files[index] if self.files is not None else f"image {index}"

    def digests(self) -> list[bytes]:
        """SHA-256 of each item's content: of its file if it came from one, else of its shape and pixels."""
        if self.contents is None:
            shape = repr(tuple(self.images.shape[1:])).encode()
            pixels = self.images.cpu().contiguous().numpy()
            self.contents = [hashlib.sha256(shape + image.tobytes()).digest() for image in pixels]
        return self.contents

    def fingerprint(self) -> str:
        """SHA-256 (64 hexadecimal digits) over all contents and class names or other targets, whatever their order."""
        targets = [self._target(i) for i in range(len(self))]
        return combine_digests(self.digests(), [self.classes[t] if isinstance(t, int) else digest(t) for t in targets])


@dataclass(eq=False)
class Splits:
    """Training, validation and test split of one data set; `train, val, test = splits` works too.

    All three carry the mean and the standard deviation of the training split: the model must see a test image
    through the same normalisation as it saw the training images.

    Fields:
        report: of a folder of images, `image_folder`'s `FolderReport`: what was read, skipped and ignored.
        remembered: of data that may change between two runs, such as a folder, which image is used for what. A run keeps it.
    """

    train: Any
    val: Any
    test: Any
    report: Any = field(default=None, kw_only=True)
    remembered: RememberedSplit | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for split in (self.val, self.test):
            if split.classes != self.train.classes:
                raise ValueError(f"the splits' classes differ: {self.train.classes} and {split.classes}")
            split.mean, split.std = self.train.mean, self.train.std

    def __iter__(self) -> Iterator[Any]:
        return iter((self.train, self.val, self.test))

    @property
    def classes(self) -> list[str]:
        return list(self.train.classes)

    @property
    def name(self) -> str:
        return str(self.train.name)

    @property
    def variant(self) -> str:
        return str(self.train.variant)

    @property
    def mean(self) -> tuple[float, ...]:
        return tuple(self.train.mean)

    @property
    def std(self) -> tuple[float, ...]:
        return tuple(self.train.std)

    def fingerprint(self) -> str:
        """SHA-256 (64 hexadecimal digits) over the three splits' fingerprints: changes if an image moves."""
        parts = ",".join(split.fingerprint() for split in self)
        return hashlib.sha256(parts.encode()).hexdigest()

    def normalised_by(self, mean: Sequence[float], std: Sequence[float]) -> Splits:
        """The same images with another mean and standard deviation of each channel, as of the data that an encoder knows."""
        train, val, test = (copy.copy(part) for part in self)
        train.mean, train.std = tuple(mean), tuple(std)
        return replace(self, train=train, val=val, test=test)

    def to(self, device: torch.device | str) -> Splits:
        """The splits with their tensors (if they are held as tensors) on `device`."""
        train, val, test = (part.to(device) for part in self)
        return replace(self, train=train, val=val, test=test)


def channel_stats(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel over all pixels, scaled to 0..1.

    Args:
        images: [N, C, H, W] uint8.

    Returns:
        (mean, std), C numbers each. Computed from a histogram of the 256 values, hence exact in any order.
        The standard deviation of a constant channel is given as 1, so that it can be divided by.
    """
    values = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for channel in range(images.shape[1]):
        chunks = images[:, channel].split(4096)  # bincount widens to int64: keep that small
        counts = sum(torch.bincount(chunk.flatten(), minlength=256).cpu().double() for chunk in chunks)
        p = torch.as_tensor(counts) / torch.as_tensor(counts).sum()
        mean = float((p * values).sum())
        std = float((p * (values - mean).square()).sum().sqrt())
        means.append(mean)
        stds.append(std if std > 0 else 1.0)
    return tuple(means), tuple(stds)


def check_labels(labels: Any, images: Tensor, classes: Sequence[str]) -> None:
    """Raise ValueError unless there is one class number for each image."""
    if not isinstance(labels, Tensor) or labels.shape != images.shape[:1] or labels.dtype != torch.int64:
        found = f"{labels.dtype} {list(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        raise ValueError(
            f"labels must be int64 [{len(images)}], one an image, got {found}; "
            f"other targets are masks [N, H, W] or a dict of tensors"
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(classes):
        raise ValueError(
            f"labels run from {int(labels.min())} to {int(labels.max())}, "
            f"but {len(classes)} class names allow 0 to {len(classes) - 1}"
        )


def check_masks(masks: Tensor, images: Tensor, classes: Sequence[str]) -> None:
    """Raise ValueError unless there is one mask of the image's size for each image, of class numbers and 255."""
    wanted = (len(images), *images.shape[-2:])
    if tuple(masks.shape) != wanted or masks.is_floating_point() or masks.dtype == torch.bool:
        raise ValueError(f"masks must be whole numbers {list(wanted)}, got {masks.dtype} {list(masks.shape)}")
    wrong = (masks < 0) | (masks >= len(classes)) & (masks != VOID)
    if wrong.any():
        raise ValueError(
            f"a mask has the value {int(masks[wrong][0])}, but {len(classes)} class names allow 0 to {len(classes) - 1}, and {VOID} for void"
        )


def combine_digests(digests: Sequence[bytes], class_names: Sequence[str]) -> str:
    """One SHA-256 over (class name, content) pairs, sorted, so that neither order nor file names matter."""
    items = sorted(hashlib.sha256(c.encode() + b"\0" + d).digest() for c, d in zip(class_names, digests))
    return hashlib.sha256(b"".join(items)).hexdigest()
