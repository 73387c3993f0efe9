"""Which images a run trained on: remembered by content, so that a changed folder is noticed and no test image becomes one."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BYTES = 8  # of each SHA-256: among a million images, two that agree in 64 bits come once in 37 million data sets
PARTS = ("train", "val", "test", "unused")


@dataclass(frozen=True)
class RememberedSplit:
    """The part of each image of a run, by the first 8 bytes of its file's SHA-256.

    Fields:
        parts: {"train", "val", "test", "unused": digests}; unused are training images that a `train_share` left out.
    """

    parts: dict[str, frozenset[bytes]]

    @classmethod
    def of(cls, train: Sequence[bytes], val: Sequence[bytes], test: Sequence[bytes]) -> RememberedSplit:
        """The split whose parts hold the files with these SHA-256."""
        return cls(dict(zip(PARTS, (*map(_short, (train, val, test)), frozenset()))))

    def with_train(self, digests: Sequence[bytes]) -> RememberedSplit:
        """The same split where of the training images only these are used."""
        train, known = _short(digests), self.parts["train"] | self.parts["unused"]
        return RememberedSplit({**self.parts, "train": train, "unused": known - train})

    def to_dict(self) -> dict[str, Any]:
        """As JSON knows it: for each part its digests, sorted, 8 bytes each, together in base64."""
        return {name: base64.b64encode(b"".join(sorted(part))).decode() for name, part in self.parts.items()}

    @classmethod
    def from_dict(cls, content: dict[str, str]) -> RememberedSplit:
        """The inverse of `to_dict`."""
        joined = {name: base64.b64decode(text) for name, text in content.items()}
        return cls(
            {name: frozenset(text[i : i + BYTES] for i in range(0, len(text), BYTES)) for name, text in joined.items()}
        )

    def part_of(self, digest: bytes) -> str | None:
        """The part of the image with that SHA-256; None for an image that the run has not seen."""
        return next((name for name, part in self.parts.items() if digest[:BYTES] in part), None)

    def gone(self, part: str, digests: Sequence[bytes]) -> int:
        """How many different images of a part are not among these."""
        return len(self.parts[part] - _short(digests))

    def changes(self, now: RememberedSplit) -> str:
        """In words what differs between this split and the one of today; empty if nothing does."""
        before, today = ({digest: name for name, part in s.parts.items() for digest in part} for s in (self, now))
        new, gone = len(today.keys() - before.keys()), len(before.keys() - today.keys())
        moved = sum(before[digest] != today[digest] for digest in before.keys() & today.keys())
        counts = ((new, "new"), (gone, "gone"), (moved, "in another part"))
        return ", ".join(f"{count:,} image(s) {what}" for count, what in counts if count)


def _short(digests: Sequence[bytes]) -> frozenset[bytes]:
    return frozenset(digest[:BYTES] for digest in digests)
