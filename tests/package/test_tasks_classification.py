"""Classification of classes of unequal number: what the loss is then, what chooses the weights, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close
from training_helpers import as_options, tiny

from vit_tutorial.cli import main
from vit_tutorial.data import Splits, TensorImages, digits
from vit_tutorial.tasks import Classification
from vit_tutorial.training import RecipeError, fit
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import backward


@pytest.fixture(scope="module")
def long_tail() -> Splits:
    """Digits of which each is rarer than the one before: 96 zeros to 6 nines in training; validation and test as they are."""
    train, val, test = digits()
    kept = [(train.labels == k).nonzero().flatten()[: round(96 * 0.735**k)] for k in range(10)]
    return Splits(train.select(torch.cat(kept)), val, test)


@pytest.mark.parametrize("changes", [{"class_balance": 1.0}, {"class_balance": 0.5, "mixup": 0.4}])
def test_balanced_images_weigh_by_the_frequency_of_their_class(long_tail: Splits, changes: dict[str, float]) -> None:
    task = Classification(tiny(**changes), splits=long_tail)
    counts = torch.bincount(long_tail.train.labels)
    assert task.weight is not None
    power = changes["class_balance"]
    assert_close(task.weight / task.weight[0], (counts[0] / counts) ** power)
    assert_close(task.weight[long_tail.train.labels].mean(), torch.tensor(1.0))
    logits, labels = torch.randn(8, 10), torch.arange(8)
    by_hand = task.weight[labels] * F.cross_entropy(logits, labels, label_smoothing=0.1, reduction="none")
    assert_close(task.loss(logits, labels), by_hand.mean())
    mixed = (F.one_hot(labels, 10) + F.one_hot(labels.flip(0), 10)) / 2
    assert torch.isfinite(task.loss(logits, mixed))


def test_adjusted_logits_are_those_of_training_alone(long_tail: Splits) -> None:
    task = Classification(tiny(logit_adjustment=1.0, label_smoothing=0.0), splits=long_tail)
    log_share = (torch.bincount(long_tail.train.labels) / len(long_tail.train)).log()
    logits, labels = torch.randn(8, 10), torch.arange(8)
    assert_close(task.loss(logits, labels), F.cross_entropy(logits + log_share, labels))
    assert_close(task.count(logits, labels)["loss"], F.cross_entropy(logits, labels, reduction="sum"))


@pytest.mark.parametrize(
    "changes", [{"class_balance": 1.0}, {"class_balance": 1.0, "mixup": 0.4}, {"logit_adjustment": 1.0}]
)
def test_the_gradient_of_a_batch_in_parts_is_that_of_the_whole(long_tail: Splits, changes: dict[str, float]) -> None:
    task, engine = Classification(tiny(**changes), splits=long_tail), Engine("cpu")
    model = task.build_model().eval()
    images, labels = task.prepare(long_tail.train.images[-16:], long_tail.train.labels[-16:], train=True)
    gradients = []
    for size in (16, 5):
        model.zero_grad()
        backward(task, model, images, labels, engine, size)
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert_close(*gradients, atol=1e-6, rtol=1e-4)


def test_either_remedy_finds_more_of_the_rare_classes(long_tail: Splits) -> None:
    found = {}
    for name in ("", "class_balance", "logit_adjustment"):
        recipe = tiny(epochs=20, batch_size=64, lr=5e-3, eval_every=20, **({name: 1.0} if name else {}))
        result = fit(Classification(recipe, splits=long_tail), recipe, progress=False, test=False)
        found[name] = result.metrics["val_class_accuracy"]
    assert min(found["class_balance"], found["logit_adjustment"]) > found[""]


@pytest.mark.parametrize("field", ["class_balance", "logit_adjustment"])
def test_the_mean_over_classes_chooses_where_classes_are_to_count_alike(long_tail: Splits, field: str) -> None:
    assert Classification(tiny(), splits=long_tail).best_by == "accuracy"
    assert Classification(tiny(**{field: 0.5}), splits=long_tail).best_by == "class_accuracy"


def test_the_mean_over_classes_is_that_of_their_recalls(long_tail: Splits) -> None:
    task = Classification(tiny(), splits=long_tail)
    logits = F.one_hot(torch.tensor([0, 0, 0, 0, 1]), 10).float()
    metrics = task.metrics(task.count(logits, torch.tensor([0, 0, 0, 1, 1])))
    assert metrics["accuracy"] == pytest.approx(4 / 5)
    assert metrics["class_accuracy"] == pytest.approx((1 + 1 / 2) / 2)


def test_logits_cannot_be_adjusted_to_a_class_without_images() -> None:
    train, val, test = digits()
    without = Splits(train.select((train.labels != 7).nonzero().flatten()), val, test)
    assert isinstance(without.train, TensorImages)
    with pytest.raises(ValueError, match="class '7' has no training image"):
        Classification(tiny(logit_adjustment=1.0), splits=without)
    Classification(tiny(class_balance=1.0), splits=without)  # weighs no image wrongly


def test_both_remedies_together_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"class_balance is 1 and logit_adjustment 0\.5.*set one of them to 0"):
        tiny(class_balance=1.0, logit_adjustment=0.5)


def test_the_command_trains_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits", "--out", str(tmp_path / "run"), *as_options(epochs=1, logit_adjustment=1.0)]) == 0
    assert "class_accuracy" in capsys.readouterr().out
