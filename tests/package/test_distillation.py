"""A teacher's answers beside the labels: the losses, the second head, the task that joins them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch.testing import assert_close
from training_helpers import tiny

from vit_tutorial.cli import main
from vit_tutorial.cnn import CNNConfig, ConvNet
from vit_tutorial.data import Splits, TensorImages, digits
from vit_tutorial.heads.distillation import DistilledClassifier
from vit_tutorial.losses.distillation import hard_distillation, soft_distillation
from vit_tutorial.tasks import Classification, Distillation, task_of
from vit_tutorial.training import RecipeError, RunFolderError, fit
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import backward
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import load_classifier, load_model, save_model

SPLITS = digits()


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolutional network, a little trained, with a mean and a standard deviation of its own."""
    recipe = tiny(arch="cnn", model={"widths": [8, 16]}, epochs=2, batch_size=64, lr=1e-2)
    out = tmp_path_factory.mktemp("teacher")
    train, val, test = digits()
    for split in (train, val, test):
        split.mean, split.std = (0.4,), (0.2,)
    fit(Classification(recipe, splits=Splits(train, val, test)), recipe, out, progress=False, test=False)
    return out


def student(teacher: Path, **changes: Any) -> Distillation:
    return Distillation(tiny(teacher=str(teacher), **changes), splits=SPLITS)


def test_a_hard_teacher_gives_a_second_label() -> None:
    logits, answers = torch.randn(2, 16, 10)
    assert_close(hard_distillation(logits, answers), F.cross_entropy(logits, answers.argmax(1)))


@pytest.mark.parametrize("T", [0.5, 1.0, 8.0])
def test_a_soft_teacher_pulls_by_the_difference_of_the_softened_probabilities(T: float) -> None:
    logits, answers = torch.randn(2, 16, 10, dtype=torch.float64)
    logits.requires_grad_()
    loss = soft_distillation(logits, answers, T)
    p, q = (answers / T).softmax(1), (logits / T).softmax(1)
    assert_close(loss, T**2 * (p * (p / q).log()).sum(1).mean())
    (gradient,) = torch.autograd.grad(loss, logits)
    assert_close(gradient, T * (q - p).detach() / 16)


def test_at_a_high_temperature_the_logits_themselves_are_compared() -> None:
    logits, answers = torch.randn(2, 16, 10, dtype=torch.float64)
    centred = [x - x.mean(1, keepdim=True) for x in (logits, answers)]
    halved = (centred[0] - centred[1]).square().sum(1).mean() / 20  # |z - v|^2 / (2 K)
    assert_close(soft_distillation(logits, answers, 1e4), halved, rtol=1e-3, atol=0)


def test_a_loss_refuses_other_shapes_and_temperatures() -> None:
    with pytest.raises(ValueError, match=r"\[4, 10\] and \[4, 9\]"):
        hard_distillation(torch.zeros(4, 10), torch.zeros(4, 9))
    with pytest.raises(ValueError, match="temperature is 0"):
        soft_distillation(torch.zeros(4, 10), torch.zeros(4, 10), 0)


def test_the_two_heads_compute_what_timms_distilled_model_does() -> None:
    theirs = timm.models.deit.VisionTransformerDistilled(
        img_size=16, patch_size=4, embed_dim=32, depth=2, num_heads=4, num_classes=5
    )
    ours = DistilledClassifier(
        VisionTransformer(
            ViTConfig(img_size=16, patch_size=4, embed_dim=32, depth=2, num_heads=4, num_classes=5, reg_tokens=1)
        )
    )
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(0.02 * torch.randn_like(p))
    state = theirs.state_dict()
    state["reg_token"] = state.pop("dist_token")
    second = {name: state.pop(name) for name in [*state] if name.startswith("head_dist")}
    ours.encoder.load_state_dict(state)
    ours.load_state_dict(second, strict=False)
    images = torch.randn(3, 3, 16, 16)
    assert_close(ours.eval()(images), theirs.eval()(images), atol=1e-5, rtol=1e-5)
    theirs.set_distilled_training(True)
    assert_close(ours.train()(images), theirs.train()(images), atol=1e-5, rtol=1e-5)


