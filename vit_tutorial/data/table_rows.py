"""The rows of a table of images: each file decoded once, and what is wrong with it said in a sentence."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from .decode import as_tensor, one_line, open_image
from .digit_scenes import SPLITS
from .files import listed


@dataclass
class Row:
    """One image of a table: its line, its cells by column, its pixels uint8 [C, H, W], and the SHA-256 of them."""

    line: int
    cells: dict[str, str]
    image: Tensor
    content: bytes


def read_rows(
    root: Path, file: Path, size: tuple[int, int] | None, channels: int
) -> tuple[list[Row], list[str], list[str]]:
    """The rows whose images can be read, all columns, and a sentence for each fault.

    Raises:
        FileNotFoundError: there is no such table. ValueError: it has no column ``file``, or no rows.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no {file}; write one, with a column file, a row an image and a column an answer"
        )
    with file.open(encoding="utf-8-sig", newline="") as text:
        table = csv.DictReader(text)
        columns = [(name or "").strip() for name in table.fieldnames or []]
        table.fieldnames = columns
        lines = [(table.line_num, {k: (v or "") for k, v in row.items() if k is not None}) for row in table]
    if "file" not in columns or not lines:
        raise ValueError(f"{file} needs a column file and at least one row; its columns are {listed(columns)}")
    rows: list[Row] = []
    faults: list[str] = []
    seen: dict[str, int] = {}
    for line, cells in lines:
        name = cells["file"].strip()
        if name in seen:
            faults.append(f"line {line}: {name} is named in line {seen[name]}, too")
            continue
        seen[name] = line
        if "split" in cells and cells["split"].strip() not in SPLITS:
            faults.append(f"line {line}: split is {cells['split']!r}; it must be one of {', '.join(SPLITS)}")
            continue
        image, fault = decoded(root / name, channels)
        if image is None:
            faults.append(f"line {line}: {name} {fault}")
            continue
        height, width = image.shape[-2:]
        size = size or (height, width)
        if (height, width) != size:
            faults.append(f"line {line}: {name} is {[height, width]} pixels, not {list(size)}")
            continue
        cells = {**cells, "file": name} | ({"split": cells["split"].strip()} if "split" in cells else {})
        rows.append(Row(line, cells, image, hashlib.sha256(image.numpy().tobytes()).digest()))
    faults += copies(rows)
    if not rows:
        raise ValueError(f"{file}: no image can be read: {listed(faults)}")
    return rows, columns, faults


def decoded(path: Path, channels: int) -> tuple[Tensor | None, str]:
    """The image, or None and why not."""
    try:
        return as_tensor(open_image(path.read_bytes(), channels)), ""
    except FileNotFoundError:
        return None, "is not there"
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plug-ins raise many kinds on damaged files
        return None, f"cannot be decoded ({one_line(error)})"


def copies(rows: list[Row]) -> list[str]:
    """A sentence for each image that is there again under another name: in another split, or with other answers."""
    first: dict[bytes, Row] = {}
    found = []
    for row in rows:
        other = first.setdefault(row.content, row)
        if other is row:
            continue
        same = f"line {row.line}: {row.cells['file']} shows the same as {other.cells['file']} in line {other.line}"
        if row.cells.get("split") != other.cells.get("split"):
            found.append(f"{same}, in another split")
        elif different := [c for c in row.cells if c not in ("file", "mask") and row.cells[c] != other.cells[c]]:
            found.append(f"{same}, with another {listed(different)}")
    return found
