"""A package's imports, read from its source."""

from __future__ import annotations

from pathlib import Path

import pytest

import vit_tutorial
from vit_tutorial.figures.package import read_imports, reading_order


def written(folder: Path, **files: str) -> Path:
    package = folder / "pkg"
    for name, text in files.items():
        path = package / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return package


def test_imports_are_found_at_the_top_within_functions_and_in_folders(tmp_path: Path) -> None:
    package = written(
        tmp_path,
        a="import os\n",
        b="from pkg.a import x\n",
        c__one="def f():\n    from pkg import b\n",
        c__two="import pkg.c.one\nimport pkg.a\n",
    )
    assert read_imports(package) == {"a": set(), "b": {"a"}, "c": {"a", "b"}}


def test_in_reading_order_a_module_comes_after_all_that_it_imports() -> None:
    imports = read_imports(Path(vit_tutorial.__file__).parent)
    order = reading_order(imports)
    assert sorted(order) == sorted(imports)
    assert all(order.index(other) < order.index(name) for name in order for other in imports[name])


def test_a_circle_is_named() -> None:
    with pytest.raises(ValueError, match="a circle of imports among b, c"):
        reading_order({"a": set(), "b": {"a", "c"}, "c": {"b"}})
