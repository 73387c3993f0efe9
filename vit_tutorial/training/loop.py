"""The training loop: the one of chapter 3.2, with what a long run needs around it.

The loop knows no task: a `Task` brings data, model, loss and metrics, a `Recipe` says how to train. Every random
number is a function of (seed, step), so a run that was killed and resumed ends with the weights of one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vit_tutorial.data import ImageDataset, Targets, batches, derive_seed, epoch_order, num_batches, shards_in_turn
from vit_tutorial.data.batches import Transform
from vit_tutorial.data.targets import count, select
from vit_tutorial.training.checkpoint import write_text
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.environment import environment
from vit_tutorial.training.evaluation import Task, evaluate
from vit_tutorial.training.log import RunLog
from vit_tutorial.training.recipe import Recipe
from vit_tutorial.training.run_folder import RunFolder, alone_in
from vit_tutorial.training.schedule import learning_rate_factor
from vit_tutorial.training.state import Row, TrainingState


@dataclass
class Result:
    """What `fit` gives back.

    Fields:
        model: with the weights that were best on the validation split.
        history: one row an evaluation: epoch, step, lr, train_loss, the task's metrics as val_loss, val_accuracy, ..., images_per_s, seconds.
        metrics: val_*, test_* of those weights, best_epoch, epochs, and of the training train_seconds, cpu_seconds (all cores
            together) and load_seconds (waiting for batches and their augmentation).
        environment: device, versions, commit and date of the run.
        folder: the run's folder, if it has one.
        already_finished: nothing was trained now; the result was read from the folder.
    """

    model: nn.Module
    history: list[Row]
    metrics: dict[str, float]
    environment: dict[str, Any]
    folder: Path | None = None
    already_finished: bool = False


class DivergedError(RuntimeError):
    """The loss or its gradient is not a finite number."""


def fit(
    task: Task,
    recipe: Recipe,
    out: str | Path | None = None,
    seed: int = 0,
    resume: bool = True,
    progress: bool = True,
    test: bool = True,
) -> Result:
    """Train, choose the best weights on the validation split, and score the test split once with them.

    Args:
        task: data, model, loss and metrics.
        recipe: how to train.
        out: the run's folder (see `RunFolder`); None writes no file.
        seed: of the first weights, the order of the images and the augmentation.
        resume: go on from the folder's checkpoint if there is one; False starts afresh.
        progress: show a progress bar with the time left.
        test: score the test split at the end. False while recipes are being compared.

    Raises:
        RunFolderError: the folder holds another run, or another process trains in it.
        DivergedError: the loss is no longer finite; the last good checkpoint is kept.
        OSError: a checkpoint could not be written; the one before is kept.
    """
    engine = Engine(recipe.device, recipe.precision, recipe.compile, recipe.threads)
    folder = RunFolder(out) if out is not None else None
    alone = alone_in(folder.path) if folder is not None and engine.is_main else nullcontext()
    with alone:
        return _fit(task, recipe, engine, folder, seed, resume, progress and engine.is_main, test)


def _fit(
    task: Task,
    recipe: Recipe,
    engine: Engine,
    folder: RunFolder | None,
    seed: int,
    resume: bool,
    show: bool,
    test: bool,
) -> Result:
    """`fit` in a folder that is this run's alone."""
    if folder is not None:
        if engine.is_main:
            folder.open(recipe, seed, task.splits.fingerprint(), resume, task.splits.remembered, task.sources(seed))
        engine.wait()
        if (finished := folder.read_result()) is not None:
            return Result(task.load(folder.model), **finished, folder=folder.path, already_finished=True)
    steps_per_epoch = count_steps(task, recipe, engine)
    files = folder if engine.is_main else None  # only one process writes
    with torch.random.fork_rng(engine.gpus):  # leave the caller's random numbers as they were
        torch.manual_seed(seed)
        state = TrainingState(task.build_model().to(engine.device), recipe)
        if folder is not None and folder.checkpoint.exists():
            state.load(folder.checkpoint)
        saver = Saver(state, recipe, files)
        with RunLog(files, recipe.epochs * steps_per_epoch, state.counters.step, show) as log:
            train(task, recipe, engine, state, saver, log, seed)
    return finish(task, engine, state, folder, test)


