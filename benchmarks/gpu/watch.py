"""A part of the command as a process of its own: it ends in time, it dies with the command, and what it says is kept."""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vit_tutorial.training.checkpoint import write_text

# A forked process has torch loaded already. That is safe as long as the command itself never touches the card and computes nothing.
CONTEXT = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
Part = Callable[..., None]


def run_all(parts: dict[str, tuple[Part, Sequence[Any]]], seconds: float, folder: Path) -> dict[str, dict[str, Any]]:
    """Run parts side by side, and kill what is not done after so many seconds.

    Returns:
        name -> status ("done", "failed" or "cut off"), seconds, and the message of a part that failed.
    """
    start = time.monotonic()
    processes = {}
    for name, (part, arguments) in parts.items():
        log = folder / "logs" / f"{name}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        processes[name] = CONTEXT.Process(target=_alone, args=(part, tuple(arguments), log), name=name)
        processes[name].start()
    found: dict[str, dict[str, Any]] = {}
    for name, process in processes.items():
        process.join(max(0.0, seconds - (time.monotonic() - start)))
        cut = process.is_alive()
        if cut:
            process.kill()
            process.join()
        status = "cut off" if cut else "done" if process.exitcode == 0 else "failed"
        found[name] = {"status": status, "seconds": round(time.monotonic() - start, 1)}
        if status == "failed":
            found[name]["message"] = _last_line(folder / "logs" / f"{name}.txt", process.exitcode)
    return found


def _alone(part: Part, arguments: tuple[Any, ...], log: Path) -> None:
    """Run a part with its output in a file."""
    _die_with_parent()
    with open(log, "w", encoding="utf-8", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            try:
                part(*arguments)
            except BaseException:
                traceback.print_exc()
                file.flush()
                os._exit(1)  # without waiting for a card that may hang
    os._exit(0)


def _die_with_parent() -> None:
    """Be killed when the process that started this one ends, however it ends (Linux)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it ended meanwhile
            os._exit(1)


def _last_line(log: Path, code: int | None) -> str:
    """The exception that a part ended with, which is the last line it wrote that does not begin with a space."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    said = next((line for line in reversed(lines) if line.strip() and not line.startswith(" ")), "")
    return said[:400] or f"the process ended with status {code}"


def read_json(path: Path, default: Any = None) -> Any:
    """What a file holds, or the default where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else default


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
