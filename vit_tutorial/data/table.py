"""Images of one's own with several answers each: a folder with labels.csv, a row an image and a column an answer.

ROOT/labels.csv     file, split, count, present:cat, present:dog, nose:row, nose:column, mask
ROOT/...            the images, under the names in the column file
ROOT/classes.txt    of masks the classes' names, one a line, background first

A task is a column (count), or several whose names begin with it (present:cat). An empty cell is an answer that nobody has given. Without a column
split, contents decide. Numbers that are places in the image are called row and column, or y and x: pixels, the middle of the first at 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from vit_tutorial.heads.multitask import Kind, Output

from .class_file import named_classes
from .dataset import Splits, TensorImages
from .digit_scenes import SPLITS
from .files import listed
from .image_folder import SPLIT_SEED
from .mask_files import read_mask
from .remember import RememberedSplit
from .splitting import hashed_split
from .table_rows import Row, read_rows
from .targets import VOID

SHOWN = 12  # faults in an error's text
YES_OR_NO = {"1": 1, "0": 0, "yes": 1, "no": 0, "true": 1, "false": 0, "": -1}


class BadTable(ValueError):
    """Rows that cannot be right; ``faults`` has a sentence for each."""

    def __init__(self, file: Path, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        more = f"\n  and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        super().__init__(
            f"{file} has {len(faults)} fault{'s' * (len(faults) > 1)}; mend them or take the rows out:\n  "
            + "\n  ".join(faults[:SHOWN])
            + more
        )


@dataclass
class TableReport:
    """What was read, and what looks odd without being wrong."""

    images: int
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "; ".join([f"{self.images:,} images", *self.notes])


def label_table(
    root: str | Path,
    kinds: dict[str, Kind],
    size: tuple[int, int] | None = None,
    channels: int = 3,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> tuple[Splits, dict[str, Output]]:
    """The images of ROOT/labels.csv with all their answers, and what each task asks.

    Everything is read and compared once, before training: every fault is in one error.

    Args:
        kinds: of each task class, labels, numbers or mask; columns of no task are left out, and reported.
        size: (height, width) of the images; default: that of the first. None is resized: positions and masks would have to be, too.
        channels: 3 (RGB) or 1 (grey).
        fractions: of training, validation and test, where there is no column split.

    Raises:
        FileNotFoundError: no labels.csv. ValueError: a column is missing, or no task was named.
        BadTable (a ValueError): images or masks that are missing, damaged or of another size; files named twice, or in two splits; values that are none.
    """
    root = Path(root).expanduser()
    file = root / "labels.csv"
    if not kinds:
        raise ValueError("say what the columns are, as in multitask.kinds={count: class, nose: numbers}")
    rows, columns, faults = read_rows(root, file, size, channels)
    of_task = {task: [c for c in columns if c == task or c.startswith(f"{task}:")] for task in kinds}
    for task, found in of_task.items():
        if not found:
            raise ValueError(
                f"{file} has no column {task}, nor one that begins with {task}: ; its columns are {listed(columns)}"
            )
        if len(found) > 1 and kinds[task] in ("class", "mask"):
            raise ValueError(f"the task {task} is a {kinds[task]}, which is one column, and {file} has {listed(found)}")
    parts = split_of(rows, fractions)
    names = {"mask": named_classes(root)[0] if "mask" in kinds.values() else []}
    targets: dict[str, Tensor] = {}
    outputs: dict[str, Output] = {}
    for task, kind in kinds.items():
        cells = [[row.cells[c].strip() for c in of_task[task]] for row in rows]
        if kind == "mask":
            outputs[task] = Output(kind, tuple(names["mask"]))
            targets[task] = masks(root, rows, [cell[0] for cell in cells], len(names["mask"]), faults)
        elif kind == "class":
            outputs[task], targets[task] = classes(task, rows, [cell[0] for cell in cells], parts[0], faults)
        else:
            outputs[task] = Output(kind, tuple(c.partition(":")[2] or c for c in of_task[task]))
            targets[task] = numbers(task, kind, rows, cells, faults)
    if faults:
        raise BadTable(file, faults)
    return as_splits(root, rows, parts, targets, outputs, columns, of_task), outputs


def split_of(rows: Sequence[Row], fractions: tuple[float, float, float]) -> list[list[int]]:
    """The rows of training, validation and test: as the table says, or by content."""
    if any("split" in row.cells for row in rows):
        return [[i for i, row in enumerate(rows) if row.cells["split"] == name] for name in SPLITS]
    return hashed_split([0] * len(rows), [row.content for row in rows], fractions, SPLIT_SEED)


def classes(
    task: str, rows: Sequence[Row], cells: Sequence[str], train: Sequence[int], faults: list[str]
) -> tuple[Output, Tensor]:
    """The classes are the words of the training rows, numbers by value; a word that only others have is a fault."""
    known = sorted({cells[i] for i in train if cells[i]}, key=lambda word: (_value(word), word))
    if not known:
        faults.append(
            f"no training image has a value of {task}, so there is nothing to learn; fill the column, or leave it out"
        )
        known = ["?"]
        cells = [""] * len(cells)
    for one, other in pairwise(known):
        if _value(one) == _value(other) < math.inf:
            faults.append(
                f"{task} is {one!r} in some lines and {other!r} in others, which is one number; write it one way"
            )
    index = {word: k for k, word in enumerate(known)}
    for row, cell in zip(rows, cells):
        if cell and cell not in index:
            faults.append(
                f"line {row.line}: {task} is {cell!r}, which no training image has; there are {listed(known)}"
            )
    return Output("class", tuple(known)), torch.tensor([index.get(cell, -1) for cell in cells])


def numbers(task: str, kind: Kind, rows: Sequence[Row], cells: Sequence[Sequence[str]], faults: list[str]) -> Tensor:
    """Yes-or-no answers int64 [N, K] with -1, or numbers float32 [N, K] with NaN, where a cell is empty."""
    read = []
    for row, words in zip(rows, cells):
        values: list[float] = []
        for word in words:
            value = float(YES_OR_NO.get(word.lower(), 2)) if kind == "labels" else _value(word) if word else math.nan
            if (value == 2 and kind == "labels") or math.isinf(value):
                wanted = "1 or 0, yes or no, or empty" if kind == "labels" else "a number, or empty"
                faults.append(f"line {row.line}: {task} is {word!r}; it must be {wanted}")
            values.append(value)
        read.append(values)
    return torch.tensor(read, dtype=torch.int64 if kind == "labels" else torch.float32)


def masks(root: Path, rows: Sequence[Row], cells: Sequence[str], K: int, faults: list[str]) -> Tensor:
    """The masks [N, H, W] whose files the cells name; all void where a cell is empty."""
    found = []
    for row, cell in zip(rows, cells):
        mask = torch.full(row.image.shape[-2:], VOID, dtype=torch.uint8)
        try:
            mask = read_mask(root / cell) if cell else mask
        except (ValueError, OSError) as error:
            faults.append(f"line {row.line}: mask {cell}: {' '.join(str(error).split())}")
        if mask.shape != row.image.shape[-2:]:
            faults.append(f"line {row.line}: mask {cell} is {list(mask.shape)}, its image {list(row.image.shape[-2:])}")
            mask = torch.full(row.image.shape[-2:], VOID, dtype=torch.uint8)
        if ((mask >= K) & (mask != VOID)).any():
            faults.append(
                f"line {row.line}: mask {cell} holds {int(mask[mask != VOID].max())}, but classes.txt names {K} classes"
            )
        found.append(mask)
    return torch.stack(found)


def as_splits(
    root: Path,
    rows: Sequence[Row],
    parts: Sequence[Sequence[int]],
    targets: dict[str, Tensor],
    outputs: dict[str, Output],
    columns: Sequence[str],
    of_task: dict[str, list[str]],
) -> Splits:
    """The three data sets, and a report of what looks odd."""
    report = TableReport(len(rows))
    if unused := sorted({*columns} - {"file", "split"} - {c for found in of_task.values() for c in found}):
        report.notes.append(f"columns of no task: {listed(unused)}")
    for task, output in outputs.items():
        if output.kind == "class":
            counts = Counter(targets[task][list(parts[0])].tolist())
            if rare := [name for k, name in enumerate(output.names) if counts[k] < 5]:
                report.notes.append(f"fewer than 5 training images have {task} {listed(rare)}")
    images = torch.stack([row.image for row in rows])
    names = next(
        (list(o.names) for o in outputs.values() if o.kind == "mask"), list(next(iter(outputs.values())).names)
    )
    built = []
    for part, split in zip(parts, SPLITS):
        index = torch.tensor(list(part), dtype=torch.int64)
        of_part = {task: values[index] for task, values in targets.items()}
        sentence = f"{root.name}: {len(rows):,} images of a table, {len(part):,} for {split}"
        if not part:
            raise ValueError(f"{root / 'labels.csv'} has no image for {split}; give some rows the split {split}")
        files = [rows[i].cells["file"] for i in part]
        built.append(TensorImages(images[index], of_part, names, root.name, sentence, files=files))
    return Splits(*built, report=report, remembered=RememberedSplit.of(*(split.digests() for split in built)))


def _value(word: str) -> float:
    """The number that a word is, or infinity."""
    try:
        value = float(word)
    except ValueError:
        return math.inf
    return value if math.isfinite(value) else math.inf
