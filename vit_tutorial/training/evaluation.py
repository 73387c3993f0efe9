"""What a task is to the training loop, and how its metrics are computed on a whole data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vit_tutorial.data import ImageDataset, Splits, batches
from vit_tutorial.data.batches import Transform
from vit_tutorial.data.targets import join, move, select
from vit_tutorial.training.engine import Engine


class Task(Protocol):
    """What is trained: only a task knows what its data's targets mean, and what a model's outputs are.

    `prepare` turns a batch (uint8 images [B, C, H, W], targets) into the model's inputs and the loss's targets; a target that has places
    in the image, such as a mask, is changed together with it. A metric is a ratio of sums, so `count` gives a batch's sums, and `metrics`
    divides at the end; `measure` gives those that are no such ratio, computed of the whole model and data set. `counted` is what a batch's mean
    loss was divided by: a batch computed in parts weighs them with it. A task inherits what it does not say from here.
    """

    splits: Splits
    best_by: str  # the validation metric that chooses the weights; larger is better
    keeps_last: bool = False  # True: the last weights are kept, and `best_by` is only reported, as where it knows labels that training must not
    transform: Transform | None = None  # of one training item, image and target together; None takes it as it is

    def build_model(self) -> nn.Module: ...
    def prepare(self, images: Tensor, targets: Any, train: bool) -> tuple[Any, Any]: ...
    def loss(self, outputs: Any, targets: Any) -> Tensor: ...
    def counted(self, targets: Any) -> Tensor | float: ...
    def count(self, outputs: Any, targets: Any) -> dict[str, Tensor]: ...
    def metrics(self, totals: dict[str, Tensor]) -> dict[str, float]: ...

    def measure(self, model: nn.Module, dataset: ImageDataset, engine: Engine) -> dict[str, float]:
        return {}

    def remarks(self, seed: int) -> list[str]:
        """What a reader should know of a run before it begins, a sentence each."""
        return []

    def sources(self, seed: int) -> dict[str, str]:
        """What a run of this seed reads beside recipe and data until its end, as {"teacher": SHA-256}; a resumed run must find the same."""
        return {}

    def save(self, model: nn.Module, path: Path) -> None: ...
    def load(self, path: Path) -> nn.Module: ...


@torch.no_grad()
def evaluate(
    task: Task,
    model: nn.Module,
    dataset: ImageDataset,
    engine: Engine | None = None,
    batch_size: int = 256,
    workers: int = 0,
) -> dict[str, float]:
    """The task's metrics of a model on a data set, in evaluation mode and without augmentation.

    Sums are added over the batches and processes, and divided once, so the last, smaller batch weighs what it should.
    """
    engine = engine or Engine(str(next(model.parameters()).device.type))
    totals: dict[str, Tensor] = {}
    was_training = model.training
    model.eval()
    order = batches(dataset, batch_size, 0, 0, shuffle=False, device=engine.device, workers=workers)
    share = slice(engine.rank, None, engine.world)
    for images, raw in order:
        inputs, targets = task.prepare(images[share], select(raw, share), train=False)
        with engine.autocast():
            outputs = model(inputs)
        for name, value in task.count(outputs, targets).items():
            totals[name] = totals[name] + value if name in totals else value
    found = task.metrics({name: engine.sum(value) for name, value in totals.items()})
    found |= task.measure(model, dataset, engine)
    model.train(was_training)
    return found


@torch.no_grad()
def predict(task: Task, model: nn.Module, dataset: ImageDataset, batch_size: int = 256) -> tuple[Any, Any]:
    """Outputs and targets of a whole data set in its order, on the CPU: for a classifier logits [N, K] and class numbers [N]."""
    device = next(model.parameters()).device
    was_training, outputs, targets = model.training, [], []
    model.eval()
    for batch in batches(dataset, batch_size, seed=0, epoch=0, shuffle=False, device=device):
        inputs, of_batch = task.prepare(*batch, train=False)
        outputs.append(move(model(inputs), "cpu"))
        targets.append(move(of_batch, "cpu"))
    model.train(was_training)
    return join(outputs), join(targets)
