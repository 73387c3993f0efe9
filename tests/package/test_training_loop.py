"""The loop: it learns, resumes exactly, chooses on the validation split, and stops when it must."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from training_helpers import tiny, tiny_task

from vit_tutorial.data import Splits, augment, image_folder
from vit_tutorial.tasks import Classification
from vit_tutorial.training import DivergedError, RunFolder, RunFolderError, evaluate, fit, predict
from vit_tutorial.training import loop as loop_module
from vit_tutorial.training.checkpoint import load_checkpoint


class Killed(Exception):
    """Stands for whatever ends a process."""


class DiesAt(Classification):
    """A task that raises when the given batch is prepared for training."""

    def __init__(self, recipe: Any, batch: int, splits: Splits | None = None) -> None:
        super().__init__(recipe, splits=splits)
        self.left = batch

    def prepare(self, images: Tensor, labels: Tensor, train: bool) -> tuple[Tensor, Tensor]:
        self.left -= train
        if self.left < 0:
            raise Killed
        return super().prepare(images, labels, train)


def same_weights(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(mine, theirs) for mine, theirs in zip(a.state_dict().values(), b.state_dict().values()))


def without_times(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k not in ("seconds", "images_per_s")} for row in history]


def test_the_loss_falls_and_the_accuracy_rises() -> None:
    task, recipe = tiny_task(epochs=12, lr=5e-3, batch_size=64)
    result = fit(task, recipe, progress=False)
    assert result.history[-1]["train_loss"] < 0.8 * result.history[0]["train_loss"]
    assert result.metrics["test_accuracy"] > 0.4  # chance is 0.1


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    task, recipe = tiny_task(epochs=1)
    first, second, other = (fit(task, recipe, seed=seed, progress=False, test=False) for seed in (3, 3, 4))
    assert same_weights(first.model, second.model)
    assert not same_weights(first.model, other.model)


def test_random_numbers_drawn_elsewhere_do_not_change_the_run_nor_the_run_them() -> None:
    task, recipe = tiny_task(epochs=1, rotate=20)
    torch.manual_seed(5)
    first = fit(task, recipe, progress=False, test=False)
    drawn = torch.rand(3)
    second = fit(task, recipe, progress=False, test=False)
    assert same_weights(first.model, second.model)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


@pytest.mark.parametrize(("dies_at", "optimizer"), [(2, "adamw"), (4, "adamw"), (6, "adamw"), (6, "muon")])
def test_a_run_that_died_goes_on_to_the_same_weights(tmp_path: Path, dies_at: int, optimizer: str) -> None:
    """Augmentation, mixup, dropout, drop path, moving average: none of them notices (4 steps are an epoch)."""
    changes = {"mixup": 0.4, "random_erasing": 0.3, "model__drop_rate": 0.1, "model__drop_path_rate": 0.2}
    recipe = tiny(checkpoint_every_steps=2, ema_decay=0.9, optimizer=optimizer, **changes)
    undisturbed = fit(Classification(recipe), recipe, tmp_path / "whole", progress=False)
    with pytest.raises(Killed):
        fit(DiesAt(recipe, dies_at + 1), recipe, tmp_path / "cut", progress=False)
    assert load_checkpoint(tmp_path / "cut" / "checkpoint.safetensors")[1]["step"] == dies_at
    resumed = fit(Classification(recipe), recipe, tmp_path / "cut", progress=False)
    assert same_weights(resumed.model, undisturbed.model)
    assert without_times(resumed.history) == without_times(undisturbed.history)
    whole, cut = (load_checkpoint(tmp_path / name / "checkpoint.safetensors")[0] for name in ("whole", "cut"))
    for group in ("model", "ema", "optimizer"):
        assert all(torch.equal(whole[group][name], cut[group][name]) for name in whole[group]), group


def test_a_run_that_died_after_its_plateau_cut_the_rate_goes_on_at_the_cut_rate(tmp_path: Path) -> None:
    changes = {"schedule": "plateau", "plateau_patience": 0, "gamma": 0.5, "min_lr": 0.0, "lr": 0.05, "epochs": 6}
    recipe = tiny(checkpoint_every_steps=2, warmup_epochs=0, **changes)
    undisturbed = fit(Classification(recipe), recipe, progress=False, test=False)
    rates = [row["lr"] for row in undisturbed.history]
    assert rates[-1] < rates[0]  # at this rate some epoch is no better than the best before it
    with pytest.raises(Killed):
        fit(DiesAt(recipe, 23), recipe, tmp_path, progress=False, test=False)  # 4 steps an epoch: in the last one
    resumed = fit(Classification(recipe), recipe, tmp_path, progress=False, test=False)
    assert [row["lr"] for row in resumed.history] == rates
    assert same_weights(resumed.model, undisturbed.model)


def test_a_folder_too_large_for_memory_resumes_as_exactly(tmp_path: Path) -> None:
    """Each image is decoded and cropped at random when its batch comes, by worker processes."""
    for index in range(48):
        file = tmp_path / "photos" / "ab"[index % 2] / f"{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(index).integers(256, size=(20, 24, 3), dtype=np.uint8)
        Image.fromarray(noise).save(file)
    splits = image_folder(tmp_path / "photos", 16, memory_budget=0, progress=False)
    changes = {"data": "image_folder", "batch_size": 8, "random_resized_crop": [0.3, 1.0], "model__patch_size": 8}
    recipe = tiny(**changes, hflip=0.5, workers=1, checkpoint_every_steps=1)
    whole = fit(Classification(recipe, splits=splits), recipe, tmp_path / "whole", progress=False)
    with pytest.raises(Killed):
        fit(DiesAt(recipe, 3, splits=splits), recipe, tmp_path / "cut", progress=False)
    cut = fit(Classification(recipe, splits=splits), recipe, tmp_path / "cut", progress=False)
    assert same_weights(whole.model, cut.model)
    assert without_times(whole.history) == without_times(cut.history)


def test_a_finished_run_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, recipe = tiny_task(epochs=1)
    first = fit(task, recipe, tmp_path, progress=False)
    monkeypatch.setattr(loop_module, "train", lambda *_: pytest.fail("it trained"))
    again = fit(task, recipe, tmp_path, progress=False)
    assert again.already_finished
    assert again.metrics == first.metrics
    assert same_weights(again.model, first.model)


def test_a_run_says_how_long_its_processor_worked_and_how_long_it_waited_for_data(tmp_path: Path) -> None:
    task, recipe = tiny_task(epochs=1)
    plain_prepare = task.prepare

    def slow_prepare(images: Any, labels: Any, train: bool) -> Any:
        if train:
            time.sleep(0.05)
        return plain_prepare(images, labels, train)

    task.prepare = slow_prepare  # type: ignore[method-assign]
    metrics = fit(task, recipe, tmp_path, progress=False).metrics
    assert 4 * 0.05 <= metrics["load_seconds"] < metrics["train_seconds"]
    assert metrics["cpu_seconds"] > 0


def test_no_resume_starts_afresh(tmp_path: Path) -> None:
    task, recipe = tiny_task(epochs=1)
    fit(task, recipe, tmp_path, progress=False)
    other = recipe.with_(lr=1e-4)
    result = fit(task, other, tmp_path, resume=False, progress=False)
    assert not result.already_finished
    assert json.loads((tmp_path / "run.json").read_text())["recipe"]["lr"] == 1e-4


def test_a_folder_from_before_a_field_existed_is_read_with_its_default(tmp_path: Path) -> None:
    task, recipe = tiny_task(epochs=1)
    fit(task, recipe, tmp_path, progress=False)
    run = json.loads((tmp_path / "run.json").read_text())
    del run["recipe"]["layer_decay"]
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert fit(task, recipe, tmp_path, progress=False).already_finished
    (tmp_path / "run.json").write_text(json.dumps(run))
    with pytest.raises(RunFolderError, match=r"layer_decay is 1\.0 there and 0\.5 now"):
        fit(task, recipe.with_(layer_decay=0.5), tmp_path, progress=False)


def test_a_folder_takes_one_process_at_a_time(tmp_path: Path) -> None:
    task, recipe = tiny_task(epochs=1)
    held = f"import filelock, time; lock = filelock.FileLock({str(tmp_path / '.lock')!r}); lock.acquire(); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(RunFolderError, match="another process trains in"):
            fit(task, recipe, tmp_path, progress=False)
        other.kill()  # its lock ends with it, however it ends
    assert not fit(task, recipe, tmp_path, progress=False).already_finished


def test_the_folder_of_another_recipe_seed_or_data_is_refused(tmp_path: Path) -> None:
    task, recipe = tiny_task(epochs=1)
    fit(task, recipe, tmp_path, progress=False)
    with pytest.raises(RunFolderError, match=r"another run: lr is 0\.003 there and 0\.004 now\. Choose another --out"):
        fit(task, recipe.with_(lr=0.004), tmp_path, progress=False)
    with pytest.raises(RunFolderError, match="seed is 0 there and 1 now"):
        fit(task, recipe, tmp_path, seed=1, progress=False)
    train, val, test = task.splits
    fewer = Classification(recipe, splits=Splits(train.select(range(300)), val, test))
    with pytest.raises(RunFolderError, match="the data's contents are not the same"):
        fit(fewer, recipe, tmp_path, progress=False)


def test_how_often_checkpoints_are_written_may_change_between_two_halves(tmp_path: Path) -> None:
    task, recipe = tiny_task(epochs=1)
    fit(task, recipe, tmp_path, progress=False)
    assert fit(task, recipe.with_(checkpoint_every_seconds=1.0), tmp_path, progress=False).already_finished


def test_a_run_that_failed_before_its_first_checkpoint_leaves_the_folder_free(tmp_path: Path) -> None:
    task, recipe = tiny_task(batch_size=5000)
    with pytest.raises(ValueError, match="batch_size 5000 is larger than the training split of 1078 images"):
        fit(task, recipe, tmp_path, progress=False)
    fit(*tiny_task(epochs=1), tmp_path, progress=False)


def test_the_last_share_of_the_training_sees_whole_images_also_after_a_resume(tmp_path: Path) -> None:
    seen = []

    class Watched(DiesAt):
        def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
            seen.append(self.model.patch_drop_rate)
            return super().loss(outputs, targets)

        def build_model(self) -> Any:
            self.model = super().build_model()
            return self.model

    recipe = tiny(model__patch_drop_rate=0.5, patch_drop_until=0.75, checkpoint_every_steps=1)
    fit(Watched(recipe, 99), recipe, tmp_path / "whole", progress=False)
    assert seen == [0.5] * 6 + [0.0] * 2
    with pytest.raises(Killed):
        fit(Watched(recipe, 7), recipe, tmp_path / "cut", progress=False)
    resumed = fit(Watched(recipe, 99), recipe, tmp_path / "cut", progress=False)
    assert seen[8:] == seen[:8]
    assert same_weights(resumed.model, fit(Watched(recipe, 99), recipe, tmp_path / "whole", progress=False).model)


class Explodes(Classification):
    """Its loss is NaN from the sixth training batch on."""

    batches = 0

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        self.batches += 1
        return super().loss(outputs, targets) * (float("nan") if self.batches > 5 else 1.0)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    recipe = tiny(checkpoint_every_steps=2, lr=0.01)
    with pytest.raises(DivergedError) as caught:
        fit(Explodes(recipe), recipe, tmp_path, progress=False)
    message, path = str(caught.value), RunFolder(tmp_path).checkpoint
    assert "the loss is nan" in message
    assert "at step 5" in message
    assert re.search(r"learning rate 0\.00\d+", message)
    assert str(path) in message
    groups, counters = load_checkpoint(path)
    assert counters["step"] == 4
    assert all(tensor.isfinite().all() for tensor in groups["model"].values())


def test_a_loss_that_is_read_now_and_then_trains_the_same_model_with_the_same_history(tmp_path: Path) -> None:
    results = {}
    for every in (1, 3):
        task, recipe = tiny_task(read_loss_every=every)  # an evaluation, after 4 steps, reads what is left
        results[every] = fit(task, recipe, tmp_path / str(every), progress=False)
    for row, other in zip(results[1].history, results[3].history, strict=True):
        times = ("images_per_s", "seconds")
        assert {k: v for k, v in row.items() if k not in times} == {k: v for k, v in other.items() if k not in times}
    weights = [result.model.state_dict() for result in results.values()]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_a_loss_that_is_read_late_is_still_read_before_a_checkpoint(tmp_path: Path) -> None:
    recipe = tiny(read_loss_every=100, checkpoint_every_steps=2, eval_every=2, lr=0.01)
    with pytest.raises(DivergedError, match="at step 5"):
        fit(Explodes(recipe), recipe, tmp_path, progress=False)
    groups, counters = load_checkpoint(RunFolder(tmp_path).checkpoint)
    assert counters["step"] == 4
    assert counters["loss_steps"] == 4
    assert all(tensor.isfinite().all() for tensor in groups["model"].values())


def test_a_gradient_that_is_infinite_stops_the_run_before_the_weights_change() -> None:
    task, recipe = tiny_task(clip_grad=0)
    model = task.build_model()

    class Overflow(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return gradient * float("inf")

    model.head.register_forward_hook(lambda *args: Overflow.apply(args[-1]))
    task.build_model = lambda: model  # type: ignore[method-assign]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(DivergedError, match=r"gradient's norm (nan|inf) at step 0"):
        fit(task, recipe, progress=False)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


class ScriptedScores(Classification):
    """Validation accuracies from a list; counts how often the test split is looked at."""

    def __init__(self, recipe: Any, scores: list[float]) -> None:
        super().__init__(recipe)
        self.scores, self.seen, self.test_evaluations = list(scores), [], 0

    def metrics(self, totals: dict[str, Tensor]) -> dict[str, float]:
        if totals["confusion"].sum() == len(self.splits.test):
            self.test_evaluations += 1
            return {"accuracy": 0.5}
        return {"accuracy": self.scores.pop(0)}


def test_the_last_of_the_weights_with_the_best_validation_score_are_kept() -> None:
    recipe = tiny(epochs=4, schedule="constant", ema_decay=0)
    result = fit(ScriptedScores(recipe, [0.1, 0.7, 0.7, 0.3]), recipe, progress=False)
    assert result.metrics["best_epoch"] == 3
    assert result.metrics["val_accuracy"] == 0.7
    three_epochs = tiny(epochs=3, schedule="constant", ema_decay=0)
    same = fit(ScriptedScores(three_epochs, [0.1, 0.7, 0.7]), three_epochs, progress=False)
    assert same_weights(result.model, same.model)


def test_the_test_split_is_scored_once() -> None:
    recipe = tiny(epochs=3)
    task = ScriptedScores(recipe, [0.1, 0.2, 0.3])
    fit(task, recipe, progress=False)
    assert task.test_evaluations == 1


def test_without_test_the_test_split_is_not_touched() -> None:
    recipe = tiny(epochs=1)
    task = ScriptedScores(recipe, [0.1])
    assert "test_accuracy" not in fit(task, recipe, progress=False, test=False).metrics
    assert task.test_evaluations == 0


def test_patience_stops_after_so_many_evaluations_without_a_better_one() -> None:
    recipe = tiny(epochs=9, patience=2)
    result = fit(ScriptedScores(recipe, [0.1, 0.4, 0.3, 0.4, 0.9, 0.9]), recipe, progress=False)
    assert [row["epoch"] for row in result.history] == [1, 2, 3, 4]  # the tie at 4 is no progress
    assert result.metrics["best_epoch"] == 4


def test_evaluation_comes_every_so_many_epochs_and_at_the_end() -> None:
    task, recipe = tiny_task(epochs=5, eval_every=2)
    assert [row["epoch"] for row in fit(task, recipe, progress=False, test=False).history] == [2, 4, 5]


def test_an_evaluation_is_the_mean_over_images_and_not_over_batches() -> None:
    task, _ = tiny_task()
    model = task.build_model()
    logits, labels = predict(task, model, task.splits.val)
    scores = evaluate(task, model, task.splits.val, batch_size=17)
    assert scores["accuracy"] == pytest.approx((logits.argmax(1) == labels).float().mean().item())
    assert scores["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-5)


def test_an_evaluation_leaves_the_model_in_the_mode_it_was_in() -> None:
    task, _ = tiny_task()
    model = task.build_model().train()
    evaluate(task, model, task.splits.val)
    assert model.training


def test_an_evaluation_drops_nothing_out() -> None:
    task, _ = tiny_task(model__drop_rate=0.5, model__drop_path_rate=0.5)
    model = task.build_model().train()
    assert evaluate(task, model, task.splits.val) == evaluate(task, model, task.splits.val)
    assert torch.equal(predict(task, model, task.splits.val)[0], predict(task, model, task.splits.val)[0])


def test_bf16_computes_in_bf16_and_keeps_the_weights_in_fp32() -> None:
    task, recipe = tiny_task(epochs=1, precision="bf16")
    seen = set()
    task.loss = lambda outputs, targets: seen.add(outputs.dtype) or Classification.loss(task, outputs, targets)  # type: ignore[method-assign]
    result = fit(task, recipe, progress=False, test=False)
    assert seen == {torch.bfloat16}
    assert {parameter.dtype for parameter in result.model.parameters()} == {torch.float32}


@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_ends_like_a_plain_one_and_keeps_the_names_of_its_weights(tmp_path: Path) -> None:
    from torch._inductor import config as inductor

    ends = []
    # The compiler takes its time for each block, and most of it to find out which vectors the processor can add, and to start its processes.
    with inductor.patch({"cpp.vec_isa_ok": False, "compile_threads": 1}):
        for compiled in (False, True):
            task, recipe = tiny_task(compile=compiled, epochs=1, model__depth=1)
            fit(task, recipe, tmp_path / str(compiled), progress=False, test=False)
            ends.append(task.load(tmp_path / str(compiled) / "model.safetensors").state_dict())
    plain, other = ends
    torch.testing.assert_close(other, plain, atol=2e-4, rtol=0)  # 4 steps of Adam move a weight by more than 1e-3


def test_a_run_logs_its_losses_rates_and_speed(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    task, recipe = tiny_task()
    result = fit(task, recipe, tmp_path, progress=False)
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert rows == result.history
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert len(events.Scalars("step/loss")) == 8
    assert {"step/lr", "step/grad_norm", "epoch/val_accuracy", "epoch/images_per_s"} <= set(events.Tags()["scalars"])
    assert events.Scalars("epoch/val_accuracy")[-1].value == pytest.approx(rows[-1]["val_accuracy"])


def test_a_task_without_augmentation_prepares_training_as_evaluation() -> None:
    task, _ = tiny_task(shift=0, rotate=0)
    images, labels = task.splits.train.images[:9], task.splits.train.labels[:9]
    assert torch.equal(task.prepare(images, labels, train=True)[0], task.prepare(images, labels, train=False)[0])
    assert torch.equal(augment(images, task.splits.mean, task.splits.std), task.prepare(images, labels, False)[0])
