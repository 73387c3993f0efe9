"""One loop for every target: a task of masks and one of two targets train, resume, are evaluated and predicted like a classifier."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close
from torchvision import tv_tensors
from torchvision.transforms import v2

from vit_tutorial.data import RememberedSplit, Splits, TensorImages, digit_scenes, digits, normalize
from vit_tutorial.heads.segmentation import LinearSegmenter
from vit_tutorial.training import Recipe, RunFolder, RunFolderError, Task, evaluate, fit, predict
from vit_tutorial.training.checkpoint import load_checkpoint
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import training_batches
from vit_tutorial.vit import VisionTransformer, ViTConfig


class Killed(Exception):
    """Stands for whatever ends a process."""


class Toy(Task):
    """What the two tasks share: they may die at a step, and keep the weights as they are."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at, self.steps = dies_at, 0

    def count_step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Killed

    def save(self, model: nn.Module, path: Path) -> None:
        save_file(model.state_dict(), path)

    def load(self, path: Path) -> nn.Module:
        model = self.build_model()
        model.load_state_dict(load_file(path))
        return model


class Masks(Toy):
    """A class for each pixel of scenes of digits; image and mask are mirrored together."""

    best_by = "pixel_accuracy"
    splits = Splits(
        *(
            TensorImages(scenes.images, scenes.class_masks, list(scenes.classes), "scenes")
            for scenes in (
                digit_scenes(n, (16, 24), 2, split=split) for n, split in ((48, "train"), (10, "val"), (10, "test"))
            )
        )
    )

    def build_model(self) -> nn.Module:
        encoder = ViTConfig(
            img_size=(16, 24), patch_size=4, in_chans=1, num_classes=0, embed_dim=16, depth=1, num_heads=2
        )
        return LinearSegmenter(VisionTransformer(encoder), len(self.splits.classes))

    def prepare(self, images: Tensor, targets: Tensor, train: bool) -> tuple[Tensor, Tensor]:
        if train:
            self.count_step()
            flip = v2.RandomHorizontalFlip(0.5)
            images, targets = flip(tv_tensors.Image(images), tv_tensors.Mask(targets))
        return normalize(images.as_subclass(Tensor), self.splits.mean, self.splits.std), targets.as_subclass(Tensor)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets)

    def counted(self, targets: Tensor) -> float:
        return targets.numel()

    def count(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"right": (outputs.argmax(1) == targets).sum(), "pixels": torch.tensor(targets.numel())}

    def metrics(self, totals: dict[str, Tensor]) -> dict[str, float]:
        return {"pixel_accuracy": totals["right"].item() / totals["pixels"].item()}


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        encoder = ViTConfig(img_size=8, patch_size=2, in_chans=1, num_classes=0, embed_dim=16, depth=1, num_heads=2)
        self.encoder, self.digit, self.ink = VisionTransformer(encoder), nn.Linear(16, 10), nn.Linear(16, 1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.encoder(images)
        return {"digit": self.digit(features), "ink": self.ink(features)[:, 0]}


class TwoTargets(Toy):
    """Which digit it is, and how much ink it took."""

    best_by = "accuracy"
    splits = Splits(
        *(
            TensorImages(
                part.images,
                {"digit": part.labels, "ink": part.images.float().mean((1, 2, 3)) / 255},
                part.classes,
                "two",
            )
            for part in digits()
        )
    )

    def build_model(self) -> nn.Module:
        return TwoHeads()

    def prepare(self, images: Tensor, targets: dict[str, Tensor], train: bool) -> tuple[Tensor, dict[str, Tensor]]:
        if train:
            self.count_step()
        return normalize(images, self.splits.mean, self.splits.std), targets

    def loss(self, outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
        return F.cross_entropy(outputs["digit"], targets["digit"]) + F.mse_loss(outputs["ink"], targets["ink"])

    def counted(self, targets: dict[str, Tensor]) -> float:
        return len(targets["ink"])

    def count(self, outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        right = (outputs["digit"].argmax(1) == targets["digit"]).sum()
        off = (outputs["ink"] - targets["ink"]).abs().sum()
        return {"right": right, "off": off, "n": torch.tensor(len(targets["ink"]))}

    def metrics(self, totals: dict[str, Tensor]) -> dict[str, float]:
        return {
            name: totals[of].item() / totals["n"].item() for name, of in (("accuracy", "right"), ("ink_error", "off"))
        }


RECIPES = {
    Masks: Recipe(
        "masks",
        epochs=3,
        batch_size=16,
        lr=3e-3,
        ema_decay=0.9,
        threads=1,
        checkpoint_every_steps=1,
        model={"drop_path_rate": 0.1},
    ),
    TwoTargets: Recipe("two", epochs=2, batch_size=256, lr=3e-3, threads=1, checkpoint_every_steps=1),
}
each_task = pytest.mark.parametrize("toy", [Masks, TwoTargets])


@each_task
def test_it_learns_and_the_best_weights_are_evaluated_and_kept(toy: type[Any], tmp_path: Path) -> None:
    recipe = RECIPES[toy].with_(epochs=6)
    result = fit(toy(), recipe, tmp_path, progress=False)
    losses = [row["train_loss"] for row in result.history]
    assert losses[-1] < 0.9 * losses[0]
    name = toy.best_by
    assert result.metrics[f"val_{name}"] == max(row[f"val_{name}"] for row in result.history)
    again = fit(toy(), recipe, tmp_path, progress=False)
    assert again.already_finished
    assert evaluate(toy(), again.model, toy.splits.test)[name] == result.metrics[f"test_{name}"]


@each_task
@pytest.mark.parametrize("dies_at", [2, 5])
def test_a_run_that_died_goes_on_to_the_same_weights(toy: type[Any], dies_at: int, tmp_path: Path) -> None:
    recipe = RECIPES[toy]
    whole = fit(toy(), recipe, tmp_path / "whole", progress=False)
    with pytest.raises(Killed):
        fit(toy(dies_at), recipe, tmp_path / "cut", progress=False)
    assert load_checkpoint(tmp_path / "cut" / "checkpoint.safetensors")[1]["step"] == dies_at - 1
    cut = fit(toy(), recipe, tmp_path / "cut", progress=False)
    assert all(torch.equal(a, b) for a, b in zip(whole.model.state_dict().values(), cut.model.state_dict().values()))
    assert {k: v for k, v in whole.metrics.items() if "seconds" not in k} == {
        k: v for k, v in cut.metrics.items() if "seconds" not in k
    }


@each_task
def test_a_batch_in_parts_of_unequal_size_trains_as_a_whole_one(toy: type[Any]) -> None:
    recipe = RECIPES[toy].with_(epochs=1, optimizer="sgd", lr=0.05)
    whole, parts = (fit(toy(), recipe.with_(micro_batch=size), progress=False) for size in (None, 7))
    for name, weights in whole.model.state_dict().items():
        assert_close(parts.model.state_dict()[name], weights, atol=1e-5, rtol=1e-4)
    assert parts.history[0]["train_loss"] == pytest.approx(whole.history[0]["train_loss"], rel=1e-5)


@each_task
def test_what_the_splits_remember_is_kept_by_the_run_of_any_task(toy: type[Any], tmp_path: Path) -> None:
    train, val, test = toy.splits
    task, recipe = toy(), RECIPES[toy].with_(epochs=1)
    task.splits = replace(toy.splits, remembered=RememberedSplit.of(train.digests(), val.digests(), test.digests()))
    fit(task, recipe, tmp_path, progress=False)
    kept = json.loads(RunFolder(tmp_path).split.read_text(encoding="utf-8"))
    assert RememberedSplit.from_dict(kept) == task.splits.remembered
    fewer = train.select(range(len(train) - 2))
    task.splits = Splits(fewer, val, test, remembered=task.splits.remembered.with_train(fewer.digests()))
    with pytest.raises(RunFolderError, match=r"contents are not the same as then \(2 image\(s\) in another part\)"):
        fit(task, recipe, tmp_path, progress=False)


@each_task
def test_predictions_stand_in_the_data_sets_order_whatever_the_batch(toy: type[Any]) -> None:
    task, model = toy(), toy().build_model()
    (large, targets), (small, same) = (predict(task, model, toy.splits.val, batch_size=size) for size in (256, 3))
    counted = [task.metrics(task.count(outputs, of)) for outputs, of in ((large, targets), (small, same))]
    assert counted[0] == pytest.approx(counted[1], abs=1e-6)
    assert counted[0] == pytest.approx(evaluate(task, model, toy.splits.val), abs=1e-6)
    expected = toy.splits.val.targets
    for name in targets if isinstance(targets, dict) else [None]:
        assert torch.equal(targets if name is None else targets[name], expected if name is None else expected[name])


@each_task
def test_two_processes_share_a_batch_with_its_targets(toy: type[Any]) -> None:
    shares = [Engine("cpu"), Engine("cpu")]
    for rank, engine in enumerate(shares):
        engine.rank, engine.world = rank, 2
    data, recipe = toy.splits.train, RECIPES[toy]
    streams = [training_batches(data, recipe, 0, 0, engine) for engine in (Engine("cpu"), *shares)]
    for (_, _, whole), (_, _, first), (_, _, second) in zip(*streams, strict=True):
        for name in whole if isinstance(whole, dict) else [None]:
            all_, even, odd = (part if name is None else part[name] for part in (whole, first, second))
            assert torch.equal(torch.stack([even, odd], 1).flatten(0, 1), all_)
