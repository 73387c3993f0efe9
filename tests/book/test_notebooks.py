"""How notebooks are committed: without outputs, with the set-up cell, in small cells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from book import setup_cell

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = setup_cell.notebooks()
LONGEST_CELL = 24  # "no cell over about 20 lines"

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())


@each_notebook
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "code":
            assert not cell.outputs, f"cell {number} has outputs; run nbstripout"
            assert cell.execution_count is None, f"cell {number} has an execution count; run nbstripout"


@each_notebook
def test_a_notebook_is_valid_and_names_the_kernel_that_every_reader_has(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


@each_notebook
def test_a_notebook_begins_with_the_set_up_cell(path: Path) -> None:
    source = setup_cell.cell_source(setup_cell.repository_url())
    assert setup_cell.has_cell(path, source), "run: python -m book.setup_cell --write"


@each_notebook
def test_cells_are_small(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells[1:]
    longest = max(len(cell.source.splitlines()) for cell in cells if cell.cell_type == "code")
    assert longest <= LONGEST_CELL


def test_the_set_up_cell_is_written_once_and_then_found(tmp_path: Path) -> None:
    path, source = tmp_path / "a.ipynb", setup_cell.cell_source("")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title")])
    nbformat.write(notebook, path)
    assert not setup_cell.has_cell(path, source)
    setup_cell.write_cell(path, source)
    setup_cell.write_cell(path, setup_cell.cell_source("https://example.org/book"))
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.cell_type for cell in cells] == ["code", "markdown"]
    assert "git+https://example.org/book" in cells[0].source
    assert setup_cell.has_cell(path, setup_cell.cell_source("https://example.org/book"))


def run_set_up_cell(
    url: str, before: str = "", folder: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The cell, after another one, in an interpreter that has no package of ours, with pip replaced by an echo of its arguments."""
    hide = "import subprocess, sys; sys.path = [p for p in sys.path if 'zip' in p or p.endswith(('lib-dynload', 'python3.%d' % sys.version_info[1]))]; subprocess.run = lambda arguments, check: print(arguments[1:]);"
    clean = {name: value for name, value in os.environ.items() if name != "VIT_TUTORIAL_SOURCE"}
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{hide}\n{before}\n{setup_cell.cell_source(url)}"],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
    )


def test_the_set_up_cell_without_an_address_says_what_to_do() -> None:
    done = run_set_up_cell("")
    assert done.returncode == 1
    assert "make lab" in done.stderr
    assert "pip wheel" in done.stderr


def test_the_two_lines_that_the_set_up_cell_names_make_it_install_an_uploaded_wheel(tmp_path: Path) -> None:
    (tmp_path / "vit_tutorial-1.2.3-py3-none-any.whl").touch()
    message = run_set_up_cell("", folder=tmp_path).stderr.split("ModuleNotFoundError", 1)[1]
    lines = [line.strip() for line in message.splitlines() if line.startswith("    ")]
    assert len(lines) == 2
    done = run_set_up_cell("", before="\n".join(lines), folder=tmp_path)
    assert done.stdout.strip() == "['-m', 'pip', 'install', '--quiet', 'vit_tutorial-1.2.3-py3-none-any.whl']", (
        done.stderr
    )


def test_the_set_up_cell_installs_from_the_public_address() -> None:
    done = run_set_up_cell("https://example.org/book")
    assert done.stdout.strip() == "['-m', 'pip', 'install', '--quiet', 'git+https://example.org/book']"


def test_the_set_up_cell_prefers_the_source_that_the_reader_names() -> None:
    done = run_set_up_cell("https://example.org/book", VIT_TUTORIAL_SOURCE="/tmp/vit.whl")
    assert done.stdout.strip().endswith("'/tmp/vit.whl']")
