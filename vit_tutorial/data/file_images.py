"""Images that are decoded one by one, for folders too large to hold in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor

from .dataset import combine_digests
from .decode import FULL_RANGE, WHITE, as_tensor, fit, hash_all, open_image, random_fit
from .files import printable
from .packed import ImageFile

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


F = TypeVar("F", bound="ReadFromFiles")


class ReadFromFiles:
    """What data sets share that read each image from its file when it is asked for."""

    files: Sequence[ImageFile]
    contents: list[bytes] | None

    def to(self: F, device: torch.device | str) -> F:
        """Itself: batches go to the device as they are read."""
        return self

    def item_name(self, index: int) -> str:
        return printable(str(self.files[index]))

    def digests(self) -> list[bytes]:
        """SHA-256 of each image file; reads all of them once, unless that was done when the folder was checked."""
        if self.contents is None:
            self.contents = hash_all(self.files)
        return self.contents


@dataclass(eq=False)
class FileImages(ReadFromFiles):
    """N image files with a class number each.

    Item: uint8 [C, H, W] and its label. `batches` reads it through a `DataLoader`; give it a few workers.
    """

    files: Sequence[ImageFile]
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

    def fingerprint(self) -> str:
        """SHA-256 (64 hexadecimal digits) over all files' contents and class names, whatever their order."""
        return combine_digests(self.digests(), [self.classes[i] for i in self.labels.tolist()])

    def _open(self, index: int) -> Image.Image:
        try:
            return open_image(self.files[index].read_bytes(), self.channels, self.background, self.value_range)
        except Exception as error:
            reason = f"{self.files[index]} cannot be decoded ({error}); repair it, remove it, or skip bad files"
            raise BadImages(reason, [(str(self.files[index]), str(error))]) from error


class BadImages(ValueError):
    """Files that cannot be decoded; `.files` holds (file, reason) of each."""

    def __init__(self, message: str, files: list[tuple[str, str]]) -> None:
        super().__init__(message)
        self.files = files
