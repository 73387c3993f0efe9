"""Folders of small pictures, for the tests of what people have on their disks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from odd_images import noise


def pictures(root: Path, names: Iterable[str], low: int = 0) -> Path:
    """A picture for each name (a path below root, with a suffix that Pillow writes), no two alike."""
    for number, name in enumerate(names):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        noise(hash_of(str(file)) + number, low=low).save(file)
    return root


def hash_of(text: str) -> int:
    """A number that no other path has, the same in every run, whatever pytest calls the folder of its tests then."""
    text = re.sub(r".*/(pytest-\d+|popen-gw\d+)/", "", text)
    return sum(ord(letter) * 31**i % 1_000_003 for i, letter in enumerate(text))


def classes(root: Path, n: int = 6, names: Iterable[str] = ("a", "b"), start: int = 0) -> Path:
    """ROOT/CLASS/000.png and so on, n of each class."""
    for name in names:
        pictures(root, [f"{name}/{i:03d}.png" for i in range(start, start + n)])
    return root
