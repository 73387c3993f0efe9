"""Images of one origin, such as the frames of a clip: kept in one split, and noticed where nobody said so."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from .decode import decode_all
from .files import listed, printable
from .packed import ImageFile

BEFORE_NUMBER = re.compile(r"([^/]*\D)[0-9]+[^/0-9]*$")  # clip03_frame_ of clip03_frame_0012.png
PAIRS = 100  # neighbours that are compared
# Neighbours that differ by less than this share of what other images of their class do look like frames of one clip.
NEAR = 0.35


def origins(root: Path, files: Sequence[ImageFile], depth: int, rule: str) -> tuple[list[str], int]:
    """The origin of each file, and how many files stand alone because the rule says nothing of them.

    Args:
        depth: 1 for files of ROOT/CLASS/..., 2 for those of ROOT/SPLIT/CLASS/....
        rule: "folder", and images of one folder below their class (CLASS/CLIP/frame.png) have one origin; or a regular
            expression that is searched in each path below the root: the origin is what its groups hold, or the whole match.

    Raises:
        ValueError: the expression is none, or the rule tells nothing apart.
    """
    paths = [printable(file.relative_to(root).as_posix()) for file in files]
    if rule == "folder":
        parts = [path.split("/") for path in paths]
        keys = ["/".join(p[: depth + 1]) for p in parts]  # of a file directly in its class: its own path
        alone = sum(len(p) == depth + 1 for p in parts)
        if alone == len(paths):
            raise ValueError(
                f"--group-by folder, but the images of {root} lie directly in their class folders, as {paths[0]} does; "
                "put those of one origin into a folder of their own, or give a pattern of the names, as in --group-by '(clip_[0-9]+)'"
            )
        return keys, alone
    try:
        pattern = re.compile(rule)
    except re.error as error:
        raise ValueError(f"--group-by {rule!r} is neither folder nor a regular expression ({error})") from error
    matches = [pattern.search(path) for path in paths]
    if not any(matches):
        raise ValueError(
            f"--group-by {rule!r} is found in no path of {root}, such as {paths[0]}; it is a regular expression"
        )
    keys = [path if m is None else "\0".join(g or "" for g in m.groups() or [m[0]]) for path, m in zip(paths, matches)]
    return keys, matches.count(None)


def join_copies(groups: Sequence[str], digests: Sequence[bytes]) -> list[bytes]:
    """A key for each image: equal for images of one origin, and for origins that share a copy of an image."""
    leader: dict[object, object] = {}

    def find(item: object) -> object:
        while leader.setdefault(item, item) != item:
            item = leader[item]
        return item

    for group, digest in zip(groups, digests):
        first, second = sorted((find(group), find(digest)), key=lambda item: isinstance(item, bytes))
        if isinstance(second, str):
            first, second = sorted((str(first), second))  # the same whatever the order of the files
        leader[second] = first
    return [hashlib.sha256(str(find(group)).encode()).digest() for group in groups]


def looks_like_clips(
    root: Path, files: Sequence[ImageFile], depth: int, labels: Sequence[int], images: Tensor | None
) -> str:
    """A sentence if images of a folder without splits seem to come in clips, bursts or crops; empty if they do not.

    That is so if most lie in folders below their class, or if neighbours by name are much more alike than other images of
    their class are.

    Args:
        files, depth, labels: N files, sorted by name within a class; see `origins`.
        images: uint8 [N, C, H, W], or None: some are read from their files.
    """
    below = Counter(path.parent for path in (file.relative_to(root) for file in files) if len(path.parts) > depth + 1)
    deep = {parent: count for parent, count in below.items() if count > 1}
    if 2 * sum(deep.values()) > len(files):
        shown = listed([f"{printable(p.as_posix())} {n}" for p, n in deep.items()], 3)
        return (
            f"most images lie in folders below their class ({shown}): if each is one clip, one burst or one person, "
            "--group-by folder keeps it in one split"
        )
    numbered = [i for i, file in enumerate(files) if re.search(r"\d\D*$", file.stem)]
    groups = Counter(match[1] for i in numbered if (match := BEFORE_NUMBER.search(files[i].name)))
    several = len(groups) >= 4 and 3 * len(groups) <= len(numbered)
    pattern = f"--group-by '{BEFORE_NUMBER.pattern}' keeps together what agrees before the last number; or "
    remedy = f"{pattern * several}put whole clips into train, val and test folders"
    if several and sum(n for name, n in groups.items() if re.search(r"\d", name)) > 0.8 * len(files):
        (first, n), *_ = groups.most_common(1)
        return (
            f"the names seem to number images within something ({n} files {printable(first)}...): if that is a clip, a person or one large "
            f"picture, split at random it is in training and test. {remedy[0].upper()}{remedy[1:]}"
        )
    pairs = [(a, b) for a, b in pairwise(numbered) if b == a + 1 and labels[a] == labels[b]]
    pairs = pairs[:: max(1, len(pairs) // PAIRS)][:PAIRS]
    if len(pairs) < 10:
        return ""
    firsts, seconds = (_small([files[i] for i in part], part, images) for part in torch.tensor(pairs).T.tolist())
    others = [_partner(k, [labels[a] for a, _ in pairs]) for k in range(len(pairs))]
    near = (firsts - seconds).abs().flatten(1).mean(1).median()
    far = (firsts - firsts[others]).abs().flatten(1).mean(1).median()
    if near >= NEAR * far:
        return ""
    one, other = (printable(files[i].name) for i in pairs[len(pairs) // 2])
    return (
        f"neighbours by name, such as {one} and {other}, are far more alike than other images of their class, as frames of a clip are: "
        f"split at random, they are in training and test. {remedy[0].upper()}{remedy[1:]}"
    )


def _small(files: Sequence[ImageFile], indices: Sequence[int], images: Tensor | None) -> Tensor:
    """Images [n, 8, 8] in grey."""
    return shrink(decode_all(files, (8, 8), 1, progress=False)[0] if images is None else images[torch.tensor(indices)])


def shrink(images: Tensor) -> Tensor:
    """Images [n, C, H, W] in grey [n, 8, 8]."""
    return torch.nn.functional.adaptive_avg_pool2d(images.float().mean(1, keepdim=True), 8)[:, 0]


def _partner(k: int, labels: Sequence[int]) -> int:
    """Another pair of the same class, far from pair k."""
    same = [i for i, label in enumerate(labels) if label == labels[k]]
    return same[(same.index(k) + max(1, len(same) // 2)) % len(same)]
