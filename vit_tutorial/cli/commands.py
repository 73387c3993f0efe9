"""`vit-tutorial evaluate` and `results`, and how a model is named on the command line."""

from __future__ import annotations

import argparse
import json
import math
import sys
from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor

from vit_tutorial.cli.masks import evaluate_masks
from vit_tutorial.cli.multitask import evaluate_tasks
from vit_tutorial.data import ImageDataset, RememberedSplit, Splits, images_to_score
from vit_tutorial.data.decode import FULL_RANGE
from vit_tutorial.data.files import IMAGE_SUFFIXES, listed
from vit_tutorial.device import pick_device
from vit_tutorial.metrics.classification import confusion_matrix, wilson_interval
from vit_tutorial.metrics.errors import class_scores, confident_mistakes, worst_confusions
from vit_tutorial.tasks import Classification, Pretraining
from vit_tutorial.tasks.classification import image_size
from vit_tutorial.training import Recipe, RunFolder, predict
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.record import check, headline, in_words, list_records, params_in_words, read_record
from vit_tutorial.training.sweep_record import check_sweep, list_sweep_records, read_sweep_record
from vit_tutorial.weights import holds_multitask, holds_segmenter, load_classifier, read_extra

CONFUSIONS = 3  # shown
CLASSES = 40  # shown at most
SAVE_AGAIN = "save_model(load_model(path), path, {'classes': [...], 'mean': [...], 'std': [...]}) says them"


def evaluate_run(options: argparse.Namespace) -> int:
    """Print the metrics of a saved model on a split of its recipe's data, class by class, and where it is wrong."""
    path = model_file(options.model)
    extra = read_extra(path)
    if extra.get("recipe", {}).get("task") == "pretraining":
        return evaluate_encoder(options, path, Recipe.from_dict(extra["recipe"]))
    missing = [key for key in ("classes", "mean", "std", "recipe") if key not in extra]
    if missing:
        raise ValueError(
            f"{path} does not say its {', '.join(missing)}, so its data is not known; evaluate takes what vit-tutorial train saved, "
            "and predict takes this file, too"
        )
    if holds_segmenter(path):
        return evaluate_masks(options, path, extra)
    if holds_multitask(path):
        return evaluate_tasks(options, path, extra)
    model = load_classifier(path, pick_device(options.device))
    recipe = Recipe.from_dict(extra["recipe"])
    if recipe.data == "image_folder":
        task, dataset, notes = folder_to_score(recipe, options.data, options.split, extra)
    else:
        if options.split == "all":
            raise ValueError(f"--split all is for a folder of images; of {recipe.data} choose train, val or test")
        task, notes = Classification(recipe, options.data), []
        if task.splits.classes != extra["classes"]:
            raise ValueError(
                f"the model knows the classes {listed(extra['classes'])}, but the data has {listed(task.splits.classes)}; "
                "give the data it was trained on"
            )
        dataset = getattr(task.splits, options.split)
    for split in task.splits:  # as the model was trained, also where the images are others
        split.mean, split.std = tuple(extra["mean"]), tuple(extra["std"])
    logits, labels = predict(task, model, dataset)
    found = analysis(task, dataset, logits, labels, options.mistakes)
    if options.format == "json":
        print(json.dumps({"split": options.split, "notes": notes, **found}, indent=1, ensure_ascii=False))
    else:
        for note in notes:
            print(f"vit-tutorial evaluate: {note}", file=sys.stderr)
        what = dataset.variant if recipe.data == "image_folder" else f"{dataset.variant}: {options.split} split"
        print(f"{what}, {len(dataset):,} images")
        print_analysis(found)
    return 0


def evaluate_encoder(options: argparse.Namespace, path: Path, recipe: Recipe) -> int:
    """Print what `Pretraining.measure` says of an encoder: it has no classes yet, only neighbours."""
    if options.split == "all":
        raise ValueError("an encoder is scored by neighbours in the training split; choose train, val or test")
    engine = Engine(options.device)
    task = Pretraining(recipe, options.data)
    dataset = getattr(task.splits, options.split)
    found = task.measure(task.load(path).to(engine.device), dataset, engine)
    if options.format == "json":
        print(json.dumps({"split": options.split, "images": len(dataset), "metrics": found}, indent=1))
        return 0
    print(f"{dataset.variant}: {options.split} split, {len(dataset):,} images")
    for name, value in found.items():
        print(f"  {name:14} {in_words(name, value)}")
    return 0


