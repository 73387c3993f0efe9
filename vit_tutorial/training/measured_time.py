"""What a device reaches, measured on a model's own shapes, and the time that follows from it beside the time of real steps.

The pieces of a step (its linear maps, its attention, its elementwise part) are timed apart and in turns with whole steps, so that whatever
else the machine does meets all of them alike; medians are compared.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vit_tutorial.attention import attention
from vit_tutorial.cost import Rates, Step, flops, hidden_width, seconds, tokens
from vit_tutorial.training.measured_memory import TrainingStep
from vit_tutorial.vit import ViTConfig

Job = Callable[[], object]


@dataclass(frozen=True)
class Timed:
    """What was measured of one model and batch: the device's rates on its shapes, and the median seconds of a step."""

    rates: Rates
    measured: float
    predicted: float


def measure_time(config: ViTConfig, step: Step, device: str = "cpu", rounds: int = 3) -> Timed:
    """Rates and steps in turns, `rounds` times after one that is not counted."""
    pieces = {"linear": linear_maps(config, step, device), "attention": attention_alone(config, step, device)}
    jobs: dict[str, Job] = {name: job for name, (job, _) in pieces.items()}
    jobs["elementwise"], amount = elementwise(config, step, device)
    jobs["step"] = TrainingStep(config, step, device)
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name, job in jobs.items():
            spent = clock(job, device)
            if turn:
                times[name].append(spent)
    median = {name: statistics.median(values) for name, values in times.items()}
    rates = Rates(
        pieces["linear"][1] / median["linear"],
        pieces["attention"][1] / median["attention"],
        amount / median["elementwise"],
    )
    return Timed(rates, median["step"], sum(seconds(config, step, rates).values()))


def clock(job: Job, device: str = "cpu") -> float:
    """Seconds of one call; a GPU works ahead of Python, so it is waited for.

    With one thread on a processor it is the processor's time, which other programs do not make longer.
    """
    now = time.process_time if device == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    wait(device)
    start = now()
    job()
    wait(device)
    return now() - start


def wait(device: str) -> None:
    """Until the device has done all that it was told."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()


def linear_maps(config: ViTConfig, step: Step, device: str) -> tuple[Job, int]:
    """The four maps of a block, forward and backward, at the step's shapes, and how many operations that is."""
    rows, D, hidden = step.batch_size * tokens(config), config.embed_dim, hidden_width(config)
    shapes = [(D, 3 * D), (D, D), (D, hidden), (hidden, D)]
    inputs = [leaf(device, rows, before) for before, _ in shapes]
    weights = [leaf(device, after, before) for before, after in shapes]
    kind = torch.bfloat16 if step.precision == "bf16" else torch.float32
    gradients = [torch.randn(rows, after, device=device, dtype=kind) for _, after in shapes]

    def run() -> None:
        for x, weight, gradient in zip(inputs, weights, gradients):
            x.grad = weight.grad = None
            with autocast(step, device):
                y = F.linear(x, weight)
            y.backward(gradient)

    return run, 3 * sum(2 * rows * before * after for before, after in shapes)


def attention_alone(config: ViTConfig, step: Step, device: str) -> tuple[Job, int]:
    """One block's attention, forward and backward, without its linear maps, and how many operations that is."""
    h, N = config.num_heads, tokens(config)
    kind = torch.bfloat16 if step.precision == "bf16" else torch.float32
    joint = torch.randn(step.batch_size, N, 3 * config.embed_dim, device=device, dtype=kind, requires_grad=True)
    gradient = torch.randn(step.batch_size, h, N, config.embed_dim // h, device=device, dtype=kind)
    attend = F.scaled_dot_product_attention if step.attention == "fused" else attention

    def run() -> None:
        joint.grad = None
        q, k, v = (part.unflatten(-1, (h, -1)).transpose(1, 2) for part in joint.chunk(3, dim=-1))
        attend(q, k, v).backward(gradient)

    return run, flops(config, step.batch_size, training=True)["attention"] // config.depth


def elementwise(config: ViTConfig, step: Step, device: str) -> tuple[Job, int]:
    """What a block does beside products, forward and backward, at the step's shapes, and how many bytes that reads and writes."""
    rows, D, hidden = step.batch_size * tokens(config), config.embed_dim, hidden_width(config)
    kind, size = (torch.bfloat16, 2) if step.precision == "bf16" else (torch.float32, 4)
    x, gain, shift = leaf(device, rows, D), leaf(device, D), leaf(device, D)
    inside = torch.randn(rows, hidden, device=device, dtype=kind, requires_grad=True)
    gradients = torch.randn(rows, D, device=device), torch.randn(rows, hidden, device=device, dtype=kind)
    narrow = gradients[0].to(kind)
    joint = torch.cat([narrow] * 3, dim=1)

    def run() -> None:
        for tensor in (x, inside, gain, shift):
            tensor.grad = None
        y = x + F.layer_norm(x, (D,), gain, shift)
        (y + F.layer_norm(y, (D,), gain, shift)).backward(gradients[0])
        F.gelu(inside).backward(gradients[1])
        torch.cat([narrow] * 3, dim=1)  # gradients of queries, keys and values become one
        for gradient in (joint, narrow, narrow, gradients[1]):  # those of biases
            gradient.sum(0)

    return run, rows * (D * 22 * 4 + (11 * D + 6 * hidden) * size)


def leaf(device: str, *shape: int) -> Tensor:
    """A random tensor that wants a gradient."""
    return torch.randn(*shape, device=device, requires_grad=True)


def autocast(step: Step, device: str) -> torch.autocast:
    """The context of a forward pass in the step's precision."""
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=step.precision == "bf16")
