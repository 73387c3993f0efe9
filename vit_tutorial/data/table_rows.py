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
        FileNotFoundError: there is no such table. ValueError: it has no column ``file``, or no rows, or a column twice, or is not UTF-8.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no {file}; write one, with a column file, a row an image and a column an answer"
        )
    lines, columns = lines_of(file)
    rows: list[Row] = []
    faults: list[str] = []
    seen: dict[str, int] = {}
    for line, words in lines:
        if len(words) > len(columns):
            faults.append(
                f"line {line} has {len(words)} cells and the table {len(columns)} columns; quote a cell with a comma in it"
            )
            continue
        cells = dict.fromkeys(columns, "") | dict(zip(columns, words))
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


def lines_of(file: Path) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """The cells of each row that is not blank, with the number of its line, and the columns. Raises ValueError as `read_rows`."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            table = csv.reader(text)
            columns = [name.strip() for name in next(table, [])]
            lines = [(table.line_num, words) for words in table if words]
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 ({one_line(error)}); save it as CSV in UTF-8") from error
    if "file" not in columns or not lines:
        divided = "; divide the cells by commas" if len(columns) == 1 and ";" in columns[0] else ""
        raise ValueError(f"{file} needs a column file and at least one row; its columns are {listed(columns)}{divided}")
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise ValueError(f"{file} has two columns {twice[0]!r}; give one of them another name, or take it out")
    return lines, columns


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
