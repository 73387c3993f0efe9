"""What the reading of a folder asks of an image file, and images that stand in no file of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import Protocol

from .files import listed, printable


class ImageFile(Protocol):
    """A file of the disk (`pathlib.Path`), or an image that is packed with others (`PackedImage`)."""

    @property
    def name(self) -> str: ...

    @property
    def stem(self) -> str: ...

    @property
    def parent(self) -> PurePath: ...

    def relative_to(self, root: Path, /) -> PurePath: ...

    def read_bytes(self) -> bytes: ...


class PackedImage:
    """An image inside a larger file. Its `path` is the one that it would have in a folder of images: train/cat/0012.jpg, or cat/0012.jpg.

    So splits, groups, copies and what reports say of a folder hold for it as well. A subclass reads its bytes and says where it is.
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.path).stem

    @property
    def parent(self) -> PurePath:
        return PurePosixPath(self.path).parent

    def relative_to(self, root: Path, /) -> PurePath:
        return PurePosixPath(self.path)

    def read_bytes(self) -> bytes:
        raise NotImplementedError


def file_name(file: ImageFile, root: Path) -> str:
    """How a message names an image: by its path below `root`, or by the place where it is packed."""
    return printable(str(file) if isinstance(file, PackedImage) else file.relative_to(root).as_posix())


def check_classes(
    root: Path, found: Mapping[str, Mapping[str, Sequence[object]]], classes: Sequence[str], labelled: bool = True
) -> None:
    """Raise ValueError unless there are two classes, each with training images."""
    train = found.get("train", found.get("all", {}))
    if labelled and len(classes) < 2:
        raise ValueError(f"{root} has the one class {classes[0]!r}, but a classifier needs two or more; add the others")
    for part, by_class in found.items():
        for name in by_class:
            if name not in train:
                raise ValueError(
                    f"class {name!r} is in {part} but not in train (which has {listed([*train])}); add training images of it"
                )
    if missing := [name for name in classes if name not in train]:
        raise ValueError(
            f"no image of class {listed(missing)} is in the training part of {root}; add some, or take its name out of the list"
        )
