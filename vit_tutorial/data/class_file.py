"""The names of a folder's classes, and what stands for them in its masks: the file classes.txt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .files import listed, printable
from .mask_files import Colour, Table, WholeTable
from .targets import VOID

LINE = re.compile(r"(?P<name>.*?)\s*=\s*(?P<value>\d+(?:[\s,]+\d+)*)")
FORM = "a name a line, class 0 first, with what its masks hold behind it where that is another number or a colour (leaf = 255, leaf = 128 0 0)"


def named_classes(
    root: Path, classes: Sequence[str] | None = None, table: Table | None = None
) -> tuple[list[str], Table | None]:
    """The names given, or those in ROOT/classes.txt, and the table of `read_mask`: the one given, or the one in the file.

    The k-th line of the file names class k. ``leaf = 255`` says that masks hold 255 for it, ``leaf = 128 0 0`` the colour (128, 0, 0).
    Where every class has a number, masks may hold no other but 255. The name void, with a number or a colour, is no class: it says
    what becomes void, and may have several lines.

    Raises:
        ValueError: no names, too many, or two alike; numbers and colours in one file, or one of them twice.
    """
    file = root / "classes.txt"
    if classes is None and not file.is_file():
        raise ValueError(
            f"the masks of {root} hold numbers, and nothing names them; give classes, or write {file} with {FORM}"
        )
    if classes is not None:
        return _checked(root, [name.strip() for name in classes if name.strip()]), table
    names: list[str] = []
    stands_for: dict[tuple[int, ...], int] = {}
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no UTF-8 text; save it as UTF-8") from error
    for line in text.splitlines():
        found = LINE.fullmatch(line.strip())
        name = found["name"] if found else line.strip()
        if name and not (name.lower() == "void" and found):
            names.append(name)
        if found:
            value = tuple(map(int, re.split(r"[\s,]+", found["value"])))
            if len(value) not in (1, 3) or max(value) > 255 or value in stands_for:
                raise ValueError(
                    f"{file}: {printable(line.strip())} is not understood: one number or three from 0 to 255 stand for a class, and each for one only"
                )
            stands_for[value] = VOID if name.lower() == "void" else len(names) - 1
    return _checked(file, names), table or _table(file, names, stands_for)


def _table(file: Path, names: list[str], stands_for: Mapping[tuple[int, ...], int]) -> Table | None:
    if len({len(value) for value in stands_for}) > 1:
        raise ValueError(f"{file} gives numbers for some classes and colours for others; masks are read by one of them")
    colours: dict[Colour, int] = {(v[0], v[1], v[2]): k for v, k in stands_for.items() if len(v) == 3}
    if colours:
        if without := [name for k, name in enumerate(names) if k not in colours.values()]:
            raise ValueError(
                f"{file} gives no colour for {listed(without)}; where one class has a colour, all need one"
            )
        return colours
    numbers = {value[0]: k for value, k in stands_for.items()}
    if {*range(len(names))} <= {*numbers.values()}:  # where each class has its number, no other number is one
        return WholeTable(numbers)
    return numbers or None


def _checked(where: Path, names: list[str]) -> list[str]:
    if not 2 <= len(names) <= 255 or len({*names}) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(
            f"{where}: give 2 to 255 different class names, background included, got {len(names)}: {listed(names)}"
            + f"; {listed(twice)} is there more than once" * bool(twice)
        )
    return names
