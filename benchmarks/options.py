"""What the choices of a training step add or save, each by itself, on the model of 32x32 pixels."""

from __future__ import annotations

import os
import shutil
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.libraries import QUICK, SMALL, training_step
from benchmarks.peers import ours, same
from benchmarks.timing import Step, compare, in_rounds
from vit_tutorial.attention import Attention
from vit_tutorial.data import augment
from vit_tutorial.vit import ViTConfig

AUGMENTED = 128  # images a batch
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)


def compare_options(device: torch.device, quick: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """One row for each choice, and what was left out and why."""
    config, batch_size = (QUICK, 8) if quick else (SMALL, 16 if device.type == "cpu" else 512)
    rounds = 3 if quick else 15 if device.type == "cpu" else 40
    images = torch.randn(batch_size, 3, 32, 32, device=device)
    labels = torch.randint(config.num_classes, (batch_size,), device=device)
    plain = made_step(config, images, labels)
    rows, left_out = [], []

    def add(what: str, baseline: str, timed: str, steps: dict[str, Step], n: int, repeats: int = 1) -> None:
        times = in_rounds(steps, n, device, repeats)
        compared = compare(times, baseline)
        for name in steps:
            if name != baseline:
                row = {"option": name, "baseline": baseline, "what": what, "timed": timed}
                rows.append({**row, "baseline_median_s": compared[baseline]["median_s"], **compared[name]})

    step_of = f"training step, {batch_size} images"
    add(
        "precision",
        "float32",
        step_of,
        {"float32": plain, "bfloat16 autocast": made_step(config, images, labels, "bf16")},
        rounds,
    )
    if quick:
        left_out.append("torch.compile: left out of the quick form")
    elif device.type == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None:
        left_out.append("torch.compile: there is no C++ compiler here")
    else:
        compiled = made_step(config, images, labels, compiled=True)
        add("compilation", "eager", step_of, {"eager": plain, "torch.compile": compiled}, rounds)
        torch._dynamo.reset()
    add(
        "attention",
        "scaled_dot_product_attention",
        step_of,
        {"scaled_dot_product_attention": plain, "explicit attention": made_step(config, images, labels, explicit=True)},
        rounds,
    )
    add("optimiser", "fused AdamW", "optimiser alone", optimizer_steps(config, device), 2 * rounds, 2 if quick else 5)
    batches = 2 if quick else 6
    add(
        "augmentation",
        "whole batch, on the device",
        f"{AUGMENTED} images of 32x32: crop, flip, RandAugment, normalise, erase",
        augmentations(device, batches),
        3 if quick else 7,
    )
    for row in rows:
        if row["what"] == "augmentation":  # one call is an epoch of several batches
            row["median_s"], row["baseline_median_s"] = row["median_s"] / batches, row["baseline_median_s"] / batches
    return rows, left_out


def made_step(
    config: ViTConfig,
    images: torch.Tensor,
    labels: torch.Tensor,
    precision: str = "fp32",
    compiled: bool = False,
    explicit: bool = False,
) -> Step:
    """A training step of our model with one thing changed."""
    torch.manual_seed(0)
    peer = ours(config)
    peer.model.to(images.device)
    if explicit:  # the path on which attention weights are recorded
        for module in peer.model.modules():
            if isinstance(module, Attention):
                module.recorder = lambda weights: None
    if compiled:
        peer.model = torch.compile(peer.model)  # type: ignore[assignment]
        peer.logits = same
    return training_step(peer, images, labels, precision)


def optimizer_steps(config: ViTConfig, device: torch.device) -> dict[str, Step]:
    """One step of AdamW in its three implementations."""
    steps: dict[str, Step] = {}
    for name, choice in (
        ("fused AdamW", {"fused": True}),
        ("foreach AdamW", {"foreach": True}),
        ("for-loop AdamW", {"foreach": False}),
    ):
        model = ours(config).model.to(device)
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        steps[name] = torch.optim.AdamW(model.parameters(), lr=1e-4, **choice).step  # type: ignore[arg-type]
    return steps


def augmentations(device: torch.device, batches: int) -> dict[str, Step]:
    """The same augmentation of some batches, by `augment` on whole batches, and by torchvision on one image after the other."""
    pixels = torch.randint(256, (AUGMENTED * batches, 3, 32, 32), dtype=torch.uint8)
    on_device = pixels.to(device)

    def whole() -> None:
        for images in on_device.split(AUGMENTED):
            augment(images, MEAN, STD, crop_padding=4, hflip=0.5, rand_augment=(2, 9), random_erasing=0.25)

    def each(workers: int) -> Step:
        loader = DataLoader(Each(pixels), AUGMENTED, num_workers=workers, persistent_workers=workers > 0)

        def read() -> None:
            for images in loader:
                images.to(device)

        return read

    return {
        "whole batch, on the device": whole,
        "each image, no worker": each(0),
        "each image, 2 workers": each(2),
    }


class Each(Dataset[torch.Tensor]):
    """Images that torchvision's transforms change one by one."""

    def __init__(self, pixels: torch.Tensor) -> None:
        self.pixels = pixels
        self.change = v2.Compose(
            [
                v2.RandomCrop(32, padding=4),
                v2.RandomHorizontalFlip(0.5),
                v2.RandAugment(2, 9),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(MEAN, STD),
                v2.RandomErasing(0.25),
            ]
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> torch.Tensor:
        changed: torch.Tensor = self.change(self.pixels[index])
        return changed
