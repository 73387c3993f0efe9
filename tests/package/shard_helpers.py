"""Small tar files, whole and damaged, for the tests of shards."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from odd_images import noise

Member = tuple[str, bytes]


def png(index: int) -> bytes:
    """A picture that no other index has, as a PNG file."""
    file = io.BytesIO()
    noise(index, (6, 6)).save(file, "PNG")
    return file.getvalue()


def sample(index: int, label: object, key: str | None = None) -> list[Member]:
    """KEY.png and KEY.cls."""
    key = key or f"{index:03d}"
    return [(f"{key}.png", png(index)), (f"{key}.cls", str(label).encode())]


def tar(file: Path, members: Iterable[Member]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file


def samples(start: int, stop: int) -> list[Member]:
    """Images of two classes in turn, 0 and 1."""
    return [member for i in range(start, stop) for member in sample(i, i % 2)]


def offset_of(file: Path, number: int) -> int:
    """Where the header of a member stands."""
    with tarfile.open(file) as archive:
        return archive.getmembers()[number].offset
