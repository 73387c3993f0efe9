"""`vit-tutorial sweep`: one recipe at several settings, several runs at a time, and the record of them."""

from __future__ import annotations

import argparse
import functools
import shlex
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vit_tutorial.metrics.comparison import paired_t
from vit_tutorial.tasks import task_of
from vit_tutorial.training import RunFolder, Task, environment, evaluate
from vit_tutorial.training.record import Record, in_words
from vit_tutorial.training.run_folder import alone_in
from vit_tutorial.training.sweep import SweepError, load_sweep
from vit_tutorial.training.sweep_record import SWEEP_RESULTS, make_sweep_record, write_sweep_record
from vit_tutorial.training.sweep_runs import (
    FAILED,
    FINISHED,
    Job,
    Outcome,
    jobs_of,
    make_runs,
    open_folder,
    processes_for,
)


def run_sweep(options: argparse.Namespace) -> int:
    """Make every run that is missing, print the points, write the record if one was asked for. Status 1 if a run failed."""
    sweep = load_sweep(options.sweep)
    out = options.out or Path("runs") / "sweeps" / sweep.name
    if options.record and (SWEEP_RESULTS / f"{options.record}.json").exists():
        raise SweepError(f"there is a record {options.record!r} already; remove its file, or choose another name")
    make_task = functools.partial(task_of, root=options.data, download=options.download)
    task = make_task(sweep.base())
    n_train = len(task.splits.train)
    jobs = jobs_of(sweep, out, n_train)
    processes = options.jobs or processes_for(sweep.base())
    points = len(jobs) // len(sweep.seeds)
    print(f"{task.splits.variant}: {n_train:,} training, {len(task.splits.val):,} validation images")
    print(
        f"{points} settings, {len(sweep.seeds)} seeds, {len(jobs)} runs of equal {sweep.budget}, {processes} at a time, in {out}"
    )
    made: list[tuple[Job, Outcome]] = []
    with alone_in(out):
        open_folder(sweep, out, task.splits.fingerprint())
        for job, outcome in make_runs(jobs, make_task, processes):
            made.append((job, outcome))
            if not options.quiet:
                print(
                    f"[{len(made):{len(str(len(jobs)))}}/{len(jobs)}] {job.folder.relative_to(out)}: {said(outcome, task.best_by)}"
                )
    made.sort(key=lambda run: jobs.index(run[0]))
    failed = [(job, outcome) for job, outcome in made if outcome.status == FAILED]
    if failed:
        for job, outcome in failed:
            print(f"vit-tutorial sweep: {job.folder} failed: {outcome.message}", file=sys.stderr)
        print(f"{len(failed)} of {len(jobs)} runs failed; the same command tries them again", file=sys.stderr)
        return 1
    record = make_sweep_record(
        options.record or sweep.name, command_line(options), sweep, task.splits, made, task.best_by
    )
    print_points(record)
    if options.test and record["chosen"] is not None:
        chosen = [job for job in jobs if job.point == record["chosen"]]
        record["test"] = score_test(chosen, make_task)
        print(
            f"test split, opened once for the chosen setting: {spread(f'test_{task.best_by}', record['test'][f'test_{task.best_by}'])}"
        )
    if options.record:
        folder = None if environment.in_checkout() else out
        print(f"record written: {write_sweep_record(record, folder)}")
    return 0


def said(outcome: Outcome, best_by: str) -> str:
    """An outcome in a line."""
    if outcome.status != FINISHED:
        return f"{outcome.status}: {outcome.message}"
    key = f"val_{best_by}"
    return f"{key.replace('_', ' ')} {in_words(key, outcome.metrics[key])}, {outcome.metrics['train_seconds']:.0f} s"


def print_points(record: Record) -> None:
    """The settings in the order of the sweep, and how far each lies behind the chosen one, with the interval of its pairs."""
    key, chosen = f"val_{record['best_by']}", record["chosen"]
    for place, point in enumerate(record["points"]):
        words = ", ".join(f"{field} {value}" for field, value in point["fields"].items()) or "the recipe as it is"
        finished = [value for value in point.get(key, []) if value is not None]
        lost = len(point["curves"]) - len(finished)
        line = f"{words}: {spread(key, finished) if finished else 'no run finished'}{f', {lost} diverged' * bool(lost)}"
        if place == chosen:
            line += "  <- chosen"
        elif chosen is not None and not lost and len(finished) > 1:
            d = paired_t(record["points"][chosen][key], finished)
            line += f"  (chosen minus this: {d.mean:+.4f}, 95 % interval {d.low:+.4f} to {d.high:+.4f})"
        print(line)


def spread(name: str, values: Sequence[float]) -> str:
    """Mean and sample standard deviation over the seeds."""
    return in_words(name, statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None)


def score_test(jobs: Sequence[Job], make_task: Any) -> dict[str, list[float]]:
    """The test split's metrics of the chosen setting, a value a seed."""
    found: dict[str, list[float]] = {}
    for job in jobs:
        task: Task = make_task(job.recipe)
        scores = evaluate(task, task.load(RunFolder(job.folder).model), task.splits.test)
        for name, value in scores.items():
            found.setdefault(f"test_{name}", []).append(round(value, 6))
    return found


def command_line(options: argparse.Namespace) -> str:
    """The command that repeats the sweep, with the name of the data folder but not the place where it was."""
    words = ["vit-tutorial", "sweep", options.sweep]
    words += ["--data", options.data.resolve().name] if options.data else []
    words += ["--test"] * options.test + (["--record", options.record] if options.record else [])
    return shlex.join(words)
