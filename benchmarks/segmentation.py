"""`python -m benchmarks.segmentation`: what a training step of segmentation costs beside one of classification, in time and memory.

Same encoder, same images, same tokens; the classifier's loss is about one label an image, the segmenters' about every pixel. Times are
ratios within rounds (see `benchmarks.timing`); memory is the peak of a process of its own that takes nothing but these steps, less what
it had before the first. Size and batch are those of CamVid at 240x180: 300 patches an image, 43,200 pixels, 11 classes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that wait sleep

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.timing import Step, compare, in_rounds
from vit_tutorial.heads import LinearSegmenter, MaskSegmenter, QuerySegmenter
from vit_tutorial.losses.segmentation import combined_loss, cross_entropy
from vit_tutorial.vit import VisionTransformer, ViTConfig

K, SIZE = 11, (180, 240)
BASELINE = "classifier"


def candidates(config: ViTConfig, batch_size: int) -> dict[str, Callable[[], Step]]:
    """Name -> what makes its training step: forward, loss, backward."""
    random = torch.Generator().manual_seed(0)
    images = torch.randn(batch_size, 3, *SIZE, generator=random)
    classes = torch.randint(K, (batch_size,), generator=random)
    masks = torch.randint(K, (batch_size, *SIZE), generator=random)
    masks[torch.rand(masks.shape, generator=random) < 0.04] = 255

    def encoder() -> VisionTransformer:
        return VisionTransformer(config)

    def step(model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], targets: Tensor) -> Step:
        def run() -> None:
            model.zero_grad()
            loss(model(images), targets).backward()

        return run

    def naive(patch_logits: Tensor, targets: Tensor) -> Tensor:
        enlarged = F.interpolate(patch_logits, size=SIZE, mode="bilinear", align_corners=False)
        return F.cross_entropy(enlarged, targets, ignore_index=255)

    def linear(cells: int = 1) -> nn.Module:
        return LinearSegmenter(encoder(), K, cells, pixels=False)

    def mask(depth: int) -> nn.Module:
        return MaskSegmenter(encoder(), K, depth, pixels=False)

    classifier = ViTConfig.from_dict({**config.to_dict(), "num_classes": K})
    return {
        BASELINE: lambda: step(VisionTransformer(classifier), F.cross_entropy, classes),
        "linear, all pixels at once": lambda: step(linear(), naive, masks),
        "linear": lambda: step(linear(), cross_entropy, masks),
        "linear, 3x3 cells a patch": lambda: step(linear(3), cross_entropy, masks),
        "linear, cross-entropy + Dice": lambda: step(linear(), combined_loss, masks),
        "mask transformer, 1 block": lambda: step(mask(1), cross_entropy, masks),
        "mask transformer, 2 blocks": lambda: step(mask(2), cross_entropy, masks),
        "queries in the last 2 blocks": lambda: step(QuerySegmenter(encoder(), K, pixels=False), cross_entropy, masks),
    }


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Measure, print, and return name -> median_s, ratio, memory_mb, memory_ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.segmentation", description=__doc__)
    for name, default in (
        ("threads", 1),
        ("dim", 128),
        ("depth", 6),
        ("heads", 4),
        ("patch", 12),
        ("batch", 8),
        ("rounds", 15),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--memory-of", help="take three steps of this one and print the peak in KiB; used by itself")
    o = parser.parse_args(arguments)
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    config = ViTConfig(
        img_size=SIZE, patch_size=o.patch, embed_dim=o.dim, depth=o.depth, num_heads=o.heads, num_classes=0
    )
    makers = candidates(config, o.batch)
    if o.memory_of:
        print(peak(makers[o.memory_of]()))
        return {}
    flags = [f"--{name}={value}" for name, value in vars(o).items() if name != "memory_of"]
    memory = {name: measured_apart(name, flags) for name in makers}
    times = in_rounds({name: make() for name, make in makers.items()}, o.rounds, torch.device("cpu"))
    rows = {
        name: {**row, "memory_mb": memory[name] / 1024, "memory_ratio": memory[name] / memory[BASELINE]}
        for name, row in compare(times, BASELINE).items()
    }
    print(" ".join(flags))
    for name, row in rows.items():
        low, high = row["ratio_iqr"]
        print(
            f"{name:30}{1000 * row['median_s']:7.0f} ms, {row['ratio']:.2f} ({low:.2f} to {high:.2f})"
            f"{row['memory_mb']:8.0f} MiB, {row['memory_ratio']:.2f}"
        )
    return rows


def peak(step: Step) -> int:
    """By how many KiB three steps raise the process's highest memory. Not on Windows."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def measured_apart(name: str, flags: list[str]) -> int:
    """The peak of one candidate, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.segmentation", *flags, "--memory-of", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


if __name__ == "__main__":
    main()
