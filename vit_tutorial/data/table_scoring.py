"""Which images of a table a trained model may be scored on: those that it has not seen, or has for that purpose."""

from __future__ import annotations

import torch

from .dataset import Splits, TensorImages
from .digit_scenes import SPLITS
from .remember import RememberedSplit


def rows_to_score(splits: Splits, part: str, memory: RememberedSplit | None) -> tuple[TensorImages, list[str]]:
    """The images of a table (see `label_table`) that a trained model may be scored on, and what has to be said about them.

    - The table of the run: what it calls `part`, without images that the run has in another part.
    - A table with no image that the run knows: all of it.

    Args:
        part: "train", "val" or "test"; "all" for every image, seen or not.
        memory: of the run; None for a model from before runs of tables remembered.

    Raises:
        ValueError: nothing to score, with what there is.
    """
    images, where = joined(splits), [name for name, split in zip(SPLITS, splits) for _ in range(len(split))]
    here = [i for i, name in enumerate(where) if part in (name, "all")]
    known = [None if memory is None else memory.part_of(digest) for digest in images.digests()]
    notes: list[str] = []
    if part == "all":
        if seen := known.count("train"):
            notes.append(f"{seen:,} of these images were trained on")
    elif memory is None:
        notes.append(
            "this model does not remember which images it was trained on: look that none of them is among these"
        )
    elif not any(known):
        here = list(range(len(images)))
        notes.append(f"this is not the table of the run: all {len(here):,} images of it are new, and scored")
    else:
        kept = [i for i in here if known[i] in (None, part)]
        if out := len(here) - len(kept):
            notes.append(
                f"{out:,} images that the table calls {part} are left out: the run has them in another split, and may know them"
            )
        if new := sum(known[i] is None for i in kept):
            notes.append(f"{new:,} of these images are new to the run, which has not seen them")
        here = kept
    if not here:
        raise ValueError(
            f"nothing to score as {part}: the run has trained on these images, or chosen its weights by them. Choose another --split, or give a "
            "table of new images with --data"
        )
    chosen = images.select(here)
    chosen.variant = f"{splits.name}: {len(images):,} images of a table"
    return chosen, notes


def joined(splits: Splits) -> TensorImages:
    """The three splits of a table as one data set."""
    train, val, test = splits
    targets = {name: torch.cat([split.targets[name] for split in splits]) for name in train.targets}
    images = torch.cat([split.images for split in splits])
    files = [*train.files, *val.files, *test.files]
    return TensorImages(images, targets, train.classes, train.name, train.variant, train.mean, train.std, files)
