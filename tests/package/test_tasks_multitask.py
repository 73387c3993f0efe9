"""Several tasks as one: their targets, a model with a head each, training with partial labels, files, and the command line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from folder_helpers import classes
from torch.testing import assert_close

from vit_tutorial.cli import main
from vit_tutorial.data import SCENE_TASKS, Splits, TensorImages, digit_scenes, scene_tasks
from vit_tutorial.data.attributes import CIFAR10_ATTRIBUTES, with_attributes
from vit_tutorial.data.mask_files import save_image
from vit_tutorial.data.scene_tasks import targets_of_scenes
from vit_tutorial.heads import MultiTask, MultiTaskConfig, Output
from vit_tutorial.tasks import MultiTaskLearning, task_of
from vit_tutorial.tasks.multitask import with_few_labels
from vit_tutorial.training import Recipe, RecipeError, evaluate, fit
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import backward
from vit_tutorial.vit import VisionTransformer, ViTConfig

SMALL = {"patch_size": 4, "embed_dim": 16, "depth": 1, "num_heads": 2, "mlp_ratio": 1.0}
SHORT = {"task": "multitask", "data": "digit_scenes", "epochs": 2, "batch_size": 8, "lr": 3e-3, "model": SMALL}


@pytest.fixture(scope="module")
def scenes() -> Splits:
    return scene_tasks((32, 12, 12))


def recipe(multitask: dict[str, Any] | None = None, **changes: Any) -> Recipe:
    return Recipe("small", **{**SHORT, "multitask": multitask or {}, **changes})


def task(scenes: Splits, multitask: dict[str, Any] | None = None, **changes: Any) -> MultiTaskLearning:
    return MultiTaskLearning(recipe(multitask, **changes), splits=scenes, outputs=SCENE_TASKS)


def encoder(**options: Any) -> VisionTransformer:
    return VisionTransformer(
        ViTConfig.from_dict({**SMALL, "img_size": (8, 12), "in_chans": 1, "num_classes": 0, **options})
    )


def test_the_targets_of_a_scene_say_what_is_in_it() -> None:
    scenes = digit_scenes(20, (16, 24), (1, 3), kinds=range(6))
    targets = targets_of_scenes(scenes)
    assert isinstance(targets, dict)
    for i, (labels, corners) in enumerate(zip(scenes.labels, scenes.corners)):
        assert targets["count"][i] == len(labels) - 1
        assert set((targets["present"][i] > 0).nonzero()[:, 0].tolist()) == {k - 1 for k in labels.tolist()}
        greatest = [c for k, c in zip(labels.tolist(), corners.tolist()) if k == labels.max()]
        row, column = min(greatest, key=lambda corner: corner[1])
        assert targets["largest"][i].tolist() == [row + 3.5, column + 3.5]
    assert torch.equal(targets["mask"].long(), scenes.class_masks)


@pytest.mark.parametrize(
    "multitask",
    [
        {},
        {"weights": {"count": 2.0, "largest": 0.5}},
        {"weighting": "uncertainty", "cells": 2},
        {"weighting": "gradnorm", "own_tokens": True},
        {"labelled": {"mask": 0.25, "largest": 0.1}},
    ],
)
def test_every_weighting_trains_and_its_file_gives_the_same_scores(
    scenes: Splits, tmp_path: Path, multitask: dict[str, Any]
) -> None:
    of_all = task(scenes, multitask)
    result = fit(of_all, of_all.recipe, tmp_path, progress=False)
    assert result.history[-1]["val_loss"] < result.history[0]["val_loss"] + 0.05
    again = of_all.load(tmp_path / "model.safetensors")
    assert list(again.outputs) == list(of_all.outputs)
    assert evaluate(of_all, again, of_all.splits.test)["score"] == pytest.approx(result.metrics["test_score"], abs=1e-6)
    if again.task_weights is not None:
        start = float(multitask["weighting"] == "gradnorm")
        assert (again.task_weights != start).all()  # they were learned
    if multitask.get("weighting") == "gradnorm":
        assert again.task_weights.sum().item() == pytest.approx(4, abs=1e-4)
    if "weights" in multitask:
        assert not any(name.startswith("test_mask") for name in result.metrics)


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(scenes: Splits, tmp_path: Path) -> None:
    of_all = task(scenes, {"weighting": "gradnorm"}, checkpoint_every_steps=1)

    class CutOffError(Exception):
        pass

    class CutOff(MultiTaskLearning):
        calls = 0

        def loss(self, outputs: Any, targets: Any) -> torch.Tensor:
            self.calls += 1
            if self.calls == 6:
                raise CutOffError
            return super().loss(outputs, targets)

    with pytest.raises(CutOffError):
        fit(CutOff(of_all.recipe, splits=scenes, outputs=SCENE_TASKS), of_all.recipe, tmp_path, progress=False)
    resumed, whole = fit(of_all, of_all.recipe, tmp_path, progress=False), fit(of_all, of_all.recipe, progress=False)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


@pytest.mark.parametrize("weighting", ["fixed", "uncertainty"])
def test_the_gradient_of_a_batch_in_parts_is_that_of_the_whole_whoever_is_labelled(
    scenes: Splits, weighting: str
) -> None:
    few = task(scenes, {"labelled": {"mask": 0.2, "count": 0.5}, "weighting": weighting})
    torch.manual_seed(0)
    model = few.build_model()
    x, y = few.prepare(few.splits.train.images[:8], {k: v[:8] for k, v in few.splits.train.targets.items()}, True)

    def gradient(size: int) -> list[torch.Tensor]:
        model.zero_grad()
        backward(few, model, x, y, Engine("cpu"), size)
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    for size in (1, 3):
        assert_close(gradient(size), gradient(8), atol=1e-6, rtol=1e-4)


def test_a_batch_without_a_label_of_a_task_leaves_its_head_alone(scenes: Splits) -> None:
    few = task(scenes, {"labelled": {"count": 0.5}})
    model = few.build_model()
    rows = (few.splits.train.targets["count"] < 0).nonzero()[:8, 0]
    x, y = few.prepare(few.splits.train.images[rows], {k: v[rows] for k, v in few.splits.train.targets.items()}, True)
    few.loss(model(x), y).backward()  # type: ignore[no-untyped-call]
    assert not model.heads["count"].weight.grad.any()  # type: ignore[union-attr, operator]
    assert model.heads["mask"].weight.grad.any()  # type: ignore[union-attr, operator]


def test_few_labels_are_part_of_more_and_the_validation_split_keeps_all(scenes: Splits) -> None:
    y = torch.arange(40)
    fewer, more = ({k for k in with_few_labels("class", y, share).tolist() if k >= 0} for share in (0.1, 0.5))
    assert len(fewer) == 4
    assert fewer < more
    assert len(more) == 20
    few = task(scenes, {"labelled": {"present": 0.25}})
    assert (few.splits.train.targets["present"] >= 0).all(1).sum() == 8
    assert (few.splits.val.targets["present"] >= 0).all()
    assert few.shares["present"] == 0.25


def test_numbers_are_learned_as_standard_scores_and_their_error_is_in_their_own_units(scenes: Splits) -> None:
    of_all = task(scenes, {"weights": {"largest": 1}})
    y = of_all.splits.train.targets
    _, ready = of_all.prepare(of_all.splits.train.images, y, train=True)
    assert_close(ready["largest"].mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    assert_close(ready["largest"].std(0, correction=0), torch.ones(2))
    constant = {"largest": torch.zeros(len(ready["largest"]), 2)}
    found = of_all.metrics(of_all.count(constant, ready))
    assert found["largest_r2"] == pytest.approx(0, abs=1e-5)
    assert found["score"] == found["largest_r2"]
    by_hand = ((y["largest"] - y["largest"].mean(0)).abs() / y["largest"].std(0, correction=0)).mean()
    assert found["largest_error"] == pytest.approx(
        by_hand.item() * y["largest"].std(0, correction=0).mean().item(), rel=1e-4
    )


def test_heads_read_one_token_or_their_own() -> None:
    outputs = {"a": Output("class", ("x", "y")), "b": Output("labels", ("p",)), "m": Output("mask", ("0", "1", "2"))}
    x = torch.randn(2, 1, 8, 12)
    model = MultiTask(encoder(reg_tokens=1), outputs, own_tokens=True, cells=2).eval()
    answers = model(x)
    assert {name: tuple(a.shape) for name, a in answers.items()} == {"a": (2, 2), "b": (2, 1), "m": (2, 3, 4, 6)}
    tokens = model.encoder.forward_features(x)
    assert_close(answers["b"], model.heads["b"](tokens[:, 1]))
    shared = MultiTask(encoder(), outputs).eval()
    assert_close(shared(x)["b"], shared.heads["b"](shared.encoder.forward_features(x)[:, 0]))
    with pytest.raises(ValueError, match=r"2 tasks want a token of their own .* set reg_tokens to 1"):
        MultiTask(encoder(), outputs, own_tokens=True)
    with pytest.raises(ValueError, match="cannot be called 'shared'"):
        MultiTask(encoder(), {"shared": outputs["a"]})


def test_a_model_in_training_gives_what_its_weighting_needs_and_one_in_use_does_not() -> None:
    outputs = {"a": Output("class", ("x", "y"))}
    x = torch.randn(2, 1, 8, 12)
    for weighting, more in (
        ("fixed", set()),
        ("uncertainty", {"task_weights"}),
        ("gradnorm", {"task_weights", "shared"}),
    ):
        model = MultiTask(encoder(), outputs, weighting=weighting)
        assert set(model(x)) == {"a"} | more
        assert set(model.eval()(x)) == {"a"}


@pytest.mark.parametrize(
    ("multitask", "changes", "message"),
    [
        ({"weights": {"depth": 1}}, {}, "no task 'depth' in digit_scenes; its tasks are mask, count, present, largest"),
        ({"weights": {"mask": -1}}, {}, "weights.mask is -1; it must be a number, 0 or more"),
        ({"weights": {"mask": 0, "count": 0}}, {}, "so nothing would be learned; give at least one task more than 0"),
        ({"labelled": {"mask": 2}}, {}, "labelled.mask is 2"),
        ({"labelled": {"mask": 0.001}}, {}, "leaves none of 32 images a label; use at least 0.031"),
        ({"weighting": "magic"}, {}, "weighting is 'magic'; it must be one of fixed, uncertainty, gradnorm"),
        (
            {"weighting": "gradnorm", "weights": {"mask": 1, "count": 2}},
            {},
            "finds them itself; give all tasks the weight 1",
        ),
        ({"weighting": "gradnorm"}, {"micro_batch": 4}, "gradnorm compares the gradients of a whole batch"),
        ({"weight": {}}, {}, "unknown MultiTaskConfig field 'weight'; did you mean 'weights'"),
        ({}, {"hflip": 0.5}, "hflip moves the images, but nothing moves the numbers of largest"),
        ({}, {"arch": "cnn", "model": {}}, "several tasks share a vit"),
        ({"cells": 2}, {"task": "classification"}, "only multitask knows it"),
    ],
)
def test_what_cannot_be_is_refused(
    scenes: Splits, multitask: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        task(scenes, multitask, **changes)


def test_a_task_that_nobody_labelled_is_an_error(scenes: Splits) -> None:
    missing = {**scenes.train.targets, "count": torch.full((32,), -1)}
    train = TensorImages(scenes.train.images, missing, scenes.classes, "digit_scenes")
    with pytest.raises(ValueError, match="the task 'count' has no label in the training split"):
        task(Splits(train, scenes.val, scenes.test))
    numbers = scenes.train.targets["largest"].clone()
    numbers[:, 1] = math.nan
    train = TensorImages(
        scenes.train.images, {**scenes.train.targets, "largest": numbers}, scenes.classes, "digit_scenes"
    )
    with pytest.raises(ValueError, match="the number 'column' of the task 'largest' is never given"):
        task(Splits(train, scenes.val, scenes.test))


@pytest.mark.parametrize(
    ("name", "answers", "message"),
    [
        ("count", torch.full((12,), -1), "'count' has no label in the validation split, so it has no accuracy there"),
        ("present", torch.zeros(12, 6), "'present' has no yes in the validation split, so it has no f1 there"),
        ("largest", torch.ones(12, 2), "fewer than two different values of a number in the validation split"),
        ("mask", torch.full((12, 16, 24), 255), "'mask' has no label in the validation split"),
    ],
)
def test_a_task_without_a_score_in_the_validation_split_is_an_error(
    scenes: Splits, name: str, answers: torch.Tensor, message: str
) -> None:
    val = TensorImages(scenes.val.images, {**scenes.val.targets, name: answers}, scenes.classes, "digit_scenes")
    with pytest.raises(ValueError, match=message):
        task(Splits(scenes.train, val, scenes.test))


def test_a_number_that_is_always_the_same_is_an_error(scenes: Splits) -> None:
    same = scenes.train.targets["largest"].clone()
    same[:, 0] = 4
    train = TensorImages(scenes.train.images, {**scenes.train.targets, "largest": same}, scenes.classes, "digit_scenes")
    with pytest.raises(ValueError, match="the number 'row' of the task 'largest' is the same in all training images"):
        task(Splits(train, scenes.val, scenes.test))


def test_attributes_follow_from_the_class() -> None:
    names = sorted(CIFAR10_ATTRIBUTES)
    images = TensorImages(torch.zeros(20, 3, 8, 8, dtype=torch.uint8), torch.arange(20) % 10, names, "cifar10")
    splits, outputs = with_attributes(Splits(images, images, images))
    item = splits.train[3]
    assert item[1]["attributes"].tolist() == list(CIFAR10_ATTRIBUTES["cat"])
    assert outputs["attributes"].kind == "labels"
    of_both = MultiTaskLearning(recipe(model={**SMALL}, hflip=0.5, data="cifar10"), splits=splits, outputs=outputs)
    assert math.isfinite(fit(of_both, of_both.recipe.with_(epochs=1), progress=False).metrics["test_score"])
    with pytest.raises(ValueError, match="attributes are known of CIFAR-10's classes"):
        with_attributes(Splits(*[TensorImages(images.images, images.targets, [*names[:9], "zebra"])] * 3))


def test_nested_fields_are_set_one_by_one() -> None:
    changed = recipe().with_(**{"multitask.weighting": "uncertainty", "multitask.cells": 2})
    assert changed.multitask == {"weighting": "uncertainty", "cells": 2}
    assert Recipe.from_dict(changed.to_dict()) == changed
    with pytest.raises(RecipeError, match="only model, pretraining and multitask"):
        recipe().with_(**{"lr.x": 1})
    assert MultiTaskConfig().to_dict()["weighting"] == "fixed"


def test_from_the_command_line_to_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = scene_tasks((32, 12, 12))
    monkeypatch.setattr("vit_tutorial.tasks.multitask.scene_tasks", lambda counts: small)
    assert isinstance(task_of(recipe()), MultiTaskLearning)
    fields = ["model={patch_size: 4, embed_dim: 16, depth: 1, num_heads: 2}", "batch_size=8", "optimizer=adamw"]
    words = [word for field in fields for word in ("--set", field)]
    assert main(["train", "digit_scenes_multitask", "--epochs", "1", "--quiet", "--out", str(tmp_path), *words]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "seed-0"), "--format", "json", "--mistakes", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"score", "mask_miou", "count_accuracy", "present_f1", "largest_r2"} <= set(found["metrics"])
    assert all(len(images) == 2 for images in found["worst"].values())
    assert main(["evaluate", str(tmp_path / "seed-0")]) == 0
    assert "largest loss" in capsys.readouterr().out
    save_image(small.test.images[0], tmp_path / "a.png")
    for form in ("text", "csv", "json"):
        assert main(["predict", str(tmp_path / "seed-0"), str(tmp_path / "a.png"), "--format", form]) == 0
        said = capsys.readouterr().out
        assert all(name in said for name in SCENE_TASKS)
    assert main(["predict", str(tmp_path / "seed-0"), str(tmp_path / "none.png")]) == 1


def test_a_folder_of_cifar10s_classes_is_trained_with_attributes_by_one_command(tmp_path: Path) -> None:
    classes(tmp_path / "photos", 8, CIFAR10_ATTRIBUTES)
    fields = [
        "data=image_folder",
        "model={img_size: 32, patch_size: 16, embed_dim: 16, depth: 1, num_heads: 2}",
        "hflip=0.5",
    ]
    words = [word for field in fields for word in ("--set", field)] + ["--quiet", "--epochs", "1"]
    out, photos = str(tmp_path / "run"), str(tmp_path / "photos")
    assert main(["train", "digit_scenes_multitask", "--data", photos, "--out", out, *words]) == 0
    assert main(["evaluate", f"{out}/seed-0", "--data", photos]) == 0
