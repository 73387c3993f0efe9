"""Segmentation as a task: trained by the loop of all tasks, resumed after a kill, scored over all pixels, saved and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mask_helpers import photo
from torch.testing import assert_close

from vit_tutorial.cnn import UNet
from vit_tutorial.data import VOID, PairedImages, Splits, TensorImages, scene_splits, write_mask
from vit_tutorial.heads import LinearSegmenter, MaskSegmenter
from vit_tutorial.tasks import Segmentation, task_of
from vit_tutorial.tasks.segmentation import class_weights
from vit_tutorial.training import Recipe, RecipeError, evaluate, fit, predict
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import backward

SMALL = {"patch_size": 4, "embed_dim": 16, "depth": 1, "num_heads": 2, "mlp_ratio": 1.0}
SHORT = {"task": "segmentation", "data": "digit_scenes", "epochs": 2, "batch_size": 8, "lr": 3e-3}


@pytest.fixture(scope="module")
def scenes() -> Splits:
    return scene_splits((32, 12, 12), size=(16, 24), digits_per_scene=(1, 2), kinds=(0, 1))


def recipe(**changes: Any) -> Recipe:
    return Recipe("small", **{**SHORT, "model": SMALL, **changes})


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, LinearSegmenter),
        ({"model": {**SMALL, "head_cells": 2}, "dice": 0.5, "class_balance": 0.5}, LinearSegmenter),
        (
            {"model": {**SMALL, "head": "mask_transformer", "head_depth": 1}, "focal_gamma": 2.0, "dice": 0.5},
            MaskSegmenter,
        ),
        ({"arch": "cnn", "model": {"widths": [4, 8]}}, UNet),
        ({"scale_jitter": [0.8, 1.5], "hflip": 0.5, "rotate": 10, "shift": 1, "color_jitter": 0.2}, LinearSegmenter),
    ],
)
def test_every_head_and_loss_trains_and_its_file_gives_the_same_scores(
    scenes: Splits, tmp_path: Path, changes: dict[str, Any], kind: type
) -> None:
    task = Segmentation(recipe(**changes), splits=scenes)
    result = fit(task, task.recipe, tmp_path, progress=False)
    assert isinstance(result.model, kind)
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"] + 0.05
    again = task.load(tmp_path / "model.safetensors")
    assert type(again) is kind
    scores = evaluate(task, again, scenes.test)
    assert scores["miou"] == pytest.approx(result.metrics["test_miou"], abs=1e-6)
    assert_close(predict(task, again, scenes.val)[0], predict(task, result.model, scenes.val)[0])


@pytest.mark.parametrize("changes", [{}, {"class_balance": 0.5}, {"class_balance": 1.0, "focal_gamma": 2.0}])
def test_the_gradient_of_a_batch_in_parts_is_that_of_the_whole_however_void_is_spread(
    scenes: Splits, changes: dict[str, Any]
) -> None:
    task, engine = Segmentation(recipe(**changes), splits=scenes), Engine("cpu")
    model = task.build_model()
    images, masks = task.prepare(scenes.train.images[:8], scenes.train.targets[:8].clone(), train=False)
    masks[0], masks[1, :9] = VOID, VOID

    def gradient(size: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
        model.zero_grad()
        loss = backward(task, model, images, masks, engine, size)
        return loss, [p.grad.clone() for p in model.parameters() if p.grad is not None]

    whole, expected = gradient(8)
    for size in (1, 3):
        loss, found = gradient(size)
        assert_close(loss, whole)
        assert_close(found, expected, atol=1e-6, rtol=1e-4)
    means = torch.stack([task.loss(model(images[i : i + 1]), masks[i : i + 1]) for i in range(8)])
    assert abs(means.mean() - whole) > 1e-3  # a mean of means is another loss
    masks[:] = VOID
    assert backward(task, model, images, masks, engine, 3) == 0


def test_a_run_that_was_cut_off_ends_as_one_that_was_not(scenes: Splits, tmp_path: Path) -> None:
    jittered = recipe(scale_jitter=[0.8, 1.5], rotate=10, color_jitter=0.2, checkpoint_every_steps=1)

    class CutOffError(Exception):
        pass

    class CutOff(Segmentation):
        calls = 0

        def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            if self.calls == 6:
                raise CutOffError
            return super().loss(outputs, targets)

    with pytest.raises(CutOffError):
        fit(CutOff(jittered, splits=scenes), jittered, tmp_path, progress=False)
    resumed = fit(Segmentation(jittered, splits=scenes), jittered, tmp_path, progress=False)
    whole = fit(Segmentation(jittered, splits=scenes), jittered, progress=False)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_the_scores_are_of_all_pixels_together_and_void_is_in_none(scenes: Splits) -> None:
    task = Segmentation(recipe(), splits=scenes)
    truth = scenes.test.targets.long()
    K = len(scenes.classes)
    perfect = torch.nn.functional.one_hot(truth, K).movedim(-1, 1).float() * 20
    voided = truth.clone()
    voided[:, :8] = VOID
    totals = [task.count(perfect[i : i + 5], voided[i : i + 5]) for i in range(0, 12, 5)]
    total = {name: sum(t[name] for t in totals) for name in totals[0]}
    metrics = task.metrics(total)
    assert metrics["miou"] == metrics["accuracy"] == metrics["dice"] == metrics["0_iou"] == 1
    assert int(total["confusion"].sum()) == int((voided != VOID).sum())
    wrong = task.metrics(task.count(perfect.roll(1, 1), truth))
    assert wrong["miou"] < 0.1


def test_a_batch_of_void_alone_changes_nothing(scenes: Splits) -> None:
    task = Segmentation(recipe(dice=1.0, class_balance=0.5), splits=scenes)
    model = task.build_model()
    void = torch.full((2, 16, 24), VOID)
    loss = task.loss(model(torch.randn(2, 1, 16, 24)), void)
    loss.backward()
    assert loss.item() == 0
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in model.parameters())
    assert task.metrics(task.count(model(torch.randn(2, 1, 16, 24)), void))["loss"] == 0


def test_rare_classes_weigh_more_and_void_is_not_counted() -> None:
    masks = torch.full((1, 10, 10), VOID)
    masks[0, :, :8], masks[0, 0, :8] = 0, 1
    images = TensorImages(torch.zeros(1, 1, 10, 10, dtype=torch.uint8), masks, ["much", "little", "never"])
    splits = Splits(images, images, images)
    weight = class_weights(splits, 1.0)
    assert_close(weight, torch.tensor([8 / 72, 8 / 8, 1.0]))  # the lower of two middle frequencies
    assert_close(class_weights(splits, 0.5), weight.sqrt())


def test_a_recipe_says_its_task(monkeypatch: pytest.MonkeyPatch, scenes: Splits) -> None:
    monkeypatch.setattr("vit_tutorial.data.scene_splits", lambda counts: scenes)
    assert isinstance(task_of(recipe()), Segmentation)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"logit_adjustment": 1.0}, "logit_adjustment is 1.0, but only classification knows it"),
        ({"mixup": 0.2}, "mixup is 0.2, but only classification knows it; leave it out of a segmentation"),
        ({"task": "classification", "dice": 1.0, "model": {}}, "dice is 1.0, but only segmentation knows it"),
        ({"model": {"head": "convolution"}}, "model.head is 'convolution'"),
        ({"model": {"heads_depth": 2}}, "unknown ViTConfig field 'heads_depth'"),
        ({"scale_jitter": [2.0, 0.5]}, "scale_jitter"),
    ],
)
def test_what_a_task_does_not_know_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe(**changes)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"data": "digits"}, RecipeError, "unknown data 'digits'; of segmentation choose digit_scenes"),
        ({"data": "voc"}, RecipeError, "say that of the model, as in --set model.img_size=224"),
        ({"data": "mask_folder", "model": {"img_size": 32}}, RecipeError, "give it with --data FOLDER"),
    ],
)
def test_data_that_cannot_be_read_is_named(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Segmentation(recipe(**changes))


def test_ones_own_images_are_held_in_memory_unless_windows_are_cut_from_them(tmp_path: Path) -> None:
    for i in range(6):
        photo(tmp_path / "images" / f"{i}.png", (20, 24 + 2 * (i % 2)), seed=i)
        (tmp_path / "masks").mkdir(exist_ok=True)
        mask = torch.zeros(20, 24 + 2 * (i % 2), dtype=torch.int64)
        mask[4:9, 3:9] = 1
        write_mask(mask, tmp_path / "masks" / f"{i}.png")
    (tmp_path / "classes.txt").write_text("soil\nleaf\n")
    own: dict[str, Any] = {"data": "mask_folder", "model": {**SMALL, "img_size": [12, 16]}}
    whole = Segmentation(recipe(**own), tmp_path).splits
    assert all(isinstance(split, TensorImages) for split in whole)
    assert whole.train[0][0].shape == (3, 12, 16)
    windows = Segmentation(recipe(**own, scale_jitter=[0.8, 1.2]), tmp_path).splits
    assert isinstance(windows.train, PairedImages)
    assert windows.train[0][0].shape[1] == 20
    assert windows.val[0][0].shape == (3, 12, 16)


def test_a_model_of_another_size_than_the_images_is_refused(scenes: Splits) -> None:
    with pytest.raises(ValueError, match=r"the images of digit_scenes are 16x24 pixels.*set model.img_size=\[16,24\]"):
        Segmentation(recipe(model={**SMALL, "img_size": [24, 32]}), splits=scenes)
