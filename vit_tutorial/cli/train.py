"""`vit-tutorial train`: a recipe, one run a seed, and the record of them."""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
from pathlib import Path
from typing import Any

from vit_tutorial.tasks import task_of
from vit_tutorial.training import Recipe, RecipeError, Result, RunFolder, Task, environment, fit, load_recipe
from vit_tutorial.training import record as records
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.schedule import remarks


def train_recipe(options: argparse.Namespace) -> int:
    """Train each seed, print what came out, write the record if one was asked for."""
    overrides = changed_fields(options)
    recipe = load_recipe(options.recipe, **overrides)
    seeds = options.seeds or (list(recipe.seeds) if options.record else [recipe.seeds[0]])
    if options.record and not options.test:
        raise RecipeError("a record needs the score of the test split; leave --no-test out")
    engine = Engine(recipe.device, recipe.precision, recipe.compile, recipe.threads, recipe.shard)
    say = print if engine.is_main else lambda *_: None
    if options.resume and "split" not in overrides and began_shuffled(recipe, options.out, seeds):
        recipe = recipe.with_(split="shuffle")
        say("these runs began before splits were cut by content; they go on with the split they began with")
    task = task_of(recipe, options.data, options.download)
    train, val, test = task.splits
    say(f"{task.splits.variant}: {len(train):,} training, {len(val):,} validation, {len(test):,} test images")
    if more := str(task.splits.report or "").partition("; ")[2]:  # the line above has said how many images
        say(more)
    if engine.world > 1:
        say(engine.describe(recipe.batch_size))
    for remark in remarks(recipe):
        say(f"note: {remark}")
    results = []
    for seed in seeds:
        out = (options.out or Path("runs") / recipe.name) / f"seed-{seed}"
        folder = RunFolder(out)
        going_on = options.resume and folder.latest is not None and not folder.result.exists()
        for remark in task.remarks(seed):
            say(f"note: {remark}")
        say(f"seed {seed}: {recipe.epochs} epochs on {engine.device}, in {out}{', from its checkpoint' * going_on}")
        result = fit(task, recipe, out, seed, options.resume, progress=not options.quiet, test=options.test)
        if result.already_finished:
            say("this run is already finished; --no-resume trains it afresh")
        say(describe(result, task.best_by))
        results.append(result)
    if len(results) > 1:
        say(f"{len(seeds)} seeds: {describe_all(results, task.best_by)}")
    if options.record and engine.is_main:
        write(options, recipe, overrides, seeds, task, results)
    return 0


def began_shuffled(recipe: Recipe, out: Path | None, seeds: list[int]) -> bool:
    """Whether a run of these is there from before recipes had the field `split`."""
    folders = [RunFolder((out or Path("runs") / recipe.name) / f"seed-{seed}") for seed in seeds]
    there = [folder.description for folder in folders if folder.latest or folder.result.exists()]
    return recipe.split == "hash" and any(
        "split" not in json.loads(file.read_text(encoding="utf-8"))["recipe"] for file in there if file.exists()
    )


def changed_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of the recipe that the command line changes."""
    fields = dict(options.set)
    for name in ("epochs", "device", "group_by"):
        if getattr(options, name) is not None:
            fields[name] = getattr(options, name)
    return fields


def describe(result: Result, best_by: str) -> str:
    """The final metrics of one run in a line; `best_by` is the one that chose the weights."""
    m = result.metrics
    parts = [f"best epoch {m['best_epoch']} of {m['epochs']}", f"{m['train_seconds']:.0f} s"]
    for split in ("val", "test"):
        if f"{split}_{best_by}" in m:
            parts.append(f"{split} {best_by} {records.in_words(best_by, m[f'{split}_{best_by}'])}")
    return ", ".join(parts)


def describe_all(results: list[Result], best_by: str) -> str:
    """Mean and sample standard deviation over the seeds."""
    split = "test" if f"test_{best_by}" in results[0].metrics else "val"
    values = [result.metrics[f"{split}_{best_by}"] for result in results]
    return f"{split} {best_by} {records.in_words(best_by, statistics.mean(values), statistics.stdev(values))}"


def write(
    options: argparse.Namespace,
    recipe: Recipe,
    overrides: dict[str, Any],
    seeds: list[int],
    task: Task,
    results: list[Result],
) -> None:
    """Write the record where the book reads it, or beside the runs where the package is not a checkout."""
    status = records.SHORT_RUN if options.short_run else records.COMPLETE
    command = command_line(options, seeds)
    record = records.make_record(
        options.record, command, recipe, overrides, seeds, task.splits, results, status, task.best_by
    )
    if environment.in_checkout():
        print(f"record written: {records.write_record(record)}")
    else:
        path = records.write_record(record, options.out or Path("runs") / recipe.name)
        print(f"the package is installed, not a checkout; the record is in {path}")


def command_line(options: argparse.Namespace, seeds: list[int]) -> str:
    """The command that repeats the runs, with the name of the data folder but not the place where it was."""
    words = ["vit-tutorial", "train", options.recipe, "--seeds", ",".join(map(str, seeds))]
    if options.data:
        words += ["--data", options.data.resolve().name]
    for name in ("epochs", "device", "group_by"):
        if getattr(options, name) is not None:
            words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    for field, value in options.set:
        if isinstance(value, dict):  # as YAML, without Python's quotes
            value = "{" + ", ".join(f"{key}: {one}" for key, one in value.items()) + "}"
        words += ["--set", f"{field}={'null' if value is None else value}"]
    words += ["--record", options.record] + ["--short-run"] * options.short_run
    return shlex.join(words)
