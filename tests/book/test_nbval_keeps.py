"""A notebook that nbval has executed is in the book as if the build had executed it; a toy book, with every kind of output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
import nbval.plugin
import pytest
from jupyter_cache import get_cache
from nbformat import NotebookNode

from book.extension import execution
from book.nbval_keeps import ELSEWHERE, pytest_configure
from book.notebook_cache import cache_folder, keep

ROOT = Path(__file__).parent.parent.parent
OUTPUTS = [
    "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('out again')",
    "",  # a cell without code is not counted
    "print('gone')\nfrom IPython.display import HTML, clear_output, display\nclear_output()\nprint('left', end='\\r')\nprint('over')",
    "print('gone later')\nclear_output(wait=True)\nprint('in its place')",
    "handle = display(HTML('<b>old</b>'), display_id=True, metadata={'a': 1})\n1 + 1",
    "handle.update(HTML('<b>new</b>'))",  # changes the output of the cell above
    "import ipywidgets\nslot = ipywidgets.Output()\nwith slot:\n    print('into the widget')\nslot",
    "1 / 0",
    "import os\nlen(Out), get_ipython().execution_count, get_ipython().history_manager.hist_file, os.getcwd(), os.environ['VIT_BOOK_BUILD']",
]


def write(path: Path, *sources: str) -> None:
    cells: list[NotebookNode] = [nbformat.v4.new_markdown_cell("# Title"), *map(nbformat.v4.new_code_cell, sources)]
    for cell in cells:
        cell.metadata.tags = ["raises-exception"] if cell.source == "1 / 0" else []
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vit_tutorial").mkdir()
    return tmp_path


def run_nbval(folder: Path, **environment: str) -> bool:
    """Run the notebook as ``make test-notebooks`` does. Whether it passes."""
    clean = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    command = "-m pytest -q -p no:cacheprovider -p book.nbval_keeps --nbval-lax toy.ipynb"
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=folder,
        env={**clean, "VIT_BOOK_BUILD": "1", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0


def kept(cache: Path, notebook: NotebookNode) -> str | None:
    """The notebook as the book gets it from the cache, without what differs each time: addresses in memory and the names of widgets."""
    if not execution.is_cached(get_cache(cache), notebook):
        return None
    text = nbformat.writes(get_cache(cache).merge_match_into_notebook(notebook)[1])
    return re.sub(r'0x[0-9a-f]{6,}|(?<=model_id": ")[0-9a-f]{32}', "", text)


def test_every_kind_of_output_is_kept_as_the_build_keeps_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "toy.ipynb"
    write(path, *OUTPUTS)
    notebook = nbformat.read(path, as_version=4)
    assert run_nbval(folder)
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    executed = execution.execute(path, deepcopy(notebook), execution.NbParserConfig(execution_timeout=60)).nb
    keep(folder / "other", path, executed, 0.0)
    from_build, from_nbval = kept(folder / "other", notebook), kept(cache_folder(folder), notebook)
    assert from_build == from_nbval
    for text in ('"<b>new', '"over', '"in its place', "ZeroDivisionError", ":memory:"):
        assert text in from_nbval
    for text in ('"<b>old', '"gone', "widget-state"):
        assert text not in from_nbval


def test_a_notebook_with_a_cell_that_fails_is_not_kept(folder: Path) -> None:
    write(folder / "toy.ipynb", "print(1)", "[][7]", "print(2)")
    assert not run_nbval(folder)
    assert kept(cache_folder(folder), nbformat.read(folder / "toy.ipynb", as_version=4)) is None


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_to_run_as_it_does_elsewhere_runs_as_a_reader_s_and_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for other in ELSEWHERE:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    monkeypatch.setattr(nbval.plugin, "RunningKernel", None)
    pytest_configure()
    assert os.environ.get("VIT_BOOK_BUILD") == "1"
    monkeypatch.setenv(name, "1")
    pytest_configure()
    assert "VIT_BOOK_BUILD" not in os.environ


def test_a_reader_s_run_is_not_kept(folder: Path) -> None:
    write(folder / "toy.ipynb", "print(1)")
    assert run_nbval(folder, VIT_BOOK_BUILD="")
    assert kept(cache_folder(folder), nbformat.read(folder / "toy.ipynb", as_version=4)) is None


def test_a_notebook_that_saw_the_package_change_is_not_kept(folder: Path) -> None:
    before = cache_folder(folder)
    write(folder / "toy.ipynb", "open('vit_tutorial/news.py', 'w').close()")
    assert run_nbval(folder)
    assert cache_folder(folder) != before
    for cache in (before, cache_folder(folder)):
        assert kept(cache, nbformat.read(folder / "toy.ipynb", as_version=4)) is None
