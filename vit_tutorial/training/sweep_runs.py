"""The runs of a sweep: each in a folder of its own, several at a time, and none trained twice.

A run goes through `fit`, as with `vit-tutorial train`, and leaves `result.json` in its folder, or `diverged.json` where its loss
was no longer finite: that is a result, too. Whatever stops the sweep, the next start finds these files and trains only what is missing.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import connection, parent_process
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch

from vit_tutorial.device import pick_device
from vit_tutorial.training.checkpoint import write_text
from vit_tutorial.training.environment import environment, free_memory
from vit_tutorial.training.evaluation import Task
from vit_tutorial.training.loop import DivergedError, fit
from vit_tutorial.training.processes import context
from vit_tutorial.training.recipe import Recipe
from vit_tutorial.training.run_folder import RunFolder
from vit_tutorial.training.sweep import Sweep, SweepError

FINISHED, DIVERGED, FAILED = "finished", "diverged", "failed"
MEMORY_OF_A_PROCESS = 1.5 * 2**30  # bytes: torch, a small model and its data
MakeTask = Callable[[Recipe], Task]


@dataclass(frozen=True)
class Job:
    """One run: a setting, a seed, and the folder it is made in."""

    point: int  # its place among the sweep's points
    recipe: Recipe
    seed: int
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Fields:
        status: finished, diverged or failed.
        message: why it is not finished.
        metrics, history, environment: as in `Result`; of a diverged run the first two are empty, of a failed one all.
    """

    status: str
    message: str
    metrics: dict[str, float]
    history: list[dict[str, float]]
    environment: dict[str, Any]


def jobs_of(sweep: Sweep, out: Path, n_train: int) -> list[Job]:
    """All runs, the seeds of a setting one after the other."""
    points = sweep.points(n_train)
    return [
        Job(place, point.recipe, seed, out / point.name / f"seed-{seed}")
        for place, point in enumerate(points)
        for seed in sweep.seeds
    ]


def open_folder(sweep: Sweep, out: Path, data_sha256: str) -> None:
    """Note in ``sweep.json`` what is swept here, or check that it still is the same.

    Raises:
        SweepError: the folder holds another sweep; the message says what differs.
    """
    wanted = {**sweep.to_dict(), "experiment": sweep.base().experiment(), "data_sha256": data_sha256}
    del wanted["title"], wanted["name"]
    path = out / "sweep.json"
    if path.exists():
        there = json.loads(path.read_text(encoding="utf-8"))
        changed = [key for key in wanted if there.get(key) != wanted[key]]
        if changed:
            key = changed[0]
            what = f"{key} is {there.get(key)!r} there and {wanted[key]!r} now"
            if key == "experiment":
                before = there.get(key, {})
                field = next(name for name in wanted[key] if before.get(name) != wanted[key][name])
                what = f"the recipe's {field} is {before.get(field)!r} there and {wanted[key][field]!r} now"
            elif key == "data_sha256":
                what = "the data's contents are not the same as then"
            raise SweepError(f"{out} holds another sweep: {what}. Choose another --out, or remove the folder")
    write_text(path, json.dumps(wanted, indent=1) + "\n")


def read_outcome(folder: Path) -> Outcome | None:
    """What became of the run in that folder; None while it has no end."""
    diverged = folder / "diverged.json"
    if (result := RunFolder(folder).read_result()) is not None:
        return Outcome(FINISHED, "", **result)
    if diverged.exists():
        return Outcome(DIVERGED, metrics={}, history=[], **json.loads(diverged.read_text(encoding="utf-8")))
    return None


def make_run(job: Job, make_task: MakeTask) -> Outcome:
    """Train one run, or go on with it. What goes wrong is an outcome and no exception."""
    try:
        task = make_task(job.recipe)
        fit(task, job.recipe, job.folder, job.seed, progress=False, test=False)
    except DivergedError as error:
        made_on = environment(pick_device(job.recipe.device))
        text = str(error).partition(";")[0]
        write_text(job.folder / "diverged.json", json.dumps({"message": text, "environment": made_on}))
    except Exception as error:
        return Outcome(FAILED, f"{type(error).__name__}: {error}", {}, [], {})
    outcome = read_outcome(job.folder)
    assert outcome is not None
    return outcome


def make_runs(jobs: Sequence[Job], make_task: MakeTask, processes: int) -> Iterator[tuple[Job, Outcome]]:
    """Every run's outcome as soon as it is known, the finished ones of an earlier start first.

    Args:
        jobs: of `jobs_of`.
        make_task: a recipe's task; for more than one process a function of a module, or a `functools.partial` of one.
        processes: how many runs at a time; 1 trains in this process.
    """
    waiting = []
    for job in jobs:
        if (outcome := read_outcome(job.folder)) is not None:
            yield job, outcome
        else:
            waiting.append(job)
    if processes == 1:
        yield from ((job, make_run(job, make_task)) for job in waiting)
        return
    workers = [Worker(place, processes) for place in range(min(processes, len(waiting)))]
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def run(job: Job) -> Outcome:
        worker = free.get()
        try:
            return worker.run(job, make_task)
        finally:
            free.put(worker)

    threads = ThreadPoolExecutor(max(1, len(workers)))  # each waits for one process
    pending = {threads.submit(run, job): job for job in waiting}
    finished = False
    try:
        for future in as_completed(pending):
            yield pending[future], future.result()
        finished = True
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.stop(in_mid_run=not finished)


class Worker:
    """A process that makes run after run, so that torch is imported once; where it dies, a new one takes its place.

    Args:
        place: the number of this worker, which says its GPU.
        of: how many there are; where a recipe leaves the number of threads open, each has its share of the cores.
    """

    def __init__(self, place: int, of: int) -> None:
        self.place, self.threads = place, max(1, cores() // of)
        self.pool: ProcessPoolExecutor | None = None
        self.pid = 0

    def run(self, job: Job, make_task: MakeTask) -> Outcome:
        """The outcome of one run, made in the process."""
        job = replace(job, recipe=self.on_this_machine(job.recipe))
        try:
            if self.pool is None:
                self.pool = ProcessPoolExecutor(1, context(), initializer=end_with_parent)
                self.pid = self.pool.submit(os.getpid).result()
            return self.pool.submit(make_run, job, make_task).result()
        except BrokenProcessPool:
            self.pool = None
            return Outcome(FAILED, "its process was ended from outside, perhaps for want of memory", {}, [], {})

    def on_this_machine(self, recipe: Recipe) -> Recipe:
        """The recipe with the worker's GPU and threads, where it does not choose them itself."""
        changes: dict[str, Any] = {"threads": recipe.threads or self.threads}
        if recipe.device in ("auto", "cuda") and pick_device(recipe.device).type == "cuda":
            changes["device"] = f"cuda:{self.place % torch.cuda.device_count()}"
        return recipe.with_(**changes)

    def stop(self, in_mid_run: bool) -> None:
        """End the process; in the middle of a run its checkpoint is there."""
        if self.pool is not None:
            if in_mid_run:
                os.kill(self.pid, signal.SIGTERM)
            self.pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """Let this process end when the one that started it does, also where that was killed; two would else write one folder."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def processes_for(recipe: Recipe) -> int:
    """How many runs this machine bears at a time: one a GPU, else as many as cores and free memory allow."""
    kind = pick_device(recipe.device).type
    if kind != "cpu":
        return torch.cuda.device_count() if kind == "cuda" and recipe.device in ("auto", "cuda") else 1
    memory = free_memory()
    fitting = cores() if memory is None else int(memory / MEMORY_OF_A_PROCESS)
    return max(1, min(cores() // (recipe.threads or 1), fitting))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
