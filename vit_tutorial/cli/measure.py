"""`vit-tutorial doctor --measure`: what a training step should cost on this machine by formula, and what it costs."""

from __future__ import annotations

import statistics

import torch

from vit_tutorial.cost import Step, memory, peak
from vit_tutorial.training.environment import describe_device
from vit_tutorial.training.measured_memory import as_run, measure_peak
from vit_tutorial.training.measured_time import Timed, measure_time
from vit_tutorial.vit import ViTConfig

MIB = 2**20
MODELS = {
    "digits, 28x28, patch 4": ViTConfig(
        img_size=28, patch_size=4, in_chans=1, num_classes=10, embed_dim=128, depth=6, num_heads=4
    ),
    "CIFAR, 32x32, patch 4": ViTConfig(img_size=32, patch_size=4, num_classes=10, embed_dim=192, depth=9, num_heads=3),
    "many tokens, 64x64, patch 4": ViTConfig(
        img_size=64, patch_size=4, num_classes=10, embed_dim=96, depth=6, num_heads=3
    ),
    "ViT-Ti/16, 224x224": ViTConfig.named("tiny"),
    "ViT-S/16, 224x224, 6 blocks": ViTConfig.named("small", depth=6),
}
CASES = (
    ("digits, 28x28, patch 4", Step(48)),
    ("CIFAR, 32x32, patch 4", Step(16)),
    ("CIFAR, 32x32, patch 4", Step(16, precision="bf16")),
    ("many tokens, 64x64, patch 4", Step(8)),
    ("many tokens, 64x64, patch 4", Step(8, attention="explicit")),
    ("ViT-Ti/16, 224x224", Step(4)),
    ("ViT-Ti/16, 224x224", Step(8)),
    ("ViT-S/16, 224x224, 6 blocks", Step(2)),
)


def print_measured(device: str = "cpu", cases: tuple[tuple[str, Step], ...] = CASES, rounds: int = 3) -> None:
    """A line for each model and batch: memory and time by formula and by measurement, and how far apart they are."""
    print(f"\na training step by formula (chapter 7.1) and as measured here: {describe_device(torch.device(device))}")
    print(f"{'model':27} {'batch':>5} {'':13} {'memory (MiB)':>22} {'time of a step (ms)':>26}")
    print(f"{'':27} {'':5} {'':13} {'formula  measured ratio':>24} {'formula  measured ratio':>24}")
    ratios: list[tuple[float | None, float]] = []
    rates: dict[str, list[Timed]] = {}
    for name, step in cases:
        config = MODELS[name]
        step = as_run(config, step, device)
        predicted, measured = peak(memory(config, step)), measure_peak(config, step, device)
        timed = measure_time(config, step, device, rounds)
        rates.setdefault(step.precision, []).append(timed)
        ratios.append((None if measured is None else measured / predicted, timed.measured / timed.predicted))
        said = (
            "     the system does not say" if measured is None else f"{measured / MIB:9.0f} {measured / predicted:5.2f}"
        )
        how = f"{step.precision} {step.attention}"
        print(
            f"{name:27} {step.batch_size:5} {how:13} {predicted / MIB:9.0f} {said} "
            f"{1e3 * timed.predicted:9.0f} {1e3 * timed.measured:9.0f} {timed.measured / timed.predicted:5.2f}",
            flush=True,
        )
    for precision, found in rates.items():
        print(f"reached in {precision}: {in_words(found)}")
    of_memory = [ratio for ratio, _ in ratios if ratio is not None]
    within = {"memory": of_memory, "time": [ratio for _, ratio in ratios]}
    print(
        "; ".join(
            f"{name}: within {max(abs(r - 1) for r in found):.0%} of the formula"
            for name, found in within.items()
            if found
        )
    )


def in_words(found: list[Timed]) -> str:
    """Medians of the rates, to type into the calculator of chapter 7.1."""
    linear, attention, bandwidth = (
        statistics.median(getattr(timed.rates, name) for timed in found)
        for name in ("linear", "attention", "bandwidth")
    )
    return f"{linear / 1e9:.0f} GFLOP/s in linear maps, {attention / 1e9:.0f} GFLOP/s in attention, {bandwidth / 1e9:.1f} GB/s elementwise"
