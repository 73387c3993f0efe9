"""Notebooks in the build: several at a time, once, the failing ones named, and none left running."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from small_book import Book
from sphinx.errors import ExtensionError

from book.extension import execution

ROOT = Path(__file__).parent.parent.parent


class Notebooks(Book):
    """A book of notebooks, whose cells leave marks in the folder: how often they ran, and when."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.write(
            "conf.py",
            "extensions = ['myst_nb', 'book.extension']\nhtml_math_renderer = 'katex'\nexclude_patterns = ['_build']\n"
            "nb_execution_mode = 'cache'\nnb_execution_timeout = 60\nnb_execution_show_tb = True\n"
            "nb_execution_excludepatterns = ['left_alone.ipynb']\nsource_suffix = {'.md': 'myst-nb', '.ipynb': 'myst-nb'}\n",
        )

    def notebook(self, name: str, *sources: str) -> None:
        cells = [nbformat.v4.new_markdown_cell(f"# {name}"), *map(nbformat.v4.new_code_cell, (*sources, RAN))]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        path = self.folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        names = "\n".join(path.stem for path in sorted(self.folder.glob("*.ipynb")))
        self.write("index.md", f"# Title\n\n```{{toctree}}\n{names}\n```\n")

    def kernels(self) -> list[str]:
        """The processes of the kernels that came to a notebook's end, in the order in which they did."""
        path = self.folder / "ran"
        return path.read_text(encoding="utf-8").split() if path.is_file() else []


RAN = "import os\nwith open('ran', 'a') as file:\n    print(os.getpid(), file=file)"
MEET = """
import time
from pathlib import Path

Path({own!r}).touch()
for _ in range(600):
    if Path({other!r}).exists():
        break
    time.sleep(0.05)
else:
    raise RuntimeError("the other notebook has not begun in 30 s")
"""


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notebooks:
    monkeypatch.delenv("JOBS", raising=False)
    return Notebooks(tmp_path)


def test_notebooks_run_at_the_same_time_each_in_a_kernel_of_its_own_and_once(notebooks: Notebooks) -> None:
    notebooks.notebook("first", MEET.format(own="a", other="b"), "print('of ' + 'the first')")
    notebooks.notebook("second", MEET.format(own="b", other="a"), "print('of ' + 'the second')")
    assert notebooks.build() == ""
    assert "of the first" in notebooks.html("first")
    assert "of the second" in notebooks.html("second")
    assert len(set(notebooks.kernels())) == 2
    notebooks.write("index.md", (notebooks.folder / "index.md").read_text(encoding="utf-8") + "\nNews.\n")
    notebooks.notebook("first", MEET.format(own="a", other="b"), "print('of ' + 'the first, changed')")
    assert notebooks.build() == ""
    assert "of the first, changed" in notebooks.html("first")
    assert len(notebooks.kernels()) == 3


def test_a_build_after_the_pages_are_lost_takes_the_notebooks_from_the_cache(notebooks: Notebooks) -> None:
    notebooks.notebook("first", "print('of ' + 'the first')")
    notebooks.build()
    shutil.rmtree(notebooks.folder / "_build" / "html")
    shutil.rmtree(notebooks.folder / "_build" / ".doctrees")
    assert notebooks.build() == ""
    assert "of the first" in notebooks.html("first")
    assert len(notebooks.kernels()) == 1


def test_with_one_job_notebooks_run_one_after_the_other_the_longest_first(
    notebooks: Notebooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBS", "1")
    alone = "import time, pathlib\npathlib.Path('busy').mkdir()\ntime.sleep({})\npathlib.Path('busy').rmdir()"
    name = "with open('names', 'a') as file:\n    print({!r}, file=file)"
    notebooks.notebook("a_short", alone.format(0.0), name.format("short"))
    notebooks.notebook("b_long", alone.format(1.0), name.format("long"))
    assert notebooks.build() == ""
    notebooks.write("vit_tutorial/news.py", "")
    assert notebooks.build() == ""
    names = (notebooks.folder / "names").read_text(encoding="utf-8").split()
    assert names[2:] == ["long", "short"]


def test_failing_notebooks_are_all_named_with_their_tracebacks_and_the_others_are_kept(notebooks: Notebooks) -> None:
    begun = "with open('begun', 'a') as file:\n    print({!r}, file=file)"
    notebooks.notebook("broken", begun.format("broken"), "print('shown ' + 'before')", "[][7]")
    notebooks.notebook("dead", begun.format("dead"), "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    notebooks.notebook("sound", "print('of ' + 'the sound one')")
    for _ in range(2):  # the second build says it again
        warnings = notebooks.build()
        assert "broken.ipynb: WARNING: Executing notebook failed: CellExecutionError" in warnings
        assert "IndexError" in warnings
        assert "dead.ipynb: WARNING: Executing notebook failed: DeadKernelError" in warnings
        assert "sound.ipynb" not in warnings
    assert "of the sound one" in notebooks.html("sound")
    assert "shown before" in notebooks.html("broken")
    assert len(notebooks.kernels()) == 1
    assert sorted((notebooks.folder / "begun").read_text(encoding="utf-8").split()) == [
        "broken",
        "broken",
        "dead",
        "dead",
    ]
    notebooks.notebook("broken", "print('men' + 'ded')")
    notebooks.notebook("dead", "print('ali' + 've')")
    assert notebooks.build() == ""
    assert "mended" in notebooks.html("broken")


def test_an_excluded_notebook_is_not_executed(notebooks: Notebooks) -> None:
    notebooks.notebook("left_alone", "print('exe' + 'cuted')")
    notebooks.notebook("other", "print('exe' + 'cuted')")
    assert notebooks.build() == ""
    assert "executed" in notebooks.html("other")
    assert "executed" not in notebooks.html("left_alone")
    assert len(notebooks.kernels()) == 1


def test_an_interrupted_build_leaves_no_kernel(notebooks: Notebooks) -> None:
    for name in ("first", "second", "third"):
        notebooks.notebook(name, f"import os, time\nopen('{name}.' + str(os.getpid()), 'w')\ntime.sleep(900)")
    command = [sys.executable, "-m", "sphinx", "-q", ".", "_build/html"]
    build = subprocess.Popen(
        command,
        cwd=notebooks.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    while len(started := list(notebooks.folder.glob("*.[0-9]*"))) < 2:
        assert build.poll() is None
        time.sleep(0.1)
    build.send_signal(signal.SIGINT)
    assert build.wait(timeout=300) != 0
    assert list(notebooks.folder.glob("*.[0-9]*")) == started
    for path in started:
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.suffix[1:]), 0)


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_a_number_of_jobs_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", text)
    with pytest.raises(ExtensionError, match=rf"JOBS is '{text}': give the number"):
        execution.jobs()
