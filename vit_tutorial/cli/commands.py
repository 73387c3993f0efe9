"""`vit-tutorial evaluate`, `predict` and `results`."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from vit_tutorial.data import normalize
from vit_tutorial.data.decode import as_tensor, fit, open_image
from vit_tutorial.data.scan import IMAGE_SUFFIXES
from vit_tutorial.patches import pair
from vit_tutorial.tasks import Classification
from vit_tutorial.training import Recipe, RunFolder, evaluate, predict
from vit_tutorial.training.engine import pick_device
from vit_tutorial.training.metrics import confusion_matrix
from vit_tutorial.training.record import check, list_records, read_record
from vit_tutorial.weights import load_classifier, read_extra


def evaluate_run(options: argparse.Namespace) -> int:
    """Print the metrics of a saved model on a split of its recipe's data, and what it mixes up most."""
    path = model_file(options.model)
    model = load_classifier(path, pick_device(options.device))
    recipe = Recipe.from_dict(described(path)["recipe"])
    task = Classification(recipe, options.data)
    dataset = getattr(task.splits, options.split)
    print(f"{dataset.variant}: {options.split} split, {len(dataset):,} images")
    for name, value in evaluate(task, model, dataset.to(pick_device(options.device))).items():
        print(f"  {name:14} {100 * value:.2f} %" if "accuracy" in name else f"  {name:14} {value:.4f}")
    logits, labels = predict(task, model, dataset)
    confusion = confusion_matrix(logits.argmax(1), labels, len(dataset.classes)).fill_diagonal_(0)
    for index in confusion.flatten().argsort(descending=True, stable=True)[:3].tolist():
        true, called = divmod(index, len(dataset.classes))
        if confusion[true, called]:
            print(f"  {dataset.classes[true]} taken for {dataset.classes[called]}: {confusion[true, called]} times")
    return 0


def predict_images(options: argparse.Namespace) -> int:
    """Print the most probable classes of each image."""
    path = model_file(options.model)
    extra, device = described(path), pick_device(options.device)
    model = load_classifier(path, device)
    if not 1 <= options.top <= len(extra["classes"]):
        raise ValueError(f"--top {options.top} does not exist; this model has {len(extra['classes'])} classes")
    size = pair(model.config.img_size)
    failed = 0
    for file in image_files(options.images):
        try:
            image, notes = read_image(file, model.config.in_chans, size)
        except Exception as error:  # Pillow's plug-ins raise many kinds on damaged files
            print(f"{file}: cannot be decoded ({error})")
            failed += 1
            continue
        with torch.no_grad():
            logits = model(normalize(image[None].to(device), extra["mean"], extra["std"]))
        top = logits[0].softmax(0).topk(options.top)
        answer = ", ".join(f"{extra['classes'][i]} {100 * p:.1f} %" for p, i in zip(top.values, top.indices.tolist()))
        print(f"{file}: {answer}" + (f"   ({'; '.join(notes)})" if notes else ""))
    return 1 if failed else 0


def show_results(options: argparse.Namespace) -> int:
    """The table of records, or one record in full and whether its recipe still is what was run."""
    if options.name:
        record = read_record(options.name)
        print(json.dumps(record, indent=2, ensure_ascii=False))
        for difference in check(record):
            print(f"out of date: {difference}")
        return 0
    names = list_records()
    if not names:
        print("no records yet; vit-tutorial train RECIPE --record NAME writes one")
    for name in names:
        record = read_record(name)
        accuracy, time = record["metrics"]["test_accuracy"], record["metrics"]["train_seconds"]
        seeds = len(record["seeds"])
        spread = f" ± {100 * accuracy['std']:.1f}" if accuracy["std"] is not None else ""
        print(f"{name}: {record['title']}")
        print(
            f"    test accuracy {100 * accuracy['mean']:.1f} %{spread} ({seeds} seed{'s' * (seeds != 1)}), "
            f"{record['params']:,} parameters, {time['mean']:.0f} s a run, {record['device']}, {record['status']}"
        )
    return 0


def model_file(path: Path) -> Path:
    """The model file of a run's folder, or the file itself. Raises FileNotFoundError with what to do."""
    if path.is_dir():
        folder = RunFolder(path)
        if folder.model.is_file():
            return folder.model
        if folder.checkpoint.is_file():
            raise FileNotFoundError(f"the run in {path} is not finished; the command that started it goes on with it")
        runs = sorted(found.parent.name for found in path.glob("*/model.safetensors"))
        hint = f"; did you mean one of its folders, {', '.join(runs)}?" if runs else ""
        raise FileNotFoundError(f"no trained model in {path}{hint}")
    return path


def described(path: Path) -> dict[str, Any]:
    """What the trainer saved beside the weights: classes, mean, std, recipe. Raises ValueError if it is not there."""
    extra = read_extra(path)
    missing = [key for key in ("classes", "mean", "std", "recipe") if key not in extra]
    if missing:
        raise ValueError(f"{path} does not say its {', '.join(missing)}; use a model that vit-tutorial train saved")
    return extra


def image_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and every image file in folders, sorted. Raises FileNotFoundError for a path that is not there."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no image {path}")
        found = [path]
        if path.is_dir():
            found = sorted(f for f in path.rglob("*") if f.suffix.lower() in IMAGE_SUFFIXES and f.is_file())
            if not found:
                raise FileNotFoundError(f"no image files in {path}; known are {', '.join(sorted(IMAGE_SUFFIXES))}")
        files += found
    return files


def read_image(file: Path, channels: int, size: tuple[int, int]) -> tuple[Tensor, list[str]]:
    """An image as the model takes it, uint8 [C, H, W], and what had to be done to it."""
    content = file.read_bytes()
    with Image.open(io.BytesIO(content)) as header:
        mode, transparent = header.mode, header.has_transparency_data
    image = open_image(content, channels)
    notes = []
    if transparent:
        notes.append("transparent pixels made white")
    if channels == 3 and mode.startswith(("L", "I", "1")):
        notes.append("grey made RGB")
    if channels == 1 and not mode.startswith(("L", "I", "1")):
        notes.append("colour made grey")
    if image.size != (size[1], size[0]):
        shape = "" if image.width * size[0] == image.height * size[1] else ", its centre"
        notes.append(f"{image.width}x{image.height} pixels{shape} resized to {size[1]}x{size[0]}")
    return as_tensor(fit(image, size)), notes
