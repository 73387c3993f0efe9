"""`vit-tutorial predict`: the classes of image files, folders of them, and addresses."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import torch

from vit_tutorial.cli.commands import described, model_file
from vit_tutorial.cli.masks import predict_masks
from vit_tutorial.cli.multitask import predict_tasks
from vit_tutorial.cli.pictures import Answer, image_names, read_image
from vit_tutorial.cnn import ConvNet
from vit_tutorial.data import normalize
from vit_tutorial.data.decode import FULL_RANGE
from vit_tutorial.data.files import printable
from vit_tutorial.device import pick_device
from vit_tutorial.heads.distillation import DistilledClassifier
from vit_tutorial.patches import pair
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.weights import holds_multitask, holds_segmenter, load_classifier, read_extra

SHOWN = 3  # classes an image, where the model has so many


def predict_images(options: argparse.Namespace) -> int:
    """Print the most probable classes of each image, in the order they were named. Returns 1 if an image failed."""
    path = model_file(options.model)
    if holds_segmenter(path):
        return predict_masks(options, path, read_extra(path))
    if holds_multitask(path):
        return predict_tasks(options, path, read_extra(path))
    if options.out is not None:
        raise ValueError(
            "--out is for segmenters, which make masks; this model is a classifier, and prints its answers"
        )
    model = load_classifier(path, pick_device(options.device))
    if not model.config.num_classes:
        raise ValueError(
            f"{path} is an encoder without classes; train a classifier on it first: vit-tutorial train RECIPE --set pretrained=FILE"
        )
    extra = described(path, model.config.num_classes, model.config.in_chans)
    classes = extra["classes"]
    top = min(SHOWN, len(classes)) if options.top is None else options.top
    if not 1 <= top <= len(classes):
        raise ValueError(f"--top {top} does not exist; this model has {len(classes)} classes")
    if options.batch_size < 1:
        raise ValueError(f"--batch-size is {options.batch_size}; it must be at least 1")
    named = list(image_names(options.images))
    answers = answer(model, extra, named, top, options.batch_size)
    failed = {"text": write_text, "csv": write_csv, "json": write_json}[options.format](answers, top)
    if failed:
        print(f"vit-tutorial predict: {failed:,} of {len(named):,} images failed", file=sys.stderr)
    return 1 if failed else 0


def answer(
    model: VisionTransformer | DistilledClassifier | ConvNet,
    extra: dict[str, Any],
    names: Iterable[str],
    top: int,
    batch_size: int,
) -> Iterator[Answer]:
    """An answer for each name, in order. Images are read by threads and go through the model a batch at a time."""
    channels, size, device = model.config.in_chans, pair(model.config.img_size), next(model.parameters()).device
    low, high = extra.get("value_range") or FULL_RANGE
    waiting = iter(names)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        while batch := list(islice(waiting, batch_size)):
            read = list(pool.map(lambda name: read_image(name, channels, size, (low, high)), batch))
            pixels = [image for image, _ in read if image is not None]
            if pixels:
                with torch.no_grad():
                    logits = model(normalize(torch.stack(pixels).to(device), extra["mean"], extra["std"]))
                best = iter(zip(*(part.tolist() for part in logits.float().softmax(1).topk(top))))
            for image, found in read:
                if image is not None:
                    values, indices = next(best)
                    found.predictions = [(extra["classes"][i], value) for i, value in zip(indices, values)]
                yield found


def write_text(answers: Iterable[Answer], top: int) -> int:
    """A line an image. Returns how many failed."""
    failed = 0
    for found in answers:
        said = ", ".join(f"{name} {100 * p:.1f} %" for name, p in found.predictions) or found.error
        print(f"{printable(found.image)}: {said}" + (f"   ({'; '.join(found.notes)})" if found.notes else ""))
        failed += bool(found.error)
    return failed


def write_csv(answers: Iterable[Answer], top: int) -> int:
    """image, error, notes, and class and probability of each place. Returns how many failed."""
    table = csv.writer(sys.stdout, lineterminator="\n")
    places = [name for k in range(1, top + 1) for name in (f"class_{k}", f"probability_{k}")]
    table.writerow(["image", "error", "notes", *places])
    failed = 0
    for found in answers:
        values: Sequence[Any] = [value for name, p in found.predictions for value in (name, f"{p:.6f}")]
        table.writerow(
            [printable(found.image), found.error, "; ".join(found.notes), *values, *[""] * (2 * top - len(values))]
        )
        failed += bool(found.error)
    return failed


def write_json(answers: Iterable[Answer], top: int) -> int:
    """A list of objects; `error` is null where all went well. Returns how many failed."""
    entries = [
        {
            "image": printable(found.image),
            "predictions": [{"class": name, "probability": round(p, 6)} for name, p in found.predictions],
            "notes": found.notes,
            "error": found.error or None,
        }
        for found in answers
    ]
    print(json.dumps(entries, indent=1, ensure_ascii=False))
    return sum(entry["error"] is not None for entry in entries)
