"""What changes while a model trains, and how all of it goes into a checkpoint and comes back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from vit_tutorial.training.checkpoint import (
    grouped,
    load_checkpoint,
    named,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.optimizer import EMA, build_optimizer
from vit_tutorial.training.recipe import Recipe

Row = dict[str, float]


@dataclass
class Counters:
    """The numbers of a run that a checkpoint keeps beside its tensors."""

    step: int = 0  # steps done
    seconds: float = 0.0  # spent in training and validation, over all resumes
    cpu_seconds: float = 0.0  # worked by all cores together, over all resumes
    load_seconds: float = 0.0  # of `seconds`, until batches were read and augmented and the model could start
    loss_sum: float = 0.0  # over the steps since the last evaluation
    loss_steps: int = 0
    best: float | None = None  # best validation metric
    best_epoch: int = 0
    stale: int = 0  # evaluations since the best one
    history: list[Row] = field(default_factory=list)

    def add_loss(self, loss: float) -> None:
        """The loss of one step was read."""
        self.loss_sum, self.loss_steps = self.loss_sum + loss, self.loss_steps + 1

    def scores(self, metric: str) -> list[tuple[int, float]]:
        """(steps done, value of this metric on the validation split) of each evaluation so far."""
        return [(int(row["step"]), row[f"val_{metric}"]) for row in self.history]

    def add_row(self, epoch: int, lr: float, scores: dict[str, float], batch_size: int, seconds: float) -> None:
        """One evaluation is done: a new row of the history, with the mean loss and the speed since the last one."""
        training_seconds = self.seconds - (self.history[-1]["seconds"] if self.history else 0.0)
        row: Row = {"epoch": epoch, "step": self.step, "lr": lr, "train_loss": self.loss_sum / self.loss_steps}
        row.update({f"val_{name}": value for name, value in scores.items()})
        row.update(images_per_s=self.loss_steps * batch_size / max(training_seconds, 1e-9), seconds=seconds)
        self.history.append(row)
        self.seconds, self.loss_sum, self.loss_steps = seconds, 0.0, 0


class TrainingState:
    """Model, optimiser, average of the weights, best weights so far, and counters; where the engine divides them, this process's part."""

    def __init__(self, model: nn.Module, recipe: Recipe, engine: Engine | None = None) -> None:
        self.model, self.divided = model, engine is not None and engine.shards
        self.ema = EMA(model, recipe.ema_decay)
        if engine is not None and self.divided:
            engine.divide(model)
            if self.ema.model is not model:
                engine.divide(self.ema.model)
        self.optimizer = build_optimizer(model, recipe)
        self.counters = Counters()
        self.best_weights = copy_weights(model)

    def keep_if_best(self, score: float, epoch: int, always: bool = False) -> None:
        """Copy the averaged weights if no weights before score better on the validation split, or ``always``.

        Of equals the last, which has averaged more and whose learning rate is lower; for `patience` a tie is no progress.
        """
        counters = self.counters
        counters.stale = 0 if counters.best is None or score > counters.best else counters.stale + 1
        if always or counters.best is None or score >= counters.best:
            counters.best, counters.best_epoch = score, epoch
            self.best_weights = copy_weights(self.ema.model)

    def groups(self) -> dict[str, dict[str, Tensor]]:
        """All tensors of a checkpoint."""
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.model.state_dict() if self.ema.decay > 0 else {},
            "best": self.best_weights,
            "optimizer": optimizer_tensors(self.optimizer),
        }

    def save(self, path: Path) -> None:
        """Write everything as one checkpoint: a file, or where it is divided a folder. Raises OSError; the checkpoint before is then intact."""
        if self.divided:
            from vit_tutorial.training.sharding import save_parts

            save_parts(path, named(self.groups()), asdict(self.counters))
        else:
            save_checkpoint(path, self.groups(), asdict(self.counters))

    def load(self, path: Path) -> None:
        """Become the state that was saved, whether whole or in parts. Raises ValueError: damaged, or of another model."""
        if path.is_dir() or self.divided:
            from vit_tutorial.training.sharding import as_part, load_parts

            if path.is_dir():
                tensors, counters = load_parts(path, self.like)
                groups = grouped(tensors)
            else:
                groups, counters = load_checkpoint(path)
                groups = grouped({name: as_part(t, self.like(name)) for name, t in named(groups).items()})
        else:
            groups, counters = load_checkpoint(path)
        try:
            self.model.load_state_dict(groups["model"])
            if self.ema.decay > 0:
                self.ema.model.load_state_dict(groups["ema"])
            self.best_weights = groups["best"]
            restore_optimizer(self.optimizer, groups.get("optimizer", {}))
            self.counters = Counters(**counters)
        except (KeyError, TypeError, RuntimeError) as error:
            first, *more = [line.strip() for line in str(error).splitlines()]
            what = more[0] if more else first
            raise ValueError(f"{path} is a checkpoint of another model ({what}); choose another --out") from error

    def like(self, name: str) -> Tensor | None:
        """The tensor here that one of that name in a checkpoint is for, or that has its shape: of a moment the parameter."""
        group, key = name.split("/", 1)
        if group == "optimizer":
            parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
            number = int(key.split("/")[0])
            return parameters[number].detach() if number < len(parameters) else None
        if group == "best":
            return self.best_weights.get(key)
        return self.model.state_dict().get(key)


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights on the CPU, which later steps do not change."""
    with torch.no_grad():
        return {name: tensor.to("cpu", copy=True) for name, tensor in model.state_dict().items()}
