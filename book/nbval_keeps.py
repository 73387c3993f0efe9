"""A plug-in of pytest for ``make test-notebooks``: nbval executes the notebooks, and the book is built from what it saw.

    VIT_BOOK_BUILD=1 python -m pytest -p book.nbval_keeps --nbval-lax NOTEBOOK

nbval compares what a kernel sends and keeps none of it. Here nbclient, with which the build would execute the notebook again, hears the
same messages and makes the same outputs of them. A notebook all of whose cells have passed goes into the build's cache
(notebook_cache.py). Without ``VIT_BOOK_BUILD=1`` the figures are a reader's and not the page's, and nothing is kept; so it is where one of
``ELSEWHERE`` is set, since the numbers are those of another machine or another profile then. The build executes what it does not find.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbval.plugin
import pytest
from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete
from nbformat import NotebookNode
from nbval.kernel import RunningKernel, start_new_kernel
from nbval.plugin import IPyNbCell

from book.notebook_cache import cache_folder, keep

ELSEWHERE = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VIT_DATA",
    "VIT_DEVICE",
    "VIT_PROFILE",
)


class Kernel(RunningKernel):
    """nbval's kernel, as nbclient and every reader's front end run it: cells have numbers, and no history is written into the home folder."""

    recording: Recording | None = None

    def __init__(self, kernel_name: str, cwd: str | None = None, startup_timeout: float = 60) -> None:
        self.km, self.kc = start_new_kernel(
            startup_timeout,
            kernel_name,
            cwd=cwd,
            stderr=open(os.devnull, "w"),  # noqa: SIM115 - the kernel's, as long as it lives
            extra_arguments=["--HistoryManager.hist_file=:memory:"],
        )
        self._ensure_iopub_up()

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        asked: str = self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)
        if self.recording:
            self.recording.asked = asked if cell_input.strip() else ""  # nbclient leaves out a cell without code
        return asked

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        message: dict[str, Any] = super().get_message(stream, timeout)
        if self.recording and stream == "iopub":
            self.recording.hear(message)
        return message


class Recording:
    """A notebook that becomes what nbclient would make of it.

    Fields:
        notebook: a copy; that of nbval stays as it was read. passed: how many of its code cells have passed.
        asked: the request of the cell that is running; messages to others are not its output.
    """

    def __init__(self, notebook: NotebookNode, kernel: Kernel, root: Path) -> None:
        self.root, self.cache = root, cache_folder(root)
        self.notebook, self.passed, self.asked, self.began = deepcopy(notebook), 0, "", time.perf_counter()
        self.client = NotebookClient(self.notebook, record_timing=False)
        self.client.kc = kernel.kc
        about = kernel.kc.kernel_info(reply=True, timeout=60)
        self.notebook.metadata["language_info"] = about["content"]["language_info"]
        self.places = [place for place, cell in enumerate(self.notebook.cells) if cell.cell_type == "code"]
        self.place = -1

    def begin(self, number: int) -> None:
        """The code cell of this number, from 0, is about to run."""
        self.place = self.places[number]
        cell = self.notebook.cells[self.place]
        cell.outputs = []
        self.client.clear_before_next_output = False

    def hear(self, message: dict[str, Any]) -> None:
        if message["parent_header"].get("msg_id") == self.asked:
            with suppress(CellExecutionComplete):
                self.client.process_message(message, self.notebook.cells[self.place], self.place)

    def passed_one(self, path: Path) -> None:
        """Another cell has passed; after the last the notebook is kept, unless the package has changed while it ran."""
        self.passed += 1
        if self.passed == len(self.places) and cache_folder(self.root) == self.cache:
            keep(self.cache, path, self.notebook, time.perf_counter() - self.began)


def pytest_configure() -> None:
    nbval.plugin.RunningKernel = Kernel
    if any(name in os.environ for name in ELSEWHERE):
        os.environ.pop("VIT_BOOK_BUILD", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    if isinstance(item, IPyNbCell) and os.environ.get("VIT_BOOK_BUILD") == "1":
        kernel = item.parent.kernel
        if kernel.recording is None:
            kernel.recording = Recording(item.parent.nb, kernel, item.config.invocation_params.dir)
        kernel.recording.begin(item.cell_num)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    recording = item.parent.kernel.recording if isinstance(item, IPyNbCell) and item.parent.kernel else None
    if recording and report.when == "call" and report.passed and not item.parent.timed_out:
        recording.passed_one(item.path)
    return report