def folder_to_score(
    recipe: Recipe, root: Path | None, part: str, extra: dict[str, Any]
) -> tuple[Classification, ImageDataset, list[str]]:
    """A task whose splits are all the images that are to be scored, these images, and what has to be said about them."""
    if root is None:
        raise ValueError(
            "the model was trained on a folder of images; give it, or one of new images, with --data FOLDER"
        )
    size = image_size(recipe.model.get("img_size", 224))
    dataset, notes = images_to_score(
        root,
        part,
        size,
        extra["classes"],
        RememberedSplit.from_dict(extra["split"]) if "split" in extra else None,
        on_bad=recipe.on_bad,
        on_leak=recipe.on_leak,
        channels=recipe.model.get("in_chans", 3),
        value_range=tuple(extra.get("value_range") or FULL_RANGE),
        split=recipe.split,
        group_by=recipe.group_by,
    )
    task = Classification(recipe.with_(train_share=1.0), splits=Splits(dataset, dataset, dataset))
    return task, dataset, notes


def analysis(
    task: Classification, dataset: ImageDataset, logits: Tensor, labels: Tensor, mistakes: int
) -> dict[str, Any]:
    """Metrics, the interval of the accuracy, the classes one by one, what is mixed up, and the surest mistakes by file."""
    confusion = confusion_matrix(logits.argmax(1), labels, logits.shape[1])
    metrics = task.metrics(task.count(logits, labels))
    return {
        "images": len(labels),
        "metrics": metrics,
        "accuracy_interval": list(wilson_interval(metrics["accuracy"], len(labels))),
        "classes": [
            {"class": s.name, "images": s.images, "called": s.called, "recall": s.recall, "precision": s.precision}
            for s in class_scores(confusion, dataset.classes)
        ],
        "confusions": [
            {"true": true, "called": called, "times": times}
            for true, called, times in worst_confusions(confusion, dataset.classes, CONFUSIONS)
        ],
        "mistakes": [
            {"image": dataset.item_name(m.index), "true": m.true, "called": m.called, "probability": m.confidence}
            for m in confident_mistakes(logits, labels, dataset.classes, mistakes)
        ],
    }


def print_analysis(found: dict[str, Any]) -> None:
    """The analysis as text; of more than `CLASSES` classes those that are found least."""
    for name, value in found["metrics"].items():
        print(f"  {name:14} {in_words(name, value)}")
    low, high = found["accuracy_interval"]
    print(f"  95 % interval of the accuracy: {100 * low:.1f} to {100 * high:.1f} %")
    rows = found["classes"]
    if len(rows) > CLASSES:
        rows = sorted(rows, key=lambda row: 2 if row["recall"] is None else row["recall"])[:CLASSES]
        print(f"the {CLASSES} of {len(found['classes'])} classes that are found least")
    width = max(len("class"), *(len(row["class"]) for row in rows))
    print(f"{'class':{width}}  images    recall  precision")
    for row in rows:
        recall, precision = ("-" if row[key] is None else f"{100 * row[key]:.1f} %" for key in ("recall", "precision"))
        print(f"{row['class']:{width}}  {row['images']:6,}  {recall:>8}  {precision:>9}")
    for pair in found["confusions"]:
        print(f"  {pair['true']} taken for {pair['called']}: {pair['times']} times")
    if found["mistakes"]:
        print("the mistakes it was surest of")
    for mistake in found["mistakes"]:
        sure = f"{100 * mistake['probability']:.1f} %"
        print(f"  {mistake['image']}: {mistake['true']} taken for {mistake['called']}, {sure} sure")


