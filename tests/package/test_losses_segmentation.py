"""Losses of segmentation: by their formulas, with void, in pieces, and in float32 whatever the logits are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from vit_tutorial import enlarge as enlarging
from vit_tutorial.enlarge import classes_of_pixels, enlarge
from vit_tutorial.losses.segmentation import combined_loss, count_pixels, cross_entropy, dice_loss, focal_loss

Loss = Callable[..., Tensor]
each_loss = pytest.mark.parametrize("loss", [cross_entropy, focal_loss, dice_loss, combined_loss])


def random_batch(
    B: int = 3, K: int = 5, size: tuple[int, int] = (12, 16), grid: tuple[int, int] | None = None, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Logits of pixels or of a grid, and labels, about a tenth of them void."""
    random = torch.Generator().manual_seed(seed)
    logits = torch.randn(B, K, *(grid or size), generator=random)
    targets = torch.randint(K, (B, *size), generator=random)
    targets[torch.rand(targets.shape, generator=random) < 0.1] = 255
    return logits, targets


def gradient(loss: Loss, logits: Tensor, targets: Tensor, **options: object) -> Tensor:
    logits = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(logits, targets, **options), logits)[0]


# the formulas


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_torchs(weighted: bool, smoothing: float) -> None:
    logits, targets = random_batch()
    weight = torch.tensor([0.5, 1.0, 2.0, 0.0, 3.0]) if weighted else None

    def reference(logits: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(logits, targets, weight, ignore_index=255, label_smoothing=smoothing)

    ours = cross_entropy(logits, targets, weight, label_smoothing=smoothing)
    assert_close(ours, reference(logits, targets))
    assert_close(
        gradient(cross_entropy, logits, targets, weight=weight, label_smoothing=smoothing),
        gradient(reference, logits, targets),
    )


def test_a_sum_over_batches_divided_by_their_pixels_is_the_mean_of_the_large_batch() -> None:
    logits, targets = random_batch()
    targets[2, :10] = 255  # the last image has few pixels that count
    weight = torch.tensor([0.5, 1.0, 2.0, 0.0, 3.0])
    sums = [cross_entropy(logits[i : i + 1], targets[i : i + 1], weight, reduction="sum") for i in range(3)]
    counts = [count_pixels(targets[i : i + 1], weight) for i in range(3)]
    assert_close(sum(sums) / sum(counts), cross_entropy(logits, targets, weight))
    assert count_pixels(targets) == (targets != 255).sum()


def test_focal_loss_is_its_formula() -> None:
    logits, targets = random_batch()
    alpha = torch.tensor([0.5, 1.0, 2.0, 1.5, 3.0])
    keep = targets != 255
    p = logits.softmax(1).gather(1, targets.where(keep, 0)[:, None])[:, 0][keep]
    a = alpha[targets[keep]]
    expected = (-a * (1 - p) ** 2 * p.log()).sum() / a.sum()
    assert_close(focal_loss(logits, targets, 2.0, alpha), expected)


def test_focal_loss_with_gamma_0_is_cross_entropy() -> None:
    logits, targets = random_batch()
    assert_close(focal_loss(logits, targets, gamma=0.0), cross_entropy(logits, targets))
    assert_close(gradient(focal_loss, logits, targets, gamma=0.0), gradient(cross_entropy, logits, targets))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_loss_of_a_sure_and_right_pixel_is_0_with_a_finite_gradient(gamma: float) -> None:
    logits, targets = torch.tensor([200.0, 0.0, 0.0]).reshape(1, 3, 1, 1), torch.zeros(1, 1, 1, dtype=torch.int64)
    assert focal_loss(logits, targets, gamma).item() == 0
    assert gradient(focal_loss, logits, targets, gamma=gamma).isfinite().all()


def test_dice_loss_by_hand() -> None:
    """Two pixels of two classes: p = (0.75, 0.25) where class 0 is, and (0.5, 0.5) where class 1 is."""
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]]).reshape(1, 2, 1, 2)
    targets = torch.tensor([[[0, 1]]])
    first = 2 * 0.75 / (0.75 + 0.5 + 1)
    second = 2 * 0.5 / (0.25 + 0.5 + 1)
    assert dice_loss(logits, targets).item() == pytest.approx(1 - (first + second) / 2)


