"""How long a training step waits for its images, against how long it computes, for recipes as they are."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from benchmarks.timing import wait
from vit_tutorial import data
from vit_tutorial.data import FileImages, Splits, TensorImages
from vit_tutorial.tasks import Classification
from vit_tutorial.training import Recipe, load_recipe
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import training_batches
from vit_tutorial.training.optimizer import build_optimizer

WARMUP = 3  # steps that are not counted
JPEG_SIDE = 256  # pixels


def compare_loading(device: torch.device, quick: bool) -> list[dict[str, Any]]:
    """One row for each data set: seconds a step in the loader, in the augmentation, and in the model."""
    steps = 6 if quick else 40
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        files = jpeg_files(Path(folder), 64 if quick else 512)
        crops = {"random_resized_crop": [0.35, 1.0]}
        small = {"batch_size": 8, "model.depth": 1} if quick else {}
        for name, splits, workers, changes in (
            ("digits", named(data.digits(), "8x8 grey pixels, in memory"), 0, {}),
            ("fashion_vit", pixels(28), 0, {}),
            ("image_folder", files, 0, crops),
            ("image_folder", files, 2, crops),
        ):
            recipe = load_recipe(name, workers=workers, device=device.type, epochs=1000, **changes, **small)
            rows.append(measure(recipe, splits, steps))
    return rows


def measure(recipe: Recipe, splits: Splits, n_steps: int) -> dict[str, Any]:
    """The recipe's own loop for some steps, with a clock between its parts."""
    threads = torch.get_num_threads()
    task, engine = Classification(recipe, splits=splits), Engine(recipe.device, threads=recipe.threads)
    model = task.build_model().to(engine.device).train()
    optimizer = build_optimizer(model, recipe)
    on_device = task.splits.to(engine.device)
    parts: dict[str, list[float]] = {"load": [], "augment": [], "compute": []}
    clock = time.perf_counter()

    def lap(part: str) -> None:
        nonlocal clock
        wait(engine.device)
        now = time.perf_counter()
        parts[part].append(now - clock)
        clock = now

    for step, images, labels in training_batches(on_device.train, recipe, 0, 0, engine):
        lap("load")
        inputs, targets = task.prepare(images, labels, train=True)
        lap("augment")
        task.loss(model(inputs), targets).backward()
        optimizer.step()
        optimizer.zero_grad()
        lap("compute")
        if step + 1 == WARMUP + n_steps:
            break
    torch.set_num_threads(threads)
    total = {part: sum(values[WARMUP:]) for part, values in parts.items()}
    return {
        "recipe": recipe.name,
        "images": splits.variant,
        "batch_size": recipe.batch_size,
        "workers": recipe.workers,
        "threads": recipe.threads or threads,
        "steps": n_steps,
        **{f"{part}_median_s": statistics.median(values[WARMUP:]) for part, values in parts.items()},
        "load_share": total["load"] / sum(total.values()),
        "augment_share": total["augment"] / sum(total.values()),
    }


def named(splits: Splits, variant: str) -> Splits:
    """The splits, described in a few words."""
    splits.train.variant = variant
    return splits


def pixels(side: int) -> Splits:
    """Random grey images in memory, in the form of Fashion-MNIST: the time does not depend on what is on them."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (2000, 1, side, side), dtype=torch.uint8, generator=random)
    made = TensorImages(
        images, torch.arange(2000) % 10, list("0123456789"), variant=f"{side}x{side} random grey pixels, in memory"
    )
    return Splits(made, made, made)


def jpeg_files(folder: Path, n: int) -> Splits:
    """n JPEG files: pieces of the two photographs that scikit-learn carries."""
    random = np.random.default_rng(0)
    photographs = load_sample_images().images
    for i in range(n):
        picture = photographs[i % len(photographs)]
        top, left = (random.integers(0, extent - JPEG_SIDE) for extent in picture.shape[:2])
        piece = Image.fromarray(picture[top : top + JPEG_SIDE, left : left + JPEG_SIDE])
        piece.save(folder / f"{i:04d}.jpg", quality=90)
    made = FileImages(
        sorted(folder.iterdir()),
        torch.arange(n) % 2,
        ["china", "flower"],
        (64, 64),
        variant=f"JPEG files of {JPEG_SIDE}x{JPEG_SIDE}, cut at random and resized to 64x64",
    )
    return Splits(made, made, made)
