"""`vit-tutorial predict`: the classes of image files, folders of them, and addresses."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from vit_tutorial.cli.commands import described, model_file
from vit_tutorial.cnn import ConvNet
from vit_tutorial.data import normalize
from vit_tutorial.data.decode import FULL_RANGE, as_tensor, fit, one_line, open_image
from vit_tutorial.data.fetch import fetch, is_url
from vit_tutorial.data.files import SUFFIXES_IN_WORDS, Sight, images_below, printable
from vit_tutorial.data.metadata import orientation
from vit_tutorial.device import pick_device
from vit_tutorial.patches import in_pixels, pair
from vit_tutorial.vit import VisionTransformer
from vit_tutorial.weights import load_classifier

SHOWN = 3  # classes an image, where the model has so many


@dataclass
class Answer:
    """What is said of one image: its most probable classes, or why there is none."""

    image: str
    predictions: list[tuple[str, float]] = field(default_factory=list)  # (class, probability), largest first
    notes: list[str] = field(default_factory=list)  # what had to be done to the image
    error: str = ""


def predict_images(options: argparse.Namespace) -> int:
    """Print the most probable classes of each image, in the order they were named. Returns 1 if an image failed."""
    path = model_file(options.model)
    model = load_classifier(path, pick_device(options.device))
    if not model.config.num_classes:
        raise ValueError(
            f"{path} is an encoder without classes; give it a head, train it and save it: model.reset_classifier(K)"
        )
    extra = described(path, model.config)
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


def image_names(words: Iterable[str]) -> Iterator[str]:
    """Each word itself, and for a folder every image file in it at any depth, sorted, as training finds them: see `images_below`."""
    for word in words:
        folder = Path(word)
        if is_url(word) or not folder.is_dir():
            yield word
            continue
        sight = Sight()
        files = images_below(folder, sight)
        if not files:
            others = f", but {sight.kinds()}" if sight.not_images else ""
            raise FileNotFoundError(f"no image files in {printable(word)}{others}; known are {SUFFIXES_IN_WORDS}")
        yield from map(str, files)


def answer(
    model: VisionTransformer | ConvNet, extra: dict[str, Any], names: Iterable[str], top: int, batch_size: int
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


def read_image(
    name: str, channels: int, size: tuple[int, int], value_range: tuple[int, int] = FULL_RANGE
) -> tuple[Tensor | None, Answer]:
    """An image as the model takes it, uint8 [C, H, W], and what had to be done to it; or None, and why not."""
    found = Answer(name)
    try:
        content = fetch(name) if is_url(name) else Path(name).read_bytes()
    except FileNotFoundError:
        found.error = "there is no image of that name"
        return None, found
    except (OSError, ValueError) as error:
        found.error = f"cannot be read ({one_line(error)})"
        return None, found
    try:
        image = open_image(content, channels, value_range=value_range)
        found.notes = changes(content, image, channels, size)
        return as_tensor(fit(image, size)), found
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plug-ins raise many kinds on damaged files
        found.error = f"cannot be decoded ({one_line(error)})"
        return None, found


def changes(content: bytes, image: Image.Image, channels: int, size: tuple[int, int]) -> list[str]:
    """What has to be done to a picture, of which `image` is the decoded form, before a model can take it."""
    notes = []
    try:
        with Image.open(io.BytesIO(content)) as header:
            mode, transparent, frames = header.mode, header.has_transparency_data, getattr(header, "n_frames", 1)
            turned = orientation(header) != 1
    except Exception:  # the pixels were read without what is damaged beside them
        mode, transparent, frames, turned = "RGB" if channels == 3 else "L", False, 1, False
        notes.append("damaged metadata left out")
    if frames > 1:
        notes.append(f"the first of {frames} frames")
    if turned:
        notes.append("turned upright")
    if transparent:
        notes.append("transparent pixels made white")
    if channels == 3 and mode.startswith(("L", "I", "1")):
        notes.append("grey made RGB")
    if channels == 1 and not mode.startswith(("L", "I", "1")):
        notes.append("colour made grey")
    if image.size != (size[1], size[0]):
        shape = "" if image.width * size[0] == image.height * size[1] else ", its centre"
        notes.append(f"{in_pixels((image.height, image.width))}{shape} resized to {size[0]}x{size[1]}")
    return notes


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