def test_dice_loss_of_certain_predictions_is_1_minus_the_mean_dice_of_the_masks() -> None:
    _, targets = random_batch()
    called = torch.randint(5, targets.shape, generator=torch.Generator().manual_seed(1))
    logits = 100.0 * F.one_hot(called, 5).permute(0, 3, 1, 2)
    keep, scores = targets != 255, []
    for k in range(5):
        t, p = (targets == k) & keep, (called == k) & keep
        scores.append(2 * (t & p).sum() / (t.sum() + p.sum()))
    assert_close(dice_loss(logits, targets), 1 - torch.stack(scores).mean())


def test_a_class_that_the_batch_does_not_show_is_left_out_of_dice() -> None:
    logits, targets = random_batch()
    targets[targets == 3] = 0
    expected = []
    keep = targets != 255
    p = logits.softmax(1)
    for k in (0, 1, 2, 4):
        t = (targets == k) & keep
        expected.append(2 * p[:, k][t].sum() / (p[:, k][keep].sum() + t.sum()))
    assert_close(dice_loss(logits, targets), 1 - torch.stack(expected).mean())


def test_dice_loss_of_a_batch_is_not_the_mean_of_its_images() -> None:
    logits, targets = random_batch()
    targets[0, 1:], targets[1, 1:] = 0, 1  # only the last image is of many classes
    of_images = torch.stack([dice_loss(logits[i : i + 1], targets[i : i + 1]) for i in range(3)]).mean()
    assert abs(dice_loss(logits, targets) - of_images) > 1e-3


def test_combined_loss_is_the_weighted_sum_of_its_parts() -> None:
    logits, targets = random_batch()
    weight = torch.tensor([0.5, 1.0, 2.0, 1.5, 3.0])
    expected = (
        0.5 * cross_entropy(logits, targets, weight)
        + 2 * dice_loss(logits, targets, weight)
        + 3 * focal_loss(logits, targets, 1.0, weight)
    )
    assert_close(combined_loss(logits, targets, 0.5, 2.0, 3.0, gamma=1.0, weight=weight), expected)


# void


@each_loss
def test_what_is_predicted_for_void_changes_nothing_and_gets_no_gradient(loss: Loss) -> None:
    logits, targets = random_batch()
    void = (targets == 255)[:, None].expand_as(logits)
    other = logits.masked_fill(void, 7.0)
    assert_close(loss(logits, targets), loss(other, targets))
    assert gradient(loss, logits, targets)[void].abs().max() == 0


@each_loss
@pytest.mark.parametrize("grid", [None, (3, 4)])
def test_all_void_is_0_with_gradient_0(loss: Loss, grid: tuple[int, int] | None) -> None:
    logits, targets = random_batch(grid=grid)
    targets = torch.full_like(targets, 255)
    assert loss(logits, targets).item() == 0
    assert gradient(loss, logits, targets).abs().max() == 0
    assert count_pixels(targets) == 0


@each_loss
def test_void_may_be_another_label_also_one_of_the_classes(loss: Loss) -> None:
    logits, targets = random_batch()
    for label in (-1, 0, 11):
        renamed = targets.clone()
        renamed[targets == 255] = label
        if label == 0:
            targets[targets == 0] = 255
        assert_close(loss(logits, renamed, void=label), loss(logits, targets))


# in pieces


