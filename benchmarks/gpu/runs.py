"""Training on the card, as long as there is time: epochs are chosen after a few seconds of the real loop, so that a run ends when it should."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.watch import read_json, run_all, write_json
from vit_tutorial.cost import flops
from vit_tutorial.data import Splits, camvid
from vit_tutorial.tasks import Pretraining, Segmentation
from vit_tutorial.tasks.classification import Classification, load_splits
from vit_tutorial.training import Recipe, RunFolder, fit, load_recipe
from vit_tutorial.training import record as records
from vit_tutorial.training.loop import Result
from vit_tutorial.vit import ViTConfig

SEEDS = (0, 1, 2)
RESERVE = 0.92  # share of the time that is planned for; the rest is for what the calibration did not see
COMPILER_PAYS = 480.0  # seconds of training for which torch.compile is worth its own time
LOOK = 2  # epochs that the calibration times, of each kind of step
PORTIONS = (
    (1.0, 0.3),
    (0.1, 0.5),
)  # share of the images that it takes, and of the time that it may; the second for a slow card
TINY: dict[str, Any] = {
    "model.embed_dim": 16,
    "model.depth": 1,
    "model.num_heads": 2,
    "batch_size": 16,
    "precision": "fp32",
    "threads": 1,
}
CIFAR10_TINY = {**TINY, "model.patch_size": 16, "eval_every": 1, "rand_augment": None, "compile": False}


@dataclass(frozen=True)
class Job:
    """What a part of this command needs to know: where to write, for how many seconds, from which data."""

    out: Path
    seconds: float
    data: Path | None
    tiny: bool


# Three seeds of cifar10


def train_cifar10(job: Job) -> None:
    """Three seeds of `cifar10` side by side, and their record. What an earlier try has planned, trained or finished is taken as it is.

    Each seed is a process: what one of them does on the processor, such as drawing the augmentation and asking for kernels, happens while the
    card computes for the others.
    """
    end = time.monotonic() + job.seconds
    torch.set_num_threads(1)  # processes are forked from here, and a pool of threads does not survive that
    recipe, splits = cifar10_recipe(job), cifar10_data(job)
    plan_file = job.out / "cifar10-plan.json"
    if not plan_file.is_file():
        write_json(plan_file, plan(job, recipe, splits, end))
    planned = read_json(plan_file)
    recipe = recipe.with_(epochs=planned["epochs"], compile=planned["compile"])
    print(f"{recipe.epochs} epochs, {'compiled' if recipe.compile else 'not compiled'}", flush=True)
    runs = {f"cifar10-seed-{seed}": (train_seed, (job, recipe, splits, seed)) for seed in SEEDS}
    ended = run_all(runs, end - time.monotonic(), job.out)
    write_cifar10(job, recipe, splits, ended)


def cifar10_recipe(job: Job) -> Recipe:
    """The recipe as it is; in the tiny mode with a model that takes a second."""
    return load_recipe("cifar10", **(CIFAR10_TINY if job.tiny else {}))


def cifar10_data(job: Job) -> Splits:
    """The images in memory, decoded once for all processes."""
    return load_splits(load_recipe("cifar10"), job.data)


def plan(job: Job, recipe: Recipe, splits: Splits, end: float) -> dict[str, Any]:
    """How many epochs fit, and whether compiled: by the first seconds of three real runs side by side.

    A compiler takes about as long for this model as it saves in five minutes, so it is tried where there is more time. It needs a C compiler on the
    machine, and may fail in other ways: then the step is taken as it is written.

    Raises:
        RuntimeError: not even the step as it is written came to its end.
    """
    tries: dict[str, Any] = {}
    for compiled in (False, True):
        left = end - time.monotonic()
        if compiled and left < COMPILER_PAYS:
            continue
        name = "compiled" if compiled else "eager"
        files = {f"{name}-look-{seed}": job.out / "looks" / f"{name}-{seed}.json" for seed in SEEDS}
        trial = recipe.with_(compile=compiled)
        for portion, share_of_time in PORTIONS:
            left = end - time.monotonic()
            looks = {key: (look, (trial, splits, file, portion)) for key, file in files.items()}
            ended = run_all(looks, share_of_time * left, job.out)
            if all(part["status"] != "cut off" for part in ended.values()):
                break
        tries[name] = {"ended": ended, "compile": compiled, "epochs": 0, "portion": portion}
        if all(part["status"] == "done" for part in ended.values()):
            seen = [read_json(file) for file in files.values()]
            epoch = max(epoch_seconds(recipe, s, len(splits.train)) for s in seen)
            left = (end - time.monotonic()) * RESERVE - max(s["first_seconds"] for s in seen)
            epochs = 2 if job.tiny else max(2, int(left / epoch))
            tries[name] |= {"epochs": epochs, "epoch_seconds": epoch, "images_per_s": [s["images_per_s"] for s in seen]}
            tries[name]["share_of_card"] = share(job, recipe, seen)
    best = max(tries.values(), key=lambda one: one["epochs"])
    if not best["epochs"]:
        raise RuntimeError(f"no run of a few epochs came to its end: {tries}")
    return {**best, "tries": tries}


def look(recipe: Recipe, splits: Splits, file: Path, portion: float = 1.0) -> None:
    """Write how fast the recipe's own loop is on a portion of the images, with dropped patches and without, and how long it took to begin."""
    if portion < 1:
        some = splits.train.select(range(max(recipe.batch_size, int(portion * len(splits.train)))))
        splits = Splits(some, splits.val, splits.test)
    short = recipe.with_(epochs=4 * LOOK, eval_every=LOOK, warmup_epochs=0, checkpoint_every_seconds=None)
    if recipe.patch_drop_until < 1:
        short = short.with_(patch_drop_until=0.5)
    start = time.monotonic()
    history = fit(Classification(short, splits=splits), short, out=None, progress=False, test=False).history
    # What is slow once (CUDA's start, a compiler) falls into the first and the third part; it is counted as time to begin.
    steps, rates = short.batch_size * (len(splits.train) // short.batch_size), [row["images_per_s"] for row in history]
    training = [LOOK * steps / rate for rate in rates]
    whole = [b["seconds"] - a["seconds"] for a, b in zip([{"seconds": 0.0}, *history], history)]
    found = {
        "images_per_s": [rates[1], rates[3]],
        "evaluation": max(0.0, min(whole[1] - training[1], whole[3] - training[3])),
        "first_seconds": max(0.0, time.monotonic() - start - 2 * (whole[1] + whole[3])),
    }
    write_json(file, found)


def epoch_seconds(recipe: Recipe, seen: dict[str, Any], n: int) -> float:
    """Mean seconds of an epoch of n images, over those with dropped patches and those without, and its share of an evaluation."""
    dropped, whole = seen["images_per_s"]
    share = recipe.patch_drop_until if recipe.patch_drop_until < 1 else 0.0
    return n * (share / dropped + (1 - share) / whole) + seen["evaluation"] / recipe.eval_every


def share(job: Job, recipe: Recipe, seen: list[dict[str, Any]]) -> float | None:
    """Of the card's matrix rate, what the three runs use together while no patch is dropped: the model's operations only."""
    rate = read_json(job.out / "card.json", {}).get("matrix_flops_per_s", {}).get(recipe.precision)
    fields = {key: value for key, value in recipe.model.items() if key != "patch_drop_rate"}
    config = ViTConfig.from_dict({**fields, "img_size": 32, "num_classes": 10})
    of_image = sum(flops(config, 1, training=True).values())
    return sum(s["images_per_s"][1] for s in seen) * of_image / rate if rate else None


def train_seed(job: Job, recipe: Recipe, splits: Splits, seed: int) -> None:
    """One run, in its folder, from its checkpoint if there is one."""
    fit(Classification(recipe, splits=splits), recipe, job.out / "runs" / "cifar10" / f"seed-{seed}", seed)


def write_cifar10(job: Job, recipe: Recipe, splits: Splits, ended: dict[str, dict[str, Any]]) -> None:
    """The record of the seeds that came to their end; of the others what they had reached.

    Raises:
        RuntimeError: no seed did.
    """
    folders = {seed: RunFolder(job.out / "runs" / "cifar10" / f"seed-{seed}") for seed in SEEDS}
    finished = [seed for seed, folder in folders.items() if folder.result.exists()]
    reached = {seed: last_row(folder) for seed, folder in folders.items() if seed not in finished}
    if reached:
        write_json(job.out / "cifar10-unfinished.json", {"ended": ended, "reached": reached, "epochs": recipe.epochs})
    else:
        (job.out / "cifar10-unfinished.json").unlink(missing_ok=True)
    if not finished:
        raise RuntimeError(f"no seed came to its end; the same command goes on from the checkpoints: {ended}")
    overrides = {"epochs": recipe.epochs} | ({} if recipe.compile else {"compile": False})
    overrides |= CIFAR10_TINY if job.tiny else {}
    keep(job, "cifar10", recipe, overrides, finished, complete=len(finished) == len(SEEDS), data=splits)
    if reached:
        raise RuntimeError(f"{len(reached)} of {len(SEEDS)} seeds did not come to their end: {ended}")


def last_row(folder: RunFolder) -> Any:
    """The last evaluation of a run that was cut off, or None."""
    lines = folder.history.read_text(encoding="utf-8").splitlines() if folder.history.exists() else []
    return lines[-1] if lines else None


def keep(
    job: Job,
    record: str,
    recipe: Recipe,
    overrides: dict[str, Any],
    seeds: list[int],
    complete: bool,
    data: Splits,
) -> None:
    """Write the record of finished runs, as `vit-tutorial train --record` does."""
    task = make_task(recipe, data, job.data)
    results: list[Result] = [fit(task, recipe, job.out / "runs" / record / f"seed-{seed}", seed) for seed in seeds]
    words = [
        f"--epochs {value}" if field == "epochs" else f"--set {field}={'null' if value is None else value}"
        for field, value in overrides.items()
    ]
    folder = job.data.resolve().name if job.data else "data"
    command = f"vit-tutorial train {recipe.name} --seeds {','.join(map(str, seeds))} --data {folder} {' '.join(words)} --record {record}"
    status = records.COMPLETE if complete and not job.tiny else records.SHORT_RUN
    made = records.make_record(record, command, recipe, overrides, seeds, task.splits, results, status, task.best_by)
    (job.out / "results").mkdir(exist_ok=True)
    print("written", records.write_record(made, job.out / "results"), flush=True)


# What time is left


def train_mae(job: Job) -> None:
    """A masked autoencoder on CIFAR-10's images, then a tenth of the labels, from its encoder and from scratch in as much time."""
    splits = cifar10_data(job)
    small = {**TINY, "model.patch_size": 8} if job.tiny else {}
    few = {**small, "train_share": 0.5} if job.tiny else {}
    encoder = {"pretrained": str(job.out / "runs" / "mae-cifar10" / "seed-{seed}")}
    within(
        job,
        "mae-cifar10",
        job.seconds / 2,
        splits,
        small | ({"pretraining.decoder_dim": 16} if job.tiny else {}),
        of="mae_cifar10",
    )
    within(job, "tuned-cifar10-10", job.seconds / 4, splits, {**few, **encoder}, of="cifar10_few")
    within(job, "scratch-cifar10-10", job.seconds / 4, splits, few, of="cifar10_few")


def train_camvid(job: Job) -> None:
    """Segmentation of CamVid's street scenes."""
    fields = {"precision": "bf16", "threads": None}
    small = {**TINY, "model.patch_size": 20, "model.head_cells": 1, "batch_size": 2} if job.tiny else {}
    within(job, "camvid-gpu", job.seconds, camvid(job.data), {**fields, **small}, of="camvid")


def within(job: Job, record: str, seconds: float, splits: Splits, overrides: dict[str, Any], of: str) -> None:
    """Train one seed of a recipe for about so many seconds, and write its record; a finished one is left as it is."""
    if (job.out / "results" / f"{record}.json").is_file():
        return
    start, name = time.monotonic(), of
    plan_file = job.out / f"{record}-plan.json"
    if not plan_file.is_file():
        write_json(plan_file, {"epochs": epochs_in(job, load_recipe(name, **overrides), splits, seconds, start)})
    changes = {**overrides, **read_json(plan_file)}
    changes["eval_every"] = max(1, changes["epochs"] // 4)
    recipe = load_recipe(name, **changes)
    task = make_task(recipe, splits, job.data)
    fit(task, recipe, job.out / "runs" / record / "seed-0")
    keep(job, record, recipe, changes, [0], complete=False, data=splits)


def make_task(recipe: Recipe, splits: Splits, data: Path | None) -> Any:
    """The recipe's task on data that was read already."""
    kinds: dict[str, Callable[..., Any]] = {"segmentation": Segmentation, "pretraining": Pretraining}
    return kinds.get(recipe.task, Classification)(recipe, data, splits=splits)


def epochs_in(job: Job, recipe: Recipe, splits: Splits, seconds: float, start: float) -> int:
    """Epochs that fit into what is left of the time, by two epochs of the real loop of which the second is timed."""
    if job.tiny:
        return 1
    short = recipe.with_(epochs=2, eval_every=1, warmup_epochs=0, checkpoint_every_seconds=None)
    history = fit(make_task(short, splits, job.data), short, out=None, progress=False, test=False).history
    left = seconds * RESERVE - (time.monotonic() - start)
    return max(1, int(left / (len(splits.train) / history[1]["images_per_s"])))