def test_a_second_head_needs_a_token_and_a_first_head() -> None:
    small = {"img_size": 8, "patch_size": 4, "embed_dim": 16, "depth": 1, "num_heads": 2}
    with pytest.raises(ValueError, match="reg_tokens is 0"):
        DistilledClassifier(VisionTransformer(ViTConfig(**small)))
    with pytest.raises(ValueError, match="num_classes is 0"):
        DistilledClassifier(VisionTransformer(ViTConfig(**small, reg_tokens=1, num_classes=0)))


def test_the_teacher_sees_the_pixels_by_its_own_mean_and_is_not_trained(teacher: Path) -> None:
    task = student(teacher)
    torch.manual_seed(0)
    model = task.build_model()
    images, labels = SPLITS.train.images[:32], SPLITS.train.labels[:32]
    inputs, _ = task.prepare(images, labels, train=False)
    network = load_classifier(teacher / "model.safetensors")
    assert_close(task.ask(inputs), network((images / 255 - 0.4) / 0.2), atol=1e-4, rtol=1e-4)
    inputs, targets = task.prepare(images, labels, train=True)
    task.loss(model(inputs), targets).backward()
    assert task.teacher is not None
    assert not task.teacher.training
    assert all(p.grad is None for p in task.teacher.parameters())
    assert_close(
        task.teacher.model.state_dict(), network.state_dict(), atol=0, rtol=0
    )  # batch normalisation counts nothing


@pytest.mark.parametrize("w", [0.0, 0.3, 1.0])
def test_the_loss_is_labels_and_teacher_by_their_weights(teacher: Path, w: float) -> None:
    task = student(teacher, teacher_weight=w)  # tiny() smooths labels by 0.1
    task.build_model()
    inputs, targets = task.prepare(SPLITS.train.images[:32], SPLITS.train.labels[:32], train=True)
    logits, by_teacher = torch.randn(2, 32, 10)
    said = task.ask(inputs).argmax(1)
    of_labels = F.cross_entropy(logits, targets["labels"], label_smoothing=task.recipe.label_smoothing)
    assert task.recipe.label_smoothing > 0
    assert_close(task.loss(logits, targets), (1 - w) * of_labels + w * F.cross_entropy(logits, said))
    assert_close(task.loss((logits, by_teacher), targets), (1 - w) * of_labels + w * F.cross_entropy(by_teacher, said))


@pytest.mark.parametrize(
    "changes",
    [{"teacher_temperature": 3.0}, {"teacher_token": True, "model.reg_tokens": 1}, {"mixup": 0.4}],
)
def test_the_gradient_of_a_batch_in_parts_is_that_of_the_whole(teacher: Path, changes: dict[str, Any]) -> None:
    task, engine = Distillation(tiny(teacher=str(teacher)).with_(**changes), splits=SPLITS), Engine("cpu")
    torch.manual_seed(0)
    model = task.build_model().train()
    images, targets = task.prepare(SPLITS.train.images[:16], SPLITS.train.labels[:16], train=True)
    gradients = []
    for size in (16, 5):
        model.zero_grad()
        backward(task, model, images, targets, engine, size)
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert_close(*gradients, atol=1e-6, rtol=1e-4)


def test_a_distilled_run_is_one_command_and_its_file_is_predicted_from(
    teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    settings = {"teacher": teacher, "teacher_token": "true", "model.reg_tokens": 1, "train_share": 0.2}
    command = ["train", "digits", "--epochs", "1", "--out", str(out), "--quiet"]
    assert main([*command, *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))]) == 0
    file = out / "seed-0" / "model.safetensors"
    model = load_classifier(file)
    assert isinstance(model, DistilledClassifier)
    assert main(["evaluate", str(file), "--split", "val"]) == 0
    assert "accuracy" in capsys.readouterr().out
    with pytest.raises(ValueError, match="a ViT with a second head, a teacher's, and a plain ViT is needed"):
        load_model(file)
    assert main(["export", str(file), "--to", "onnx"]) == 2
    assert "second head" in capsys.readouterr().err
    again = tmp_path / "again.safetensors"
    save_model(torch.nn.DataParallel(model), again)
    assert_close(load_file(again), load_file(file), atol=0, rtol=0)


