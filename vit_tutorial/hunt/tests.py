"""The twelve tests of the bug hunt: one looks at one thing, and a mistake elsewhere does not disturb it.

Each takes the reader's script as a module and raises an AssertionError that says what was seen. They hold on to the script's names (`ViT`, `Attention`,
`loss_of`, `train_step`, `accuracy`, `fit`, `report`), and where a test watches a loop, it puts a stand-in in the place of what the loop calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_tutorial.data import Splits, TensorImages

Script = Any  # the module that was made of the reader's file


def every_pixel_reaches_the_tokens(script: Script) -> None:
    images = torch.randn(1, 1, 8, 8, requires_grad=True)
    script.ViT().patch_embed(images).square().sum().backward()
    assert images.grad is not None
    unseen = int((images.grad == 0).sum())
    assert unseen == 0, f"{unseen} of 64 pixels have no influence on any token"


def shuffled_tokens_give_shuffled_outputs(script: Script) -> None:
    attention, x, order = script.Attention(8, 4), torch.randn(2, 5, 8), torch.tensor([3, 0, 4, 1, 2])
    difference = (attention(x[:, order]) - attention(x)[:, order]).abs().max().item()
    assert difference < 1e-4, f"outputs differ by {difference:.2g} from the shuffled ones"


def one_head_is_torchs_attention(script: Script) -> None:
    attention, x = script.Attention(16, 1), torch.randn(2, 5, 16)
    attention.qkv.weight.data.mul_(4)  # scores that are far from equal
    q, k, v = attention.qkv(x).chunk(3, dim=-1)
    wanted = attention.proj(F.scaled_dot_product_attention(q, k, v))
    difference = (attention(x) - wanted).abs().max().item()
    assert difference < 1e-4, f"outputs differ by {difference:.2g} from torch's"


def equal_patches_differ_by_place(script: Script) -> None:
    model, seen = script.ViT().eval(), []
    model.blocks[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(torch.zeros(1, 1, 8, 8))
    first, second = F.layer_norm(seen[0], seen[0].shape[-1:])[0, 1:3]  # two patches
    difference = (first - second).abs().max().item()
    assert difference > 1e-3, f"after LayerNorm two equal patches at two places differ by {difference:.2g}"


def the_answer_is_read_at_the_class_token(script: Script) -> None:
    model = script.ViT()
    model.blocks = nn.ModuleList()
    logits = model(torch.randn(2, 1, 8, 8))
    difference = (logits[0] - logits[1]).abs().max().item()
    assert difference < 1e-6, f"without blocks the logits of two images differ by {difference:.2g}"


def a_sure_and_right_answer_costs_nothing(script: Script) -> None:
    loss = script.loss_of(torch.tensor([[20.0] + 9 * [0.0]]), torch.tensor([0])).item()
    assert loss < 1e-3, f"logits [20, 0, ..., 0] have a loss of {loss:.3f} although class 0 is right"


class RememberGradients(torch.optim.SGD):
    """Moves nothing, and keeps the gradients that it was given."""

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        parameters = self.param_groups[0]["params"]
        self.seen = [*getattr(self, "seen", []), [p.grad.clone() for p in parameters if p.grad is not None]]


def the_gradient_is_that_of_one_batch(script: Script) -> None:
    model = nn.Linear(4, 10)
    nn.init.zeros_(model.weight)
    optimizer = RememberGradients(model.parameters(), lr=0.0)
    for _ in range(2):
        script.train_step(model, optimizer, 0.1 * torch.ones(8, 4), torch.arange(8))
    first, second = (torch.cat([g.flatten() for g in grads]) for grads in optimizer.seen)
    ratio = (second.norm() / first.norm()).item()
    assert abs(ratio - 1) < 1e-3, f"the same batch twice: the second gradient is {ratio:.2f} times the first"


def the_rate_rises_and_falls(script: Script) -> None:
    rates: list[float] = []

    def note(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
        return 0.0

    with replaced(script, train_step=note, accuracy=lambda model, split: 0.5):
        script.fit(few_images(script.BATCH * 4), epochs=6)
    peak, last = max(rates), rates[-1]
    seen = f"of a peak of {script.PEAK:.2g} the rate reaches {peak:.2g} and ends at {last:.2g}"
    assert peak > 0.9 * script.PEAK, seen
    assert last < 0.1 * script.PEAK, seen


def every_weight_is_the_optimisers(script: Script) -> None:
    found: list[tuple[int, int]] = []

    def note(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
        optimizer.step()
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        needed = leaves(model(images).sum())
        found.append((sum(p.numel() for p in needed if id(p) not in held), sum(p.numel() for p in needed)))
        return 0.0

    with replaced(script, train_step=note, accuracy=lambda model, split: 0.5):
        script.fit(few_images(script.BATCH), epochs=script.WARMUP + 1)
    missing, needed = found[0]
    assert missing == 0, f"of {needed:,} numbers on which the loss depends the optimiser does not have {missing:,}"


def evaluation_is_in_evaluation_mode(script: Script) -> None:
    probe = Probe()
    script.accuracy(probe.train(), few_images(8).val)
    assert not any(probe.modes), "the model was in training mode while its accuracy was computed"


def the_best_weights_come_back(script: Script) -> None:
    scores, number = [0.3, 0.9, 0.5, 0.4], iter([0.3, 0.9, 0.5, 0.4])

    def move(model: Any, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
        optimizer.step()
        with torch.no_grad():
            model.head.bias.add_(1.0)
        return 0.0

    with replaced(script, train_step=move, accuracy=lambda model, split: next(number)):
        model = script.fit(few_images(script.BATCH), epochs=len(scores))
    epoch = round(model.head.bias.mean().item())
    assert epoch == 2, f"epoch 2 of {len(scores)} was the best, and the weights of epoch {epoch} came back"


def the_test_split_is_reported(script: Script) -> None:
    splits = few_images(8)
    names = {id(splits.train): "training", id(splits.val): "validation", id(splits.test): "test"}
    asked: list[str] = []

    def note(model: nn.Module, split: TensorImages) -> float:
        asked.append(names.get(id(split), "other"))
        return 0.5

    with replaced(script, accuracy=note):
        script.report(Probe(), splits)
    assert asked == ["test"], f"the number reported is that of the {', '.join(asked) or 'no'} split"


TESTS: dict[str, Callable[[Script], None]] = {
    "patches": every_pixel_reaches_the_tokens,
    "heads": shuffled_tokens_give_shuffled_outputs,
    "scale": one_head_is_torchs_attention,
    "positions": equal_patches_differ_by_place,
    "class token": the_answer_is_read_at_the_class_token,
    "softmax twice": a_sure_and_right_answer_costs_nothing,
    "zero_grad": the_gradient_is_that_of_one_batch,
    "schedule": the_rate_rises_and_falls,
    "biases": every_weight_is_the_optimisers,
    "train mode": evaluation_is_in_evaluation_mode,
    "best weights": the_best_weights_come_back,
    "training split": the_test_split_is_reported,
}


class Probe(nn.Module):
    """A model that notes in which mode it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.modes: list[bool] = []

    def forward(self, images: Tensor) -> Tensor:
        self.modes.append(self.training)
        return torch.zeros(len(images), 10)


def few_images(n: int) -> Splits:
    """n random training images, and 8 in the other splits."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for size in (n, 8, 8):
        images = torch.randint(256, (size, 1, 8, 8), generator=generator, dtype=torch.uint8)
        labels = torch.arange(size) % 10
        parts.append(TensorImages(images, labels, [str(k) for k in range(10)], mean=(0.5,), std=(0.3,)))
    return Splits(*parts)


def leaves(value: Tensor) -> list[Tensor]:
    """The parameters on which a value depends, from autograd's graph."""
    found, seen, waiting = [], set(), [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        waiting.extend(parent for parent, _ in node.next_functions)
    return found


@contextmanager
def replaced(script: Script, **stand_ins: Any) -> Iterator[None]:
    """The script with other functions in the place of its own, until the end of the block."""
    own = {name: getattr(script, name) for name in stand_ins}
    try:
        for name, stand_in in stand_ins.items():
            setattr(script, name, stand_in)
        yield
    finally:
        for name, value in own.items():
            setattr(script, name, value)