@settings(deadline=None, max_examples=8)
@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(1, 60)
)
def test_scores_of_patches_have_the_loss_and_gradient_of_the_enlarged_scores(
    B: int, rows: int, columns: int, H: int, W: int, piece: int
) -> None:
    logits, targets = random_batch(B, 3, (H, W), (rows, columns), seed=piece)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(enlarging, "PIECE", {"cpu": piece})
        for loss in (cross_entropy, focal_loss, dice_loss):

            def enlarged(logits: Tensor, targets: Tensor, loss: Loss = loss) -> Tensor:
                return loss(F.interpolate(logits, size=(H, W), mode="bilinear", align_corners=False), targets)

            assert_close(loss(logits, targets), enlarged(logits, targets), atol=1e-6, rtol=1e-4)
            assert_close(gradient(loss, logits, targets), gradient(enlarged, logits, targets), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("size", [(12, 16), (3, 4), (4, 3), (13, 5), (1, 1)])
def test_enlarged_is_torchs_bilinear(size: tuple[int, int]) -> None:
    scores = random_batch(grid=(3, 4))[0]
    expected = F.interpolate(scores, size=size, mode="bilinear", align_corners=False)
    assert_close(enlarge(scores, size), expected)
    assert_close(enlarge(scores, size, slice(1, 3)), expected[:, :, 1:3])


@pytest.mark.parametrize("piece", [1, 100, 10**6])
def test_the_class_of_a_pixel_is_that_of_the_largest_enlarged_score(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enlarging, "PIECE", {"cpu": piece})
    scores = random_batch(grid=(3, 4))[0]
    assert torch.equal(classes_of_pixels(scores, (13, 17)), enlarge(scores, (13, 17)).argmax(1))


@each_loss
def test_the_gradient_is_multiplied_by_what_comes_after(loss: Loss) -> None:
    logits, targets = random_batch(grid=(3, 4))
    tripled = gradient(lambda logits, targets: 3 * loss(logits, targets), logits, targets)
    assert_close(tripled, 3 * gradient(loss, logits, targets))


def test_gradients_are_those_of_finite_differences() -> None:
    logits, targets = random_batch(2, 3, (4, 6), (2, 3))
    for loss in (cross_entropy, focal_loss, dice_loss):
        assert torch.autograd.gradcheck(lambda x, loss=loss: loss(x, targets), logits.double().requires_grad_())


@each_loss
def test_no_gradient_is_computed_where_none_is_wanted(loss: Loss) -> None:
    logits, targets = random_batch(grid=(3, 4))
    assert not loss(logits, targets).requires_grad
    with torch.no_grad():
        assert not loss(logits.requires_grad_(), targets).requires_grad


class Largest(TorchDispatchMode):
    """Remembers how many numbers the largest tensor has that an operation makes."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (list, tuple)) else [made]:
            if isinstance(tensor, Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return made


@each_loss
def test_the_scores_of_all_pixels_are_never_there_at_once(loss: Loss) -> None:
    """At the size of CamVid's images the scores of one of eight images is the most that is held."""
    logits, targets = random_batch(8, 11, (180, 240), (15, 20))
    with Largest() as largest:
        gradient(loss, logits, targets)
    assert largest.numbers == logits.shape[1] * 180 * 240
    with Largest() as largest:
        gradient(loss, enlarge(logits, (180, 240)), targets)
    assert largest.numbers == logits.shape[1] * targets.numel()


# precision


@each_loss
@pytest.mark.parametrize("grid", [None, (3, 4)])
def test_the_loss_is_float32_of_the_logits_under_autocast(loss: Loss, grid: tuple[int, int] | None) -> None:
    logits, targets = random_batch(grid=grid)
    half = logits.bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(half, targets)
    (found,) = torch.autograd.grad(value, half)
    assert value.dtype == torch.float32
    assert_close(value, loss(half.detach().float(), targets), atol=1e-6, rtol=1e-6)
    assert_close(found, gradient(loss, half.detach().float(), targets).bfloat16(), atol=1e-6, rtol=1e-2)


@each_loss
def test_large_logits_overflow_nothing(loss: Loss) -> None:
    logits, targets = random_batch(grid=(3, 4))
    assert loss(1e4 * logits, targets).isfinite()
    assert gradient(loss, 1e4 * logits, targets).isfinite().all()


# bad input


@each_loss
def test_a_label_that_is_neither_class_nor_void_is_named(loss: Loss) -> None:
    logits, targets = random_batch()
    for label in (5, -1, 254):
        targets[0, 0, 0] = label
        with pytest.raises(ValueError, match=f"targets hold {label}, which is neither one of the 5 classes"):
            loss(logits, targets)


@each_loss
def test_wrong_shapes_and_types_are_refused(loss: Loss) -> None:
    logits, targets = random_batch()
    with pytest.raises(ValueError, match=r"got \[3, 5, 12, 16\] and \[2, 12, 16\]"):
        loss(logits, targets[:2])
    with pytest.raises(ValueError, match=r"got \[3, 5, 12, 16\] and \[3, 1, 12, 16\]"):
        loss(logits, targets[:, None])
    with pytest.raises(ValueError, match=r"targets are torch.uint8; class numbers are int64: targets.long\(\)"):
        loss(logits, targets.byte())
    with pytest.raises(ValueError, match=r"weight is \[4\]; it must be \[5\]"):
        loss(logits, targets, weight=torch.ones(4))


def test_weights_and_gamma_out_of_range_are_refused() -> None:
    logits, targets = random_batch()
    with pytest.raises(ValueError, match="gamma is -1"):
        focal_loss(logits, targets, gamma=-1.0)
    with pytest.raises(ValueError, match=r"are \(0.0, 0.0, 0.0\); they must be 0 or more, one above 0"):
        combined_loss(logits, targets, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"are \(1.0, -1.0, 0.0\)"):
        combined_loss(logits, targets, 1.0, -1.0)