def test_each_seed_may_have_a_teacher_of_its_own(teacher: Path, tmp_path: Path) -> None:
    (tmp_path / "seed-7").symlink_to(teacher)
    recipe = tiny(teacher=f"{tmp_path}/seed-{{seed}}", epochs=1)
    task = task_of(recipe)
    assert isinstance(task, Distillation)
    assert fit(task, recipe, seed=7, progress=False, test=False).history
    with pytest.raises(FileNotFoundError, match=r"no teacher .*seed-8"):
        fit(task, recipe, seed=8, progress=False, test=False)


def test_reading_one_teacher_changes_nothing_of_another(teacher: Path) -> None:
    task = student(teacher)
    first = task.read_teacher(str(teacher))
    inputs, _ = task.prepare(SPLITS.train.images[:8], SPLITS.train.labels[:8], train=False)
    before = first(inputs)
    task.splits = task.splits.normalised_by((0.1,), (0.9,))
    task.read_teacher(str(teacher))
    assert torch.equal(first(inputs), before)
    again, _ = task.prepare(SPLITS.train.images[:8], SPLITS.train.labels[:8], train=False)
    assert_close(task.read_teacher(str(teacher))(again), before, atol=1e-4, rtol=1e-4)  # the same pixels


def test_a_run_does_not_go_on_with_another_teacher(teacher: Path, tmp_path: Path) -> None:
    own = tmp_path / "teacher.safetensors"
    own.write_bytes((teacher / "model.safetensors").read_bytes())
    recipe = tiny(teacher=str(own), epochs=2)
    fit(Distillation(recipe, splits=SPLITS), recipe, tmp_path / "run", progress=False, test=False)
    (tmp_path / "run" / "result.json").unlink()  # as if it had been killed after its last checkpoint
    network = load_classifier(own)
    about = {"classes": SPLITS.classes, "mean": [0.4], "std": [0.2]}
    fit(Distillation(recipe, splits=SPLITS), recipe, tmp_path / "run", progress=False, test=False)  # the same goes on
    (tmp_path / "run" / "result.json").unlink()
    with torch.no_grad():
        network.head.bias.add_(1)
    save_model(network, own, about)
    with pytest.raises(RunFolderError, match=r"the teacher's file is not the one of then.*--no-resume"):
        fit(Distillation(recipe, splits=SPLITS), recipe, tmp_path / "run", progress=False, test=False)


def test_a_teacher_of_other_classes_or_images_is_refused(tmp_path: Path) -> None:
    about = {"classes": ["cat", "dog"], "mean": [0.5], "std": [0.5]}
    file = tmp_path / "teacher.safetensors"
    save_model(ConvNet(CNNConfig(img_size=8, in_chans=1, num_classes=2, widths=(4, 8))), file, about)
    with pytest.raises(ValueError, match=r"names 2 classes \(cat, dog, \.\.\.\), the data has 10"):
        student(file)
    vit = VisionTransformer(ViTConfig(img_size=16, patch_size=4, in_chans=1, embed_dim=16, depth=1, num_heads=2))
    save_model(vit, file, {**about, "classes": SPLITS.classes})
    with pytest.raises(ValueError, match=r"takes images of 1 x 16x16.*the data has 1 x 8x8"):
        Distillation(
            tiny(teacher=str(file)), splits=Splits(*(TensorImages(s.images, s.labels, s.classes) for s in SPLITS))
        )


def test_settings_of_a_teacher_without_one_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"teacher_weight is 0\.7, but there is no teacher"):
        tiny(teacher_weight=0.7)
    with pytest.raises(RecipeError, match=r"set model\.reg_tokens=1"):
        tiny(teacher="x", teacher_token=True)
