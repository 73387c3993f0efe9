"""The table of contents of a tar file: where each member's bytes are, so that any of them can be read at once.

A tar file is a row of members: a header of 512 bytes with name and size, the bytes, zeros up to the next multiple of 512; at the end
stand two blocks of zeros. It has no table of contents, so the headers are read once, from the first to the last.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .packed import PackedImage

BLOCK = 512


class BadShard(ValueError):
    """A shard cannot be used as it is; the message names shard, key and remedy."""


@dataclass(frozen=True)
class Place:
    """A member of a tar file: its name, and where its `size` bytes begin."""

    name: str
    offset: int
    size: int


class ShardImage(PackedImage):
    """An image in a shard: `size` bytes from `offset` on. `path` and `key`: train/cat/0012.jpg may have the key 0012."""

    __slots__ = ("key", "number", "offset", "shard", "size")

    def __init__(self, path: str, key: str, shard: Path, number: int, offset: int, size: int) -> None:
        super().__init__(path)
        self.key, self.shard, self.number, self.offset, self.size = key, shard, number, offset, size

    def read_bytes(self) -> bytes:
        """The image's bytes as they were packed. Raises BadShard where the shard has become shorter."""
        with open(self.shard, "rb", buffering=0) as file:
            file.seek(self.offset)
            content = file.read(self.size)
        if len(content) < self.size:
            raise BadShard(
                f"{self.shard} ends within {self.key}; it has changed since it was opened: get it again, and start anew"
            )
        return content

    def __str__(self) -> str:
        return f"{self.shard.name}: {self.key}"


def places(shard: Path) -> Iterator[Place]:
    """The files in a tar, in its order.

    Raises:
        BadShard: it is no tar, is compressed, ends before its end mark, or has a damaged header. (Python's tarfile takes a damaged
            header, and an end at the border of a member, for the end of the archive, and says nothing.)
    """
    end, size = 0, shard.stat().st_size
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                end = member.offset_data + -(-member.size // BLOCK) * BLOCK if member.isreg() else member.offset_data
                if end > size:
                    raise _cut(shard, member.name)
                if member.issym() or member.islnk() or member.issparse():
                    raise BadShard(
                        f"{member.name} in {shard} is a link or has holes, and has no bytes of its own to read; "
                        "write the shard with plain files (tar --dereference --hard-dereference)"
                    )
                if member.isreg():
                    yield Place(member.name, member.offset_data, member.size)
    except tarfile.TarError as error:
        if end:
            raise _cut(shard, f"what follows byte {end:,}") from error
        raise BadShard(
            f"{shard} is no plain tar ({error}); a compressed one has to be unpacked first (gunzip), since nothing in it can be "
            "reached but by reading all that stands before"
        ) from error
    with open(shard, "rb") as file:
        file.seek(end)
        rest = file.read(BLOCK)
    if len(rest) < BLOCK or rest.strip(b"\0"):
        what = "has a damaged header" if len(rest) == BLOCK else "ends without its end mark"
        raise BadShard(f"{shard} {what} at byte {end:,}: members may be missing; get the shard again, or write it anew")


def _cut(shard: Path, what: str) -> BadShard:
    return BadShard(f"{shard} is truncated within {what}; get the shard again, or write it anew")