def train(
    task: Task, recipe: Recipe, engine: Engine, state: TrainingState, saver: Saver, log: RunLog, seed: int
) -> None:
    """All steps that remain. Changes `state`."""
    data, counters = task.splits.to(engine.device), state.counters
    steps_per_epoch = count_steps(task, recipe, engine)
    network = engine.wrap(state.model).train()
    follow = getattr(state.model, "after_step", None)  # of a model that moves a part of itself, such as DINO's teacher
    clock, cpu_clock = time.perf_counter() - counters.seconds, time.process_time() - counters.cpu_seconds
    ready = time.perf_counter()
    for step, images, targets in training_batches(data.train, recipe, seed, counters.step, engine, task.transform):
        if recipe.patience is not None and counters.stale >= recipe.patience:
            break
        torch.manual_seed(derive_seed(seed, step, engine.rank))  # augmentation, dropout, drop path
        lr = recipe.lr * learning_rate_factor(recipe, step, steps_per_epoch, counters.scores(task.best_by))
        for group in state.optimizer.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)

        if recipe.patch_drop_until < 1 and step >= recipe.patch_drop_until * recipe.epochs * steps_per_epoch:
            state.model.patch_drop_rate = 0.0  # type: ignore[assignment]
        inputs, targets = task.prepare(images, targets, train=True)
        counters.load_seconds += time.perf_counter() - ready
        loss = backward(task, network, inputs, targets, engine, recipe.micro_batch or len(images))
        norm = nn.utils.clip_grad_norm_(state.model.parameters(), recipe.clip_grad or math.inf)
        # One transfer for both numbers: on a GPU each one waits until the step is computed.
        mean_loss, grad_norm = torch.stack([engine.sum(loss.float()) / engine.world, norm.float()]).tolist()
        stop_unless_finite(mean_loss, grad_norm, step, lr, saver)
        state.optimizer.step()
        state.optimizer.zero_grad()
        if follow is not None:
            follow(step, recipe.epochs * steps_per_epoch)
        state.ema.update(step)

        counters.add_step(mean_loss, time.perf_counter() - clock)
        log.step(step, {"loss": mean_loss, "lr": lr, "grad_norm": grad_norm})
        epoch, rest = divmod(counters.step, steps_per_epoch)
        if rest == 0 and (epoch % recipe.eval_every == 0 or epoch == recipe.epochs):
            scores = evaluate(task, state.ema.model, data.val, engine, workers=recipe.workers)
            state.keep_if_best(scores[task.best_by], epoch, always=task.keeps_last)
            counters.add_row(epoch, lr, scores, recipe.batch_size, time.perf_counter() - clock)
            log.evaluation(counters.history, task.best_by)
        counters.cpu_seconds = time.process_time() - cpu_clock
        saver.save_if_due()
        ready = time.perf_counter()
    saver.save()


def backward(task: Task, network: nn.Module, inputs: Any, targets: Any, engine: Engine, size: int) -> Tensor:
    """The mean loss of a batch; its gradient is added to the parameters', computed of `size` images at a time.

    The mean over a batch is the sum of its parts' means, each times the share of what it counts: parts may differ in size, and masks in void.
    """
    n = count(inputs)
    if size >= n:
        with engine.autocast():
            loss: Tensor = task.loss(network(inputs), targets)
        loss.backward()
        return loss.detach()
    # Where all is void nothing counts, and the loss is 0.
    whole = torch.as_tensor(task.counted(targets), dtype=torch.float32).clamp(min=1e-12)
    total = torch.zeros((), device=engine.device)
    for part in (slice(start, start + size) for start in range(0, n, size)):
        some = select(targets, part)
        with engine.autocast():
            loss = task.loss(network(select(inputs, part)), some) * (task.counted(some) / whole)
        loss.backward()
        total += loss.detach()
    return total


