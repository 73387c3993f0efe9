"""Several files of one image, told by their names: sizes, augmented copies, thumbnails; and folders that hold the same images twice."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from .files import printable
from .origins import shrink
from .packed import ImageFile

# What programs add to the name of an image when they write another version of it, and what that version is called.
_ENDINGS = {
    "other sizes": r"[-_@][0-9]{2,4}x[0-9]{2,4}",
    "augmented copies": r"[.]rf[.][0-9a-f]{6,}",
    "changed copies": r"[-_. ](?:aug|augmented|[hv]?flip|flipped|mirror|mirrored|rot|rotated?|blur|blurred)[-_]?[0-9]*",
    "smaller copies": r"[-_. ](?:small|medium|thumb|thumbnail|resized|scaled)",
}
_SMALL = re.compile(r"[._-]?(thumb(nail)?s?|previews?|small|resized|scaled|cache)", re.IGNORECASE)
SEVERAL = 4  # images that have versions; fewer may share the beginning of a name by chance
SOME = 0.1  # of the files, from which on other versions are worth a word
PAIRS = 100  # that are compared
FEWEST = 6  # names that two folders have to share
ALIKE = 0.5  # correlation of two versions of one image, once small


def looks_like_versions(root: Path, files: Sequence[ImageFile]) -> str:
    """A sentence if a folder holds several versions of its images, by their names or in folders of small copies; empty if not.

    Split at random, one version is trained on and another is tested.

    Args:
        files: N files, of one split.
    """
    names = {(file.parent, file.name) for file in files}
    small = [f for f in files if _SMALL.fullmatch(f.parent.name) and (f.parent.parent, f.name) in names]
    if len(small) > SOME * len(files):
        shown = printable(small[0].relative_to(root).as_posix())
        return (
            f"{len(small):,} images, such as {shown}, have the name of one in the folder above: if they are smaller copies, split at "
            "random a picture is trained on and its copy tested; move them out of the class folders"
        )
    for what, ending in _ENDINGS.items():
        pattern = rf"([^/]+)/([^/]+?)(?:{ending})?[.][^.]+$"
        versions = defaultdict(list)
        for file in files:
            if match := re.search(pattern, file.relative_to(root).as_posix()):
                versions[match.groups()].append(file)
        several = [found for found in versions.values() if len(found) > 1]
        if len(several) >= SEVERAL and sum(map(len, several)) > SOME * len(files):
            one, other = (printable(file.name) for file in several[0][:2])
            return (
                f"by their names {sum(map(len, several)):,} images are {what} of one another, such as {one} and {other}: split at random, one version is "
                f"trained on and another tested. --group-by '{pattern}' keeps them together"
            )
    return ""


def looks_like_pairs(
    root: Path, files: Sequence[ImageFile], labels: Sequence[int], images: Tensor, at: Sequence[int]
) -> str:
    """A sentence if two class folders hold the same images in two versions, such as dark and bright; empty if they do not.

    That is so if they have files of the same names, and images of one name are alike.

    Args:
        files, labels: N files.
        images, at: uint8 [M, C, H, W], and the place of each file's image among them.
    """
    of_class: dict[int, dict[str, int]] = defaultdict(dict)
    for i, (file, label) in enumerate(zip(files, labels)):
        of_class[label][file.stem] = i
    names = Counter(frozenset(found) for found in of_class.values())
    shared = next((stems for stems, n in names.items() if n > 1 and len(stems) >= FEWEST), None)
    if shared is None:
        return ""
    first, second = [found for found in of_class.values() if found.keys() == shared][:2]
    order = sorted(shared)[:PAIRS]
    a, b = (_centred(images[[at[found[stem]] for stem in order]]) for found in (first, second))
    same, others = ((a * one).sum(1).median().item() for one in (b, b.roll(1, 0)))
    if same < ALIKE or same < others + 0.3:
        return ""
    one, other = (printable(files[found[order[0]]].relative_to(root).as_posix()) for found in (first, second))
    return (
        f"images of one name are alike in two classes, as {one} and {other} are: if they are two versions of one image, such as before and "
        "after, these folders are no classes"
    )


def _centred(images: Tensor) -> Tensor:
    """Each image, small and grey, as a vector of mean 0 and length 1: [n, 64]."""
    flat = shrink(images).flatten(1)
    return torch.nn.functional.normalize(flat - flat.mean(1, keepdim=True), dim=1)
