"""`vit-tutorial evaluate` and `predict` for models of several tasks: each task's score and worst images, and every answer of an image."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vit_tutorial.cli.pictures import image_names, place_before_fit, read_image
from vit_tutorial.data import RememberedSplit, normalize
from vit_tutorial.data.files import listed, printable
from vit_tutorial.data.table_scoring import rows_to_score
from vit_tutorial.device import pick_device
from vit_tutorial.enlarge import classes_of_pixels
from vit_tutorial.heads.multitask import MultiTask, Output
from vit_tutorial.losses.multitask import summed_loss
from vit_tutorial.metrics.multitask import MAIN, answered, why_no_score
from vit_tutorial.patches import pair
from vit_tutorial.tasks import MultiTaskLearning
from vit_tutorial.training import Recipe, evaluate, predict
from vit_tutorial.training.record import in_words
from vit_tutorial.weights import load_multitask


def evaluate_tasks(options: argparse.Namespace, path: Path, extra: dict[str, Any]) -> int:
    """Print each task's scores on a split, and the images on which its loss is largest."""
    recipe = Recipe.from_dict(extra["recipe"])
    if options.split == "all" and recipe.data != "table":
        raise ValueError(f"--split all is for a table of one's own; of {recipe.data} choose train, val or test")
    model, task = load_multitask(path, pick_device(options.device)), MultiTaskLearning(recipe, options.data)
    asked = {name: (output.kind, output.names) for name, output in task.outputs.items()}
    if asked != {name: (output.kind, output.names) for name, output in model.outputs.items()}:
        raise ValueError(
            f"the data has the tasks {', '.join(asked)}, and the model others, or with other classes; give the data it was trained on"
        )
    task.outputs = model.outputs  # the mean and spread of its numbers are those that it has learned
    notes: list[str] = []
    dataset: Any
    if recipe.data == "table":
        memory = RememberedSplit.from_dict(extra["split"]) if "split" in extra else None
        dataset, notes = rows_to_score(task.splits, options.split, memory)
    else:
        dataset = getattr(task.splits, options.split)
    notes += [
        f"{name} has {why} among these images, so no {MAIN[output.kind]}"
        for name, output in model.outputs.items()
        if (why := why_no_score(output.kind, dataset.targets[name]))
    ]
    dataset.mean, dataset.std = tuple(extra["mean"]), tuple(extra["std"])
    found: dict[str, Any] = {
        "images": len(dataset),
        "metrics": evaluate(task, model, dataset),
        "worst": worst(task, model, dataset, options.mistakes),
    }
    if options.format == "json":
        print(json.dumps({"split": options.split, "notes": notes, **found}, indent=1, ensure_ascii=False))
        return 0
    for note in notes:
        print(f"vit-tutorial evaluate: {note}", file=sys.stderr)
    print(
        f"{dataset.variant}: {options.split + ' split' if options.split != 'all' else 'every one'}, {len(dataset):,} images"
    )
    for name, value in found["metrics"].items():
        print(f"  {name:24} {in_words(name, value)}")
    for name, images in found["worst"].items():
        print(f"{name}: {', '.join(str(image) for image in images) or 'no image has an answer'} have the largest loss")
    return 0


def worst(task: MultiTaskLearning, model: MultiTask, dataset: Any, n: int) -> dict[str, list[str]]:
    """Of each task the names of the n images with the largest loss, the largest first; of those whose answer is known."""
    outputs, targets = predict(task, model, dataset)
    return {
        name: [dataset.item_name(i) for i in order_by_loss(output.kind, outputs[name], targets[name])[:n]]
        for name, output in model.outputs.items()
    }


def order_by_loss(kind: str, answers: Tensor, targets: Tensor) -> list[int]:
    """The numbers of the images that have an answer, those with the largest mean loss first."""
    of_image = []
    for i in range(len(targets)):
        units = answered(kind, targets[i : i + 1]).sum()
        if units:
            of_image.append(((summed_loss(kind, answers[i : i + 1], targets[i : i + 1]) / units).item(), i))
    return [i for _, i in sorted(of_image, reverse=True)]