def show_results(options: argparse.Namespace) -> int:
    """The table of records and of recorded sweeps, or one of them in full and whether its recipe still is what was run."""
    if options.name:
        of_sweep = options.name in list_sweep_records() and options.name not in list_records()
        record = read_sweep_record(options.name) if of_sweep else read_record(options.name)
        print(json.dumps(record, indent=2, ensure_ascii=False))
        for difference in check_sweep(record) if of_sweep else check(record):
            print(f"out of date: {difference}")
        return 0
    names = list_records()
    if not names:
        print("no records yet; vit-tutorial train RECIPE --record NAME writes one")
    for name in names:
        record = read_record(name)
        (metric, score), time = headline(record), record["metrics"]["train_seconds"]
        seeds = len(record["seeds"])
        print(f"{name}: {record['title']}")
        print(
            f"    {metric.replace('_', ' ')} {in_words(metric, score['mean'], score['std'], 1)} ({seeds} seed{'s' * (seeds != 1)}), "
            f"{params_in_words(record)}, {time['mean']:.0f} s a run, {record['device']}, {record['status']}"
        )
    for name in list_sweep_records():
        record = read_sweep_record(name)
        print(f"{name}: {record['title']}")
        print(f"    a sweep: {record['runs']:,} runs at {len(record['points']):,} settings")
    return 0


def model_file(path: Path) -> Path:
    """The model file of a run's folder, or the file itself. Raises FileNotFoundError with what to do."""
    if path.is_dir():
        folder = RunFolder(path)
        if folder.model.is_file():
            return folder.model
        if folder.checkpoint.is_file():
            raise FileNotFoundError(f"the run in {path} is not finished; the command that started it goes on with it")
        found = [*path.glob("*/model.safetensors"), *path.glob("*/*/model.safetensors")]
        runs = sorted(str(file.parent.relative_to(path)) for file in found)
        if runs:
            hint = f"; did you mean one of its folders, {', '.join(runs[:5])}{', ...' * (len(runs) > 5)}?"
        elif any(file.suffix.lower() in IMAGE_SUFFIXES for file in islice(path.rglob("*"), 1000)):
            hint = "; it is a folder of images, and the model comes first: a run's folder, as runs/RECIPE/seed-0, or a model.safetensors"
        else:
            hint = "; give a run's folder, as runs/RECIPE/seed-0, or a model.safetensors"
        raise FileNotFoundError(f"no trained model in {path}{hint}")
    if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
        raise ValueError(
            f"{path} is an image, and the model comes first: a run's folder, as runs/RECIPE/seed-0, or a model.safetensors"
        )
    return path


def described(path: Path, K: int, C: int) -> dict[str, Any]:
    """What was saved beside the weights of a model of K classes and C channels: ``classes``, ``mean``, ``std`` and more, complete.

    Where ``save_model`` was not given them, classes are numbered, mean is 0 and std 1 (pixels go in from 0 to 1), and stderr says so.

    Raises:
        ValueError: lengths do not fit the model.
    """
    extra = read_extra(path)
    assumed: dict[str, list[Any]] = {"classes": [f"class {k}" for k in range(K)], "mean": [0.0] * C, "std": [1.0] * C}
    missing = [key for key in assumed if extra.get(key) is None and assumed[key]]
    for key, default in assumed.items():
        value = default if extra.get(key) is None else extra[key]
        if not isinstance(value, list) or len(value) != len(default):
            said = f"{len(value)} values" if isinstance(value, list) else repr(value)
            raise ValueError(
                f"{path} has {said} as its {key}, and the model needs a list of {len(default)}; {SAVE_AGAIN}"
            )
        extra[key] = value
    for key in ("mean", "std"):
        low = 0 if key == "std" else -math.inf
        if not all(isinstance(v, (int, float)) and math.isfinite(v) and v > low for v in extra[key]):
            raise ValueError(
                f"{path} has {extra[key]} as its {key}, and the model needs numbers{' above 0' * (key == 'std')}; {SAVE_AGAIN}"
            )
    if missing:
        taken = {"classes": "they are numbered", "mean": "0 is taken", "std": "1 is taken"}
        said = ", ".join(f"{key} ({taken[key]})" for key in missing)
        print(f"{path} does not say its {said}; {SAVE_AGAIN}", file=sys.stderr)
    return extra
