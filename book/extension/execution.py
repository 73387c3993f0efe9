"""Notebooks are executed several at a time, before the pages are read.

myst_nb executes a notebook when it comes to its page, one after the other, and leaves all cores but one idle. So those that its
cache does not know are executed here first, ``JOBS`` at a time (the environment variable; 2 where it is not set), each in a fresh
kernel, and put into that cache, in which myst_nb then finds them. After ``make test-notebooks`` the cache knows all that have passed. One
that fails is not executed again: myst_nb is given what came of it, and reports it with its page and traceback as if it had executed it
itself.

What this book does not use (execution in temporary folders, other names for kernels, settings inside a notebook) is left to myst_nb.
"""

from __future__ import annotations

import os
import signal
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from weakref import WeakSet

from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from jupyter_client import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from myst_nb.core.config import NbParserConfig
from myst_nb.core.execute import cache as myst_nb_client
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

from book.notebook_cache import keep

logger = logging.getLogger(__name__)


def execute_before_reading(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    config: NbParserConfig | None = getattr(env, "mystnb_config", None)
    if config is None or config.execution_mode != "cache" or config.execution_in_temp or config.kernel_rgx_aliases:
        return
    cache = get_cache(config.execution_cache_path)
    waiting: dict[str, tuple[Path, NotebookNode]] = {}  # by the hash under which the cache knows a notebook
    for path in map(Path, map(env.doc2path, docnames)):
        notebook = read(path, env, config)
        if notebook is not None and not is_cached(cache, notebook):
            waiting[hash_of(cache, notebook)] = path, notebook
    failed = execute_all(waiting, config) if waiting else {}
    myst_nb_client.single_nb_execution = partial(execute_once, cache, failed)


def read(path: Path, env: BuildEnvironment, config: NbParserConfig) -> NotebookNode | None:
    """The notebook as myst_nb reads it; ``None`` for a page that it does not execute, or not as it does all others."""
    if any(PurePosixPath(path.as_posix()).match(pattern) for pattern in config.execution_excludepatterns):
        return None
    text = path.read_text(encoding="utf-8")
    try:
        reader = create_nb_reader(str(path), env.myst_config, config, text)  # type: ignore[attr-defined]
        notebook = reader.read(text) if reader else None
    except Exception:  # myst_nb meets the same error and reports it with the page
        return None
    return None if notebook is None or config.metadata_key in notebook.metadata else notebook


def execute_all(waiting: dict[str, tuple[Path, NotebookNode]], config: NbParserConfig) -> dict[str, ExecutionResult]:
    """Executes the notebooks and puts them into the cache. Returns those that failed, which the cache does not take."""
    known = last_seconds(Path(config.execution_cache_path))

    def seconds(key: str) -> float:
        path, _ = waiting[key]
        return (
            known.get(str(path)) or path.stat().st_size / 1000
        )  # one that never ran: about a second for each kilobyte

    failed = {}
    with ThreadPoolExecutor(jobs()) as pool:  # a thread waits for its kernel, which is a process of its own
        # The longest first, so that no core is idle at the end.
        running = {
            pool.submit(execute, *waiting[key], config): key for key in sorted(waiting, key=seconds, reverse=True)
        }
        try:
            for future in as_completed(running):
                result, key = future.result(), running[future]
                if result.err is None:
                    logger.info("executed %s in %.0f s", waiting[key][0], result.time)
                    keep(Path(config.execution_cache_path), waiting[key][0], result.nb, result.time)
                else:
                    failed[key] = result
        except BaseException:  # Ctrl-C above all
            for future in running:
                future.cancel()
            while wait(running, timeout=0.2).not_done:
                Kernel.kill_all()
            raise
    return failed


def execute(path: Path, notebook: NotebookNode, config: NbParserConfig) -> ExecutionResult:
    """Executes the notebook in place, in its folder and in a kernel of its own. What goes wrong is in the result."""
    try:
        return single_nb_execution(
            notebook,
            cwd=str(path.parent),
            timeout=config.execution_timeout,
            allow_errors=config.execution_allow_errors,
            kernel_manager_class=Kernel,
        )
    except Exception as error:  # a kernel that died, or did not start
        return ExecutionResult(notebook, str(path.parent), 0.0, error, traceback.format_exc())
    finally:
        ensure_event_loop().close()  # nbclient made it for this thread


def execute_once(
    cache: JupyterCacheAbstract, failed: dict[str, ExecutionResult], notebook: NotebookNode, **options: Any
) -> ExecutionResult:
    """In the place of the function that myst_nb calls for a notebook which its cache does not know."""
    result = failed.get(hash_of(cache, notebook))
    if result is None:
        return single_nb_execution(notebook, **options)
    notebook.update(result.nb)
    return result


class Kernel(AsyncKernelManager):
    """A kernel that is found again when the build is interrupted."""

    started: ClassVar[WeakSet[Kernel]] = WeakSet()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.started.add(self)

    @classmethod
    def kill_all(cls) -> None:
        """Ends all kernels at once, with the processes that they started."""
        for kernel in list(cls.started):
            if kernel.has_kernel:
                with suppress(ProcessLookupError):
                    os.killpg(kernel.provisioner.pgid, signal.SIGKILL)


def jobs() -> int:
    """How many notebooks are executed at a time."""
    text = os.environ.get("JOBS") or "2"
    if not text.isdecimal() or int(text) == 0:
        raise ExtensionError(f"JOBS is {text!r}: give the number of notebooks to execute at a time, as in JOBS=2")
    return int(text)


def hash_of(cache: JupyterCacheAbstract, notebook: NotebookNode) -> str:
    return str(cache.create_hashed_notebook(notebook)[1])


def is_cached(cache: JupyterCacheAbstract, notebook: NotebookNode) -> bool:
    try:
        return bool(cache.match_cache_notebook(notebook))
    except KeyError:
        return False


def last_seconds(folder: Path) -> dict[str, float]:
    """Path of a notebook -> how long it took the last time, by this cache and by those of earlier states of the package."""
    databases = sorted(folder.parent.glob("*/global.db"), key=lambda path: path.stat().st_mtime)
    records = [record for path in databases for record in get_cache(path.parent).list_cache_records()]
    return {record.uri: record.data["execution_seconds"] for record in records if record.data}


def setup(app: Sphinx) -> None:
    app.connect("env-before-read-docs", execute_before_reading)
