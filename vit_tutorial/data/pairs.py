"""Image files with their masks, read one by one: items of different sizes, for data sets of any length."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from .dataset import TensorImages, combine_digests
from .decode import as_tensor, open_image
from .file_images import IMAGENET_MEAN, IMAGENET_STD, ReadFromFiles
from .files import printable
from .joint import Size, fit_pair, random_resized_crop_pair
from .lay_on import DrawnOn, lay_on, stored_orientation
from .mask_files import Table, read_mask
from .targets import collate


class TargetSource(Protocol):
    """Targets that are made when they are asked for: `MaskFiles`, `coco.CocoMasks`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...

    def select(self, indices: Sequence[int]) -> TargetSource: ...

    def digest(self, index: int) -> str: ...


@dataclass(frozen=True, eq=False)
class MaskFiles:
    """The masks of a list of files; see `read_mask` for `table`."""

    files: list[Path]
    table: Table | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Tensor:
        return read_mask(self.files[index], self.table)

    def select(self, indices: Sequence[int]) -> MaskFiles:
        return replace(self, files=[self.files[i] for i in indices])

    def digest(self, index: int) -> str:
        """SHA-256 of the file and of what its numbers stand for."""
        table = sorted(self.table.items()) if self.table else []
        return hashlib.sha256(repr(table).encode() + self.files[index].read_bytes()).hexdigest()


@dataclass(eq=False)
class PairedImages(ReadFromFiles):
    """Images decoded from their files one by one, each with its mask or its objects.

    Item: (uint8 [C, h, w], target); the target is a uint8 mask [h, w], or what `targets` gives (see `joint.move_target`).
    Without `size` the items are as large as they are: take batches of one, or give `batches` a transform that makes sizes equal, such as
    `RandomWindow`. With `size` the whole image is fitted into it, with black and void around it.

    Photographs are turned upright by their EXIF orientation, and nothing in a mask says whether it was drawn on the upright picture or on
    the stored one. Where the sizes tell, they decide; where they do not (turned by 180 degrees, mirrored or square), `drawn_on` has to say it.

    Args:
        files: N image files.
        targets: N masks, see `TargetSource`.
        classes: the K class names.
        size: (H, W) of every item, or None.
        channels: 3 (RGB) or 1 (grey).
        drawn_on: "upright" or "stored": what the masks of turned photographs lie on.
        mean, std: default: ImageNet's.
        contents: N SHA-256 digests of the files, if they are known.
    """

    files: list[Path]
    targets: TargetSource
    classes: list[str]
    size: Size | None = None
    channels: int = 3
    drawn_on: DrawnOn = ""
    name: str = "images"
    variant: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    contents: list[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.files) != len(self.targets):
            raise ValueError(
                f"there are {len(self.files):,} images, but {len(self.targets):,} masks; give one an image"
            )
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (RGB), got {self.channels}")
        if self.drawn_on not in ("", "upright", "stored"):
            raise ValueError(f'drawn_on must be "upright" or "stored", got {self.drawn_on!r}')
        if not self.mean:
            self.mean = IMAGENET_MEAN if self.channels == 3 else (sum(IMAGENET_MEAN) / 3,)
            self.std = IMAGENET_STD if self.channels == 3 else (sum(IMAGENET_STD) / 3,)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Any]:
        image, target = self.whole(index)
        return (image, target) if self.size is None else fit_pair(image, target, self.size)

    def whole(self, index: int) -> tuple[Tensor, Any]:
        """Item `index` in its own size.

        Raises:
            ValueError: a damaged file, a mask of another size, or one that may lie on the picture in two ways.
        """
        file = self.files[index]
        content = file.read_bytes()
        try:
            image = as_tensor(open_image(content, self.channels))
        except Exception as error:  # Pillow's plug-ins raise many kinds
            raise ValueError(
                f"{printable(str(file))} cannot be decoded ({error}); repair it, or remove it and its mask"
            ) from error
        turn = stored_orientation(content)
        size = (int(image.shape[1]), int(image.shape[2]))
        return image, lay_on(self.targets[index], size, turn, self.drawn_on, printable(str(file)))

    def cropped(self, index: int, scale: tuple[float, float]) -> tuple[Tensor, Any]:
        """Item `index` cut at random to a share of its area within `scale`, then resized to `size`, image and mask alike."""
        if self.size is None:
            raise ValueError(
                f"a random crop of {self.name} needs a size to resize it to; give the data set size=(H, W)"
            )
        return random_resized_crop_pair(*self.whole(index), self.size, scale)

    def select(self, indices: Sequence[int]) -> PairedImages:
        """The items `indices`, in that order, with this data set's mean and standard deviation."""
        contents = None if self.contents is None else [self.contents[i] for i in indices]
        files = [self.files[i] for i in indices]
        return replace(self, files=files, targets=self.targets.select(indices), contents=contents)

    def in_memory(self) -> TensorImages:
        """The items as one tensor, with a mean and a standard deviation of their own; all need one size, or the data set a `size`."""
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:  # Pillow releases Python's lock while it decodes
            images, masks = zip(*pool.map(self.__getitem__, range(len(self))))
        sizes = {tuple(image.shape[1:]) for image in images}
        if len(sizes) > 1:
            raise ValueError(
                f"the images of {self.name} have {len(sizes)} sizes, such as {sorted(sizes)[:2]}; give the data set size=(H, W)"
            )
        names = [printable(str(file)) for file in self.files]
        return TensorImages(
            torch.stack(images),
            collate(masks),
            self.classes,
            self.name,
            self.variant,
            files=names,
            contents=self.digests(),
        )

    def fingerprint(self) -> str:
        """SHA-256 (64 hexadecimal digits) over all images with their targets, whatever their order."""
        return combine_digests(self.digests(), [self.targets.digest(i) for i in range(len(self))])
