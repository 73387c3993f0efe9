"""Cutting the splits that a folder of images does not have."""

from __future__ import annotations

from .decode import hash_all
from .files import listed
from .folder import Folder, images_at
from .origins import join_copies, looks_like_clips, origins
from .splitting import grouped_split, hashed_split
from .versions import looks_like_pairs, looks_like_versions

SPLIT_SEED = 20  # not a training seed


def cut_splits(
    folder: Folder, val_fraction: float, test_fraction: float, rule: str, seed: int, group_by: str
) -> list[list[int]]:
    """Positions of the train, val and test images; cuts those splits that are not there. Copies stay together, and origins."""
    classes, report = folder.classes, folder.report
    given = {part: [i for i, where in enumerate(folder.given) if where == part] for part in ("train", "val", "test")}
    whole = [i for i, where in enumerate(folder.given) if where in ("train", "all")]
    missing = set(range(len(classes))) - {folder.labels[i] for i in whole}
    if missing:
        raise ValueError(
            f"no readable training image is left of class {listed([classes[i] for i in sorted(missing)])}; "
            "add some, or remove the folder"
        )
    fractions = [0.0 if given["val"] else val_fraction, 0.0 if given["test"] else test_fraction]
    fractions = [1 - sum(fractions), *fractions]
    labels, files = [folder.labels[i] for i in whole], [folder.files[i] for i in whole]
    depth = 2 if given["train"] else 1
    if folder.contents is None:  # the check was not wanted; contents decide all the same
        folder.contents = hash_all(folder.files)
    keys, what = [folder.contents[i] for i in whole], "image(s)"
    if group_by:
        groups, alone = origins(folder.root, files, depth, group_by)
        keys, what = join_copies(groups, keys), "group(s)"
        report.notes.append(
            f"{len(set(groups)):,} groups by {group_by}"
            + f"; {alone:,} images are in no group and stand alone" * bool(alone)
        )
        _shared_groups(folder, depth, group_by)
    elif fractions[0] < 1 and (
        found := looks_like_versions(folder.root, files)
        or looks_like_clips(folder.root, files, depth, labels, images_at(folder.images, whole))
    ):
        report.notes.append(found)
    if folder.images is not None and (found := looks_like_pairs(folder.root, files, labels, folder.images, whole)):
        report.notes.append(found)
    if len(set(keys)) < len(keys) and not group_by:
        what = "different image(s)"
    if rule == "hash":
        cut = hashed_split(labels, keys, fractions, seed, classes, what)
    else:
        cut = grouped_split(labels, keys, fractions, seed, classes)
    train, val, test = ([whole[i] for i in part] for part in cut)
    return [train, given["val"] or val, given["test"] or test]


def _shared_groups(folder: Folder, depth: int, group_by: str) -> None:
    """Tell the report of groups that splits which are there already share."""
    if {*folder.given} <= {"all", "train"} or group_by == "folder":
        return
    where: dict[str, set[str]] = {}
    for group, part in zip(origins(folder.root, folder.files, depth, group_by)[0], folder.given):
        where.setdefault(group, set()).add(part)
    shared = [" ".join(group.split("\0")) for group, parts in where.items() if len(parts) > 1]
    if shared:
        folder.report.notes.append(
            f"{len(shared):,} groups are in two splits, where a score would be too good: {listed(shared)}"
        )