def training_batches(
    dataset: ImageDataset,
    recipe: Recipe,
    seed: int,
    first_step: int,
    engine: Engine,
    transform: Transform | None = None,
) -> Iterator[tuple[int, Tensor, Targets]]:
    """(step, images, targets) from the first step to the last, over all epochs; each process gets its share of a batch."""
    epoch, start = divmod(first_step, len(dataset) // recipe.batch_size)
    remaining = batches(
        dataset,
        recipe.batch_size,
        seed,
        epoch,
        start_batch=start,
        epochs=recipe.epochs - epoch,
        device=engine.device,
        workers=recipe.workers,
        drop_last=True,
        random_resized_crop=recipe.random_resized_crop,
        transform=transform,
        order=shards_in_turn(dataset, recipe.shuffle_shards) if recipe.shuffle_shards else epoch_order,
    )
    share = slice(engine.rank, None, engine.world)
    for step, (images, targets) in enumerate(remaining, first_step):
        yield step, images[share], select(targets, share)


def count_steps(task: Task, recipe: Recipe, engine: Engine) -> int:
    """Steps an epoch. Raises ValueError if the batch size does not fit the data or the number of processes."""
    n, B = len(task.splits.train), recipe.batch_size
    if n < B:
        raise ValueError(f"batch_size {B} is larger than the training split of {n} images; set batch_size={n} or less")
    if B % engine.world:
        raise ValueError(
            f"batch_size {B} cannot be shared by {engine.world} processes; "
            f"set batch_size={B // engine.world * engine.world or engine.world}"
        )
    return num_batches(n, B, drop_last=True)


def finish(task: Task, engine: Engine, state: TrainingState, folder: RunFolder | None, test: bool) -> Result:
    """Take the best weights, score the test split once, and write model and result."""
    model, counters = state.ema.model, state.counters
    model.load_state_dict(state.best_weights)
    model.requires_grad_(True).eval()
    best_row = next(row for row in counters.history if row["epoch"] == counters.best_epoch)
    metrics = {name: value for name, value in best_row.items() if name.startswith("val_")}
    if test:
        scores = evaluate(task, model, task.splits.test.to(engine.device), engine)
        metrics.update({f"test_{name}": value for name, value in scores.items()})
    metrics.update(best_epoch=counters.best_epoch, epochs=counters.history[-1]["epoch"])
    metrics.update(train_seconds=counters.seconds, cpu_seconds=counters.cpu_seconds, load_seconds=counters.load_seconds)
    finished: dict[str, Any] = {
        "history": counters.history,
        "metrics": metrics,
        "environment": environment(engine.device),
    }
    if folder is not None and engine.is_main:
        task.save(model, folder.model)
        write_text(folder.result, json.dumps(finished, indent=1) + "\n")
    engine.wait()
    return Result(model, **finished, folder=folder.path if folder else None)


def stop_unless_finite(loss: float, grad_norm: float, step: int, lr: float, saver: Saver) -> None:
    """Raise DivergedError if the loss or the gradient is infinite or not a number. Called before the weights change."""
    if math.isfinite(loss) and math.isfinite(grad_norm):
        return
    kept = (
        f"the last good checkpoint is {saver.folder.checkpoint}"
        if saver.folder
        else "there is no checkpoint (out=None)"
    )
    raise DivergedError(
        f"the loss is {loss} and its gradient's norm {grad_norm} at step {step}, learning rate {lr:.3g}; {kept}. "
        "Lower lr, lengthen warmup_epochs, or clip the gradient (clip_grad), and start afresh with --no-resume"
    )


class Saver:
    """Saves the state when the recipe says it is time. Without a folder it does nothing."""

    def __init__(self, state: TrainingState, recipe: Recipe, folder: RunFolder | None) -> None:
        self.state, self.recipe, self.folder = state, recipe, folder
        self.save()  # a folder that cannot be written shows now, not in an hour

    def save(self) -> None:
        if self.folder is not None:
            self.state.save(self.folder.checkpoint)
        self.time = time.monotonic()

    def save_if_due(self) -> None:
        seconds, steps = self.recipe.checkpoint_every_seconds, self.recipe.checkpoint_every_steps
        by_time = seconds is not None and time.monotonic() - self.time >= seconds
        if by_time or (steps is not None and self.state.counters.step % steps == 0):
            self.save()
