"""Several processes that train together, as torchrun would start them; forked from one that has imported everything already."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver") if sys.platform != "win32" else multiprocessing.get_context("spawn")


def launch(n: int, job: Callable[..., Any], *arguments: Any, log: Path) -> list[BaseProcess]:
    """Start n processes of one group, each of which calls job(*arguments) and writes what it says to log.RANK."""
    if sys.platform != "win32":
        CONTEXT.set_forkserver_preload(["process_helpers", "vit_tutorial.training.sharding", "vit_tutorial.tasks"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workers = [CONTEXT.Process(target=_work, args=(rank, n, port, job, arguments, log)) for rank in range(n)]
    for worker in workers:
        worker.start()
    return workers


def join(workers: list[BaseProcess], log: Path) -> list[str]:
    """Wait until all are done; what each has said. Fails where one did."""
    for worker in workers:
        worker.join()
    said = [Path(f"{log}.{rank}").read_text(encoding="utf-8") for rank in range(len(workers))]
    assert all(worker.exitcode == 0 for worker in workers), "\n".join(said)
    return said


def train(options: list[str], out: Path) -> int:
    from vit_tutorial.cli import main

    return main(["train", "digits", *options, "--out", str(out), "--quiet"])


def _work(rank: int, n: int, port: int, job: Callable[..., Any], arguments: tuple[Any, ...], log: Path) -> None:
    of_torchrun = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": n, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in of_torchrun.items()})
    with open(f"{log}.{rank}", "w", encoding="utf-8", buffering=1) as file:
        sys.stdout = sys.stderr = file
        status = job(*arguments)
    sys.exit(status)
