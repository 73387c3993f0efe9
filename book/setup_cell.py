"""The first cell of every notebook: it installs the package where the notebook was opened alone, and else does nothing.

    python -m book.setup_cell --check     exit status 1 and a list, where a notebook has another first cell
    python -m book.setup_cell --write     put the cell into every notebook

The cell's text depends on one setting only, ``repository: url`` in _config.yml.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).parent.parent
TAG = "remove-cell"  # the book does not show it

TEMPLATE = """\
# Opened alone, for example on Colab, this notebook installs the package it uses.
# Elsewhere this cell does nothing.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("vit_tutorial") is None:
    # a wheel, a folder or an address that pip knows
    source = os.environ.get("VIT_TUTORIAL_SOURCE", "{address}")
    if not source:
        raise ModuleNotFoundError(
            "The package vit_tutorial is not installed, and this notebook has no address to install "
            "it from. In the project's folder, make lab opens the notebooks with it. Elsewhere, as on "
            "Colab: build a wheel in the project's folder (pip wheel --no-deps -w dist .), upload the "
            "file beside the notebook, run these two lines in a cell, and then this cell again:\\n\\n"
            "    import glob, os\\n"
            "    os.environ['VIT_TUTORIAL_SOURCE'] = glob.glob('vit_tutorial-*.whl')[-1]\\n"
        )
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)
    importlib.invalidate_caches()"""


def cell_source(repository_url: str) -> str:
    """The cell's code; with an empty address it says what to do instead of installing."""
    return TEMPLATE.format(address=f"git+{repository_url}" if repository_url else "")


def repository_url(config: Path = ROOT / "_config.yml") -> str:
    return str(yaml.safe_load(config.read_text(encoding="utf-8")).get("repository", {}).get("url") or "")


def notebooks(root: Path = ROOT) -> list[Path]:
    """The notebooks of chapters and appendices, in reading order."""
    folders = (root / "chapters", root / "appendices")
    return [p for folder in folders for p in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]


def is_setup_cell(cell: nbformat.NotebookNode) -> bool:
    return bool(cell.cell_type == "code" and 'find_spec("vit_tutorial")' in cell.source)


def has_cell(path: Path, source: str) -> bool:
    first = nbformat.read(path, as_version=4).cells[0]
    return first.cell_type == "code" and first.source == source and TAG in first.metadata.get("tags", [])


def write_cell(path: Path, source: str) -> None:
    """Put the cell first, in place of an older version of it."""
    notebook = nbformat.read(path, as_version=4)
    if notebook.cells and is_setup_cell(notebook.cells[0]):
        notebook.cells[0].source = source
        notebook.cells[0].metadata["tags"] = [TAG]
    else:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(source, id="set-up", metadata={"tags": [TAG]}))
    nbformat.write(notebook, path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true")
    choice.add_argument("--write", action="store_true")
    write = parser.parse_args(arguments).write
    source = cell_source(repository_url())
    wrong = [path for path in notebooks() if not has_cell(path, source)]
    for path in wrong:
        if write:
            write_cell(path, source)
        print(f"{path.relative_to(ROOT)}: {'cell written' if write else 'has another first cell'}")
    return 1 if wrong and not write else 0


if __name__ == "__main__":
    sys.exit(main())
