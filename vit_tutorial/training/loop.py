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
from vit_tutorial.training.state import Counters, Row, TrainingState


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
    engine = Engine(recipe.device, recipe.precision, recipe.compile, recipe.threads, recipe.shard)
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
    files = folder if engine.is_main else None  # only one process writes, but each its part of a divided checkpoint
    with torch.random.fork_rng(engine.gpus):  # leave the caller's random numbers as they were
        torch.manual_seed(seed)
        state = TrainingState(task.build_model().to(engine.device), recipe, engine)
        if folder is not None and folder.latest is not None:
            state.load(folder.latest)
            engine.wait()  # before one process writes, all have read
        saver = Saver(state, recipe, folder if engine.shards else files, engine)
        with RunLog(files, recipe.epochs * steps_per_epoch, state.counters.step, show) as log:
            train(task, recipe, engine, state, saver, log, seed)
        model = state.ema.model
        if engine.shards:  # a whole one, for the weights of all processes
            torch.manual_seed(seed)
            model = task.build_model().to(engine.device)
    return finish(task, engine, model, state, folder, test)


def train(
    task: Task, recipe: Recipe, engine: Engine, state: TrainingState, saver: Saver, log: RunLog, seed: int
) -> None:
    """All steps that remain. Changes `state`."""
    data, counters = task.splits.to(engine.device), state.counters
    steps_per_epoch = count_steps(task, recipe, engine)
    network = engine.wrap(state.model).train()
    follow = getattr(state.model, "after_step", None)  # of a model that moves a part of itself, such as DINO's teacher
    clock, cpu_clock = time.perf_counter() - counters.seconds, time.process_time() - counters.cpu_seconds
    unread = Unread()
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
        norm = engine.clip(state.model, recipe.clip_grad or math.inf)
        unread.add(step, lr, engine.sum(loss.float()) / engine.world, norm.float())
        epoch, rest = divmod(step + 1, steps_per_epoch)
        evaluates = rest == 0 and (epoch % recipe.eval_every == 0 or epoch == recipe.epochs)
        saves = saver.due(step + 1)
        if evaluates or saves or (step + 1) % recipe.read_loss_every == 0:
            unread.read(counters, log, saver)
        state.optimizer.step()
        state.optimizer.zero_grad()
        if follow is not None:
            follow(step, recipe.epochs * steps_per_epoch)
        state.ema.update(step)

        counters.step, counters.seconds = step + 1, time.perf_counter() - clock
        if evaluates:
            scores = evaluate(task, state.ema.model, data.val, engine, workers=recipe.workers)
            state.keep_if_best(scores[task.best_by], epoch, always=task.keeps_last)
            counters.add_row(epoch, lr, scores, recipe.batch_size, time.perf_counter() - clock)
            log.evaluation(counters.history, task.best_by)
        counters.cpu_seconds = time.process_time() - cpu_clock
        if saves:
            saver.save()
        ready = time.perf_counter()
    unread.read(counters, log, saver)
    saver.save()


class Unread:
    """Losses and gradients' norms of the last steps, on the device until they are read.

    On a GPU a reading waits until every step before it is computed, and meanwhile nothing new is queued. So both numbers come in one transfer, and
    every `recipe.read_loss_every` steps; before an evaluation and a checkpoint in any case, so that neither holds a step that was not looked at.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[int, float, Tensor]] = []

    def add(self, step: int, lr: float, loss: Tensor, norm: Tensor) -> None:
        """A step whose gradient is there."""
        self.steps.append((step, lr, torch.stack([loss, norm])))

    def read(self, counters: Counters, log: RunLog, saver: Saver) -> None:
        """Count and log what has gathered. Raises DivergedError, as `stop_unless_finite`."""
        if not self.steps:
            return
        numbers = torch.stack([pair for *_, pair in self.steps]).tolist()
        for (step, lr, _), (loss, norm) in zip(self.steps, numbers, strict=True):
            stop_unless_finite(loss, norm, step, lr, saver)
            counters.add_loss(loss)
            log.step(step, {"loss": loss, "lr": lr, "grad_norm": norm})
        self.steps.clear()


def backward(task: Task, network: nn.Module, inputs: Any, targets: Any, engine: Engine, size: int) -> Tensor:
    """The mean loss of a batch; its gradient is added to the parameters', computed of `size` images at a time.

    The mean over a batch is the sum of its parts' means, each times the share of what it counts: parts may differ in size, and masks in void.
    Processes average their gradients, so of n processes each weighs its share n times; where their counts are equal that is 1.
    """
    n = count(inputs)
    if size >= n and engine.world == 1:
        with engine.autocast():
            loss: Tensor = task.loss(network(inputs), targets)
        loss.backward()
        return loss.detach()
    # Where all is void nothing counts, and the loss is 0.
    counted = torch.as_tensor(task.counted(targets), dtype=torch.float32, device=engine.device)
    whole = (engine.sum(counted) / engine.world).clamp(min=1e-12)
    total = torch.zeros((), device=engine.device)
    for start in range(0, n, size):
        some = select(targets, slice(start, start + size))
        with engine.local(network, last=start + size >= n):
            with engine.autocast():
                outputs = network(select(inputs, slice(start, start + size)))
                loss = task.loss(outputs, some) * (task.counted(some) / whole)
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
        share=slice(engine.rank, None, engine.world),
        order=shards_in_turn(dataset, recipe.shuffle_shards) if recipe.shuffle_shards else epoch_order,
    )
    for step, (images, targets) in enumerate(remaining, first_step):
        yield step, images, targets


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


def finish(
    task: Task, engine: Engine, model: nn.Module, state: TrainingState, folder: RunFolder | None, test: bool
) -> Result:
    """Take the best weights, whole, score the test split once, and write model and result."""
    counters = state.counters
    model.load_state_dict({name: engine.whole(weights) for name, weights in state.best_weights.items()})
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
    """Raise DivergedError if the loss or the gradient is infinite or not a number. Called before anything of this step is saved."""
    if math.isfinite(loss) and math.isfinite(grad_norm):
        return
    kept = f"the last good checkpoint is {saver.folder.latest}" if saver.folder else "there is no checkpoint (out=None)"
    raise DivergedError(
        f"the loss is {loss} and its gradient's norm {grad_norm} at step {step}, learning rate {lr:.3g}; {kept}. "
        "Lower lr, lengthen warmup_epochs, or clip the gradient (clip_grad), and start afresh with --no-resume"
    )


class Saver:
    """Saves the state when the recipe says it is time. Without a folder it does nothing; a divided state is saved by all processes together."""

    def __init__(self, state: TrainingState, recipe: Recipe, folder: RunFolder | None, engine: Engine) -> None:
        self.state, self.recipe, self.folder, self.engine = state, recipe, folder, engine
        self.save()  # a folder that cannot be written shows now, not in an hour

    def save(self) -> None:
        if self.folder is not None:
            divided = self.engine.shards
            self.state.save(self.folder.parts if divided else self.folder.checkpoint)
            if self.engine.is_main:  # one from before the run was divided, or no longer was
                self.folder.forget(self.folder.checkpoint if divided else self.folder.parts)
        self.time = time.monotonic()

    def due(self, step: int) -> bool:
        """Whether there is to be a checkpoint after so many steps."""
        seconds, steps = self.recipe.checkpoint_every_seconds, self.recipe.checkpoint_every_steps
        by_time = seconds is not None and time.monotonic() - self.time >= seconds
        if self.engine.shards and seconds is not None:
            by_time = self.engine.agree(by_time)
        return by_time or (steps is not None and step % steps == 0)
