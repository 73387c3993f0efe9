"""The losses of several tasks, the ways of weighing them, and the angles between their gradients: each against its formula."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from vit_tutorial.losses.multitask import by_gradient_norm, by_uncertainty, mean_loss, summed_loss, weighted
from vit_tutorial.metrics.gradients import conflict, cosines, shared_layers, task_gradients
from vit_tutorial.metrics.multitask import answered, scores, sums
from vit_tutorial.vit import VisionTransformer, ViTConfig

CASES: dict[str, tuple[Tensor, Tensor]] = {
    "class": (torch.randn(6, 3, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 2, 1, 1, 0, 2])),
    "labels": (
        torch.randn(6, 2, generator=torch.Generator().manual_seed(2)),
        torch.tensor([[0, 1]] * 3 + [[1, 1]] * 3),
    ),
    "numbers": (torch.randn(6, 2, generator=torch.Generator().manual_seed(3)), torch.arange(12.0).view(6, 2)),
    "mask": (
        torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(4)),
        torch.arange(6 * 16).view(6, 4, 4) % 3,
    ),
}
MISSING = {"class": -1, "labels": -1, "numbers": math.nan, "mask": 255}


def with_gaps(kind: str) -> tuple[Tensor, Tensor]:
    answers, targets = CASES[kind]
    targets = targets.clone()
    targets[1::2] = MISSING[kind]
    return answers, targets


def test_each_kind_is_the_textbook_loss() -> None:
    answers, targets = CASES["class"]
    assert_close(mean_loss("class", answers, targets), F.cross_entropy(answers, targets))
    answers, targets = CASES["labels"]
    assert_close(mean_loss("labels", answers, targets), F.binary_cross_entropy_with_logits(answers, targets.float()))
    answers, targets = CASES["numbers"]
    assert_close(mean_loss("numbers", answers, targets), F.mse_loss(answers, targets) / 2)
    answers, targets = CASES["mask"]
    whole = F.interpolate(answers, size=(4, 4), mode="bilinear")
    assert_close(mean_loss("mask", answers, targets), F.cross_entropy(whole, targets))


@pytest.mark.parametrize("kind", CASES)
def test_what_has_no_answer_counts_nowhere(kind: str) -> None:
    answers, targets = with_gaps(kind)
    answers = answers.clone().requires_grad_()
    total = summed_loss(kind, answers, targets)
    assert_close(total, summed_loss(kind, answers[::2], targets[::2]))
    total.backward()
    assert answers.grad is not None
    assert not answers.grad[1::2].any()
    assert answers.grad[::2].any()
    assert answered(kind, targets).double().mean() == 0.5
    nothing = summed_loss(kind, answers[1::2], targets[1::2])
    assert nothing == 0


@pytest.mark.parametrize("kind", CASES)
def test_the_mean_over_equal_parts_is_that_of_the_batch_however_labels_are_spread(kind: str) -> None:
    answers, targets = with_gaps(kind)
    targets[0] = MISSING[kind]
    parts = [mean_loss(kind, answers[i : i + 2], targets[i : i + 2], share=1 / 3) for i in (0, 2, 4)]
    whole = mean_loss(kind, answers, targets, share=1 / 3)
    assert_close(torch.stack(parts).mean(), whole)
    assert_close(whole, summed_loss(kind, answers, targets) / answered(kind, targets).sum())


def test_uncertainty_at_its_best_gives_each_task_the_weight_of_one_over_twice_its_loss() -> None:
    losses = [torch.tensor(2.0), torch.tensor(0.01)]
    s = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([s], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = by_uncertainty(losses, s)
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(closure)  # type: ignore[arg-type]
    assert_close((-s).exp().detach(), torch.tensor([1 / 4, 1 / 0.02]), rtol=1e-3, atol=0)
    best = sum(0.5 * (1 + math.log(2 * loss)) for loss in (2.0, 0.01))
    assert by_uncertainty(losses, s).item() == pytest.approx(best, abs=1e-5)
    assert best < 0  # and nothing is wrong


def test_the_variance_that_uncertainty_finds_is_that_of_the_noise() -> None:
    torch.manual_seed(0)
    noise = 0.3 * torch.randn(100_000, 1)
    loss = mean_loss("numbers", torch.zeros_like(noise), noise)
    s = torch.tensor([0.0], requires_grad=True)
    for _ in range(200):
        (gradient,) = torch.autograd.grad(by_uncertainty([loss], s), s)
        s = (s - gradient).detach().requires_grad_()
    assert s.exp().item() == pytest.approx(0.09, rel=0.02)


def test_uncertainty_does_not_see_a_constant_factor() -> None:
    x = torch.tensor(3.0, requires_grad=True)

    def direction(factor: float) -> Tensor:
        loss = factor * x.square()
        best = (2 * loss.detach()).log()[None]
        return torch.autograd.grad(by_uncertainty([loss], best), x)[0]

    assert_close(direction(1.0), direction(1000.0))


def test_gradient_norms_gradient_for_the_weights_is_that_of_its_own_loss_and_no_second_derivative_is_needed() -> None:
    W = torch.tensor([1.0, 2.0], requires_grad=True)
    losses = [W.square().sum(), 3 * W[0]]  # gradients (2, 4) and (3, 0): norms sqrt(20) and 3
    w = torch.tensor([0.5, 1.5], requires_grad=True)
    total = by_gradient_norm(losses, w, W, initial=[10.0, 3.0], alpha=1.0)
    assert_close(total, 0.5 * losses[0] + 1.5 * losses[1])
    of_W, of_w = torch.autograd.grad(total, [W, w])
    assert_close(of_W, torch.tensor([0.5 * 2 + 1.5 * 3, 0.5 * 4]))
    norms = torch.tensor([20**0.5, 3.0])
    rate = torch.tensor([0.5, 1.0])
    goal = (torch.tensor([0.5, 1.5]) * norms).mean() * rate / rate.mean()
    assert_close(of_w, norms * torch.sign(torch.tensor([0.5, 1.5]) * norms - goal))


def test_a_task_that_pulls_too_hard_or_is_ahead_loses_weight() -> None:
    W = torch.ones(3, requires_grad=True)
    weights = torch.ones(2, requires_grad=True)
    hard = by_gradient_norm([10 * W.sum(), W.sum()], weights, W, initial=[30.0, 3.0])
    assert (torch.autograd.grad(hard, weights)[0].sign() == torch.tensor([1.0, -1.0])).all()  # descent: down, up
    ahead = by_gradient_norm([W.sum(), W.sum()], weights, W, initial=[300.0, 3.0])
    assert (torch.autograd.grad(ahead, weights)[0].sign() == torch.tensor([1.0, -1.0])).all()


def test_fixed_weights_are_a_weighted_sum_of_as_many() -> None:
    losses = [torch.tensor(1.0), torch.tensor(2.0)]
    assert weighted(losses, [3.0, 0.5]) == 4
    with pytest.raises(ValueError, match="argument 2 is longer"):
        weighted(losses, [1.0])


def test_the_cosine_of_known_gradients() -> None:
    layer = nn.Linear(2, 1, bias=False)
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    y = layer(x)[:, 0]
    losses = {"right": y[0], "up": y[1], "between": y[2], "left": -y[0]}
    found = conflict(losses, {"layer": list(layer.parameters())})["layer"]
    r = 0.5**0.5
    assert_close(found, torch.tensor([[1, 0, r, -1], [0, 1, r, 0], [r, r, 1, -r], [-1, 0, -r, 1]]))
    assert layer.weight.grad is None
    assert_close(cosines(torch.zeros(2, 3)), torch.zeros(2, 2))


def test_the_layers_of_a_vit_are_all_its_parameters_and_a_task_that_reads_none_has_no_gradient() -> None:
    model = VisionTransformer(ViTConfig(8, 4, 1, 3, 16, 2, 2))
    layers = shared_layers(model)
    assert list(layers) == ["embedding", "block 1", "block 2", "norm"]
    counted = sum(p.numel() for of_layer in layers.values() for p in of_layer)
    assert counted == sum(p.numel() for name, p in model.named_parameters() if not name.startswith("head."))
    tokens = model.forward_features(torch.randn(2, 1, 8, 8))
    gradients = task_gradients({"one": tokens.sin().sum(), "other": tokens.cos().sum()}, layers)
    assert gradients["block 1"].shape == (2, sum(p.numel() for p in layers["block 1"]))
    (whole,) = torch.autograd.grad(tokens.sin().sum(), model.norm.weight)
    assert_close(gradients["norm"][0, :16], whole)


def test_scores_of_sums_are_those_of_the_whole() -> None:
    y = torch.tensor([[1.0], [2.0], [4.0], [math.nan]])
    answer = torch.tensor([[1.5], [2.0], [3.0], [9.0]])
    parts = sum(sums("numbers", answer[i : i + 2], y[i : i + 2], 1) for i in (0, 2))
    assert isinstance(parts, Tensor)
    found = scores("numbers", parts)
    assert found["error"] == pytest.approx(1.5 / 3)
    assert found["r2"] == pytest.approx(1 - 1.25 / y[:3].sub(y[:3].mean()).square().sum().item())
    logits, truth = torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1, 1], [0, -1]])
    of_labels = scores("labels", sums("labels", logits, truth, 2))
    assert of_labels["f1"] == pytest.approx(2 / (2 + 1 + 1))
    assert of_labels["accuracy"] == pytest.approx(1 / 3)
    assert math.isnan(scores("class", torch.zeros(2, 2))["accuracy"])
