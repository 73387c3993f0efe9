"""Functions that run in several processes at once, to look at what they do.

From the command line, torchrun starts the processes of a group; it tells each by its environment who it is (RANK, LOCAL_RANK), how many they are
(WORLD_SIZE), and where they meet (MASTER_ADDR, MASTER_PORT). `start` does so from Python. Its processes are forked from one that has imported torch
already, so that they begin at once; where a system has no fork (Windows), or its own libraries do not bear one (macOS), each imports it anew.
"""

from __future__ import annotations

import importlib
import inspect
import multiprocessing
import os
import re
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any


def context() -> Any:
    """How `multiprocessing` begins a process of ours: forked from one that has what a training imports, where the system bears that."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    forking = multiprocessing.get_context("forkserver")
    ours = ["vit_tutorial.training.sharding", "vit_tutorial.tasks"]
    forking.set_forkserver_preload([*ours, "torch.utils.tensorboard", "sklearn.datasets"])  # a second each
    return forking


@dataclass
class Worker:
    """One process of a group. `process` can be killed, `result` waits for what its function gives back."""

    process: BaseProcess
    pipe: Connection

    def result(self) -> Any:
        """What the function gave back. Raises RuntimeError: it failed, or the process ended without a word."""
        try:
            value, error = self.pipe.recv()
        except EOFError:
            value, error = None, "no result"
        self.process.join()
        if error:
            raise RuntimeError(f"{self.process.name} ended with status {self.process.exitcode}: {error}")
        return value


def in_processes(n: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What function(*arguments) gives in each of n processes, in the order of their ranks.

    Args:
        function: of a module, or of a notebook; of the latter the source is sent, with the modules, functions and classes that the notebook has
            imported and the source names.
        arguments: what can be pickled.

    Raises:
        RuntimeError: of a process that failed, with its traceback. The others are stopped.
    """
    workers = start(n, function, *arguments)
    try:
        return [worker.result() for worker in workers]
    finally:
        for worker in workers:
            worker.process.kill()


def start(n: int, function: Callable[..., Any], *arguments: Any, log: str | None = None) -> list[Worker]:
    """Start n processes that form a group (gloo, one thread each) and call the function; with `log` they write what they say to LOG.RANK."""
    job = _of_notebook(function) if function.__module__ == "__main__" else function
    workers = []
    for rank, group in enumerate(members(n)):
        ours, theirs = context().Pipe(duplex=False)
        process = context().Process(
            target=_work, args=(group, job, arguments, theirs, log), name=f"process {rank} of {n}", daemon=True
        )
        process.start()
        theirs.close()  # or its end would not be noticed
        workers.append(Worker(process, ours))
    return workers


def members(n: int) -> list[dict[str, str]]:
    """For each process of a new group on this machine the environment that says who it is, as torchrun gives it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": n, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [{k: str(v) for k, v in {**group, "RANK": rank, "LOCAL_RANK": rank}.items()} for rank in range(n)]


def _of_notebook(function: Callable[..., Any]) -> tuple[str, str, dict[str, str], dict[str, Any]]:
    """(source, name, modules that the source names, functions and classes that it names)."""
    source = inspect.getsource(function)
    words = set(re.findall(r"\w+", source))
    named = {name: value for name, value in function.__globals__.items() if name in words}
    modules = {name: value.__name__ for name, value in named.items() if inspect.ismodule(value)}
    imported = {
        name: value
        for name, value in named.items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ != "__main__"
    }
    return source, function.__name__, modules, imported


def _work(group: dict[str, str], job: Any, arguments: tuple[Any, ...], pipe: Connection, log: str | None) -> None:
    os.environ.update(group)
    if log is not None:
        sys.stdout = sys.stderr = open(f"{log}.{group['RANK']}", "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - until the process ends
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    try:
        dist.init_process_group("gloo")
        if isinstance(job, tuple):
            source, name, modules, names = job
            names = {**names, **{known_as: importlib.import_module(module) for known_as, module in modules.items()}}
            exec(compile(source, "<notebook>", "exec"), names)
            job = names[name]
        pipe.send((job(*arguments), None))
    except Exception:
        pipe.send((None, traceback.format_exc()))
        sys.exit(1)
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def sent_in(job: Callable[[], Any]) -> dict[str, list[int]]:
    """Bytes of the whole tensor in each collective call that a job makes in this process, by the call's name.

    "all_gather" and "reduce_scatter" are FSDP2's. DDP's all-reduces start in C++, where they are not seen.
    """
    from torch import Tensor
    from torch.utils._python_dispatch import TorchDispatchMode

    seen: dict[str, list[int]] = {}

    class Collectives(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            for call, name in (("_allgather_base_", "all_gather"), ("_reduce_scatter_base_", "reduce_scatter")):
                if call in str(function):
                    seen.setdefault(name, []).append(max(a.nbytes for a in args if isinstance(a, Tensor)))
            return function(*args, **(kwargs or {}))

    with Collectives():
        job()
    return seen