def predict_tasks(options: argparse.Namespace, path: Path, extra: dict[str, Any]) -> int:
    """Print every task's answer of each image. Returns 1 if an image failed."""
    if options.out is not None:
        raise ValueError(
            "--out is for segmenters; a model of several tasks prints its answers, of a mask the share of each class"
        )
    model = load_multitask(path, pick_device(options.device))
    config, device, failed, rows = model.encoder.config, next(model.parameters()).device, 0, []
    for name in image_names(options.images):
        image, found = read_image(name, config.in_chans, pair(config.img_size))
        row: dict[str, Any] = {"image": printable(name), "notes": found.notes, "error": found.error or None}
        failed += image is None
        if image is not None:
            with torch.no_grad():
                answers = model(normalize(image[None].to(device), extra["mean"], extra["std"]))
            seen = (image.shape[-2], image.shape[-1])
            row["answers"] = {task: in_plain_values(o, answers[task], seen) for task, o in model.outputs.items()}
            if seen != found.size:
                row["notes"] = found.notes + in_own_pixels(model.outputs, row["answers"], found.size, seen)
        rows.append(row)
    {"text": write_text, "csv": write_csv, "json": lambda r: print(json.dumps(r, indent=1, ensure_ascii=False))}[
        options.format
    ](rows)
    if failed:
        print(f"vit-tutorial predict: {failed:,} of {len(rows):,} images failed", file=sys.stderr)
    return 1 if failed else 0


AXES = {"row": 0, "y": 0, "column": 1, "x": 1}  # what the numbers of a place are called


def in_own_pixels(
    outputs: dict[str, Output], answers: dict[str, dict[str, float]], size: tuple[int, int], seen: tuple[int, int]
) -> list[str]:
    """Places, in the answers, from pixels of what the model saw (H, W) to those of the image itself; and what has to be said about it."""
    numbers = [(task, name) for task, output in outputs.items() if output.kind == "numbers" for name in output.names]
    moved = [(task, name) for task, name in numbers if name in AXES]
    for task, name in moved:
        answers[task][name] = round(place_before_fit(answers[task][name], AXES[name], size, seen), 2)
    notes = [f"{listed(sorted({name for _, name in moved}))} in pixels of the image itself"] if moved else []
    if others := [f"{task}: {name}" for task, name in numbers if name not in AXES]:
        notes.append(f"if a place, {listed(others)} is in pixels of the {seen[0]}x{seen[1]} that the model saw")
    return notes


def in_plain_values(output: Output, answer: Tensor, size: tuple[int, ...]) -> dict[str, float]:
    """One image's answer: of classes the largest probability, of questions all, of numbers their values, of a mask the classes' shares of the pixels."""
    names, answer = output.names, answer.float().cpu()
    if output.kind == "class":
        p, k = answer[0].softmax(0).max(0)
        return {names[int(k)]: round(p.item(), 4)}
    if output.kind == "labels":
        return dict(zip(names, [round(p, 4) for p in answer[0].sigmoid().tolist()]))
    if output.kind == "numbers":
        values = answer[0] * torch.tensor(output.std) + torch.tensor(output.mean)
        return dict(zip(names, [round(v, 4) for v in values.tolist()]))
    called = classes_of_pixels(answer, (size[0], size[1])).flatten().bincount(minlength=len(names))
    return {name: round(n / called.sum().item(), 4) for name, n in zip(names, called.tolist()) if n}


def write_text(rows: list[dict[str, Any]]) -> None:
    """A line an image."""
    for row in rows:
        said = "; ".join(
            f"{task}: {', '.join(f'{k} {v:g}' for k, v in values.items())}"
            for task, values in row.get("answers", {}).items()
        )
        print(f"{row['image']}: {row['error'] or said}" + (f"   ({'; '.join(row['notes'])})" if row["notes"] else ""))


def write_csv(rows: list[dict[str, Any]]) -> None:
    """A line an answer: image, error, task, name, value."""
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["image", "error", "task", "name", "value"])
    for row in rows:
        answers = row.get("answers", {})
        for task, values in answers.items():
            table.writerows([row["image"], "", task, name, value] for name, value in values.items())
        if not answers:
            table.writerow([row["image"], row["error"], "", "", ""])
