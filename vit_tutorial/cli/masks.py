"""`vit-tutorial evaluate` and `predict` for segmenters: scores at the size of the annotation, and masks as files that other tools read."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vit_tutorial.cli.pictures import image_names, read_image
from vit_tutorial.cnn import UNet
from vit_tutorial.data.coco_write import write_coco
from vit_tutorial.data.files import listed, printable
from vit_tutorial.data.mask_files import write_mask
from vit_tutorial.data.pairs import PairedImages
from vit_tutorial.device import pick_device
from vit_tutorial.heads import Segmenter
from vit_tutorial.metrics.mask_errors import Region, SizeScore, by_size, regions
from vit_tutorial.metrics.segmentation import (
    boundary_counts,
    boundary_iou,
    dice_per_class,
    errors_by_distance,
    iou_per_class,
    mean_dice,
    mean_iou,
    mean_iou_of_images,
    pixel_accuracy,
    pixel_confusion,
)
from vit_tutorial.tasks.own_masks import every_own_image
from vit_tutorial.tasks.segmentation import load_whole, segment
from vit_tutorial.training import Recipe
from vit_tutorial.weights import load_segmenter

MADE_BY = "masks predicted by vit-tutorial"
RANGES = ((1, 1), (2, 2), (3, 4), (5, 8), (9, 16))  # distances to a border, in pixels; the last and beyond


def evaluate_masks(options: argparse.Namespace, path: Path, extra: dict[str, Any]) -> int:
    """Print the scores of a saved segmenter on a split, class by class, by distance to a border, by size, and its worst images."""
    model = load_segmenter(path, pick_device(options.device))
    recipe = Recipe.from_dict(extra["recipe"])
    given = every_own_image(recipe, options.data) if options.split == "all" else load_whole(recipe, options.data)
    if given.classes != extra["classes"]:
        raise ValueError(
            f"the model knows the classes {listed(extra['classes'])}, but the data has {listed(given.classes)}; give the data it was trained on"
        )
    dataset = given if isinstance(given, PairedImages) else getattr(given, options.split)
    found = analysis(model, dataset, extra, options.mistakes)
    if options.format == "json":
        print(json.dumps({"split": options.split, **found}, indent=1, ensure_ascii=False))
    else:
        part = "every image, whether the run has seen it or not" if options.split == "all" else f"{options.split} split"
        print(f"{dataset.variant}: {part}, {len(dataset):,} images, scored at their own size")
        print_analysis(found)
    return 0


def analysis(model: Segmenter | UNet, dataset: Any, extra: dict[str, Any], worst: int) -> dict[str, Any]:
    """Every image on its own, at its own size; then what they add up to."""
    K, classes = len(extra["classes"]), extra["classes"]
    tables, borders, wrong, names = [], torch.zeros(2, K, dtype=torch.int64), torch.zeros(2, 16, dtype=torch.int64), []
    there: list[Region] = []
    for index in range(len(dataset)):
        image, mask = dataset.whole(index) if isinstance(dataset, PairedImages) else dataset[index]
        called, truth = segment(model, image, extra["mean"], extra["std"])[None], mask.long()[None]
        tables.append(pixel_confusion(called, truth, K))
        borders += boundary_counts(called, truth, K)
        wrong += errors_by_distance(called, truth)
        there += regions(called, truth, K)
        names.append(dataset.item_name(index))
    each = torch.stack(tables)
    M = each.sum(0)
    own = [mean_iou(table) for table in each]
    order = sorted((i for i in range(len(own)) if not math.isnan(own[i])), key=lambda i: own[i])[:worst]
    rows = zip(classes, iou_per_class(M), dice_per_class(M), boundary_iou(borders), M.sum(1).tolist())
    return {
        "images": len(each),
        "metrics": {
            "miou": mean_iou(M),
            "mean_dice": mean_dice(M),
            "mean_boundary_iou": boundary_iou(borders).nanmean().item(),
            "pixel_accuracy": pixel_accuracy(M),
            "miou_of_images": mean_iou_of_images(each),
        },
        "classes": [
            {"class": name, "pixels": n, "iou": number(i), "dice": number(d), "boundary_iou": number(b)}
            for name, i, d, b, n in rows
        ],
        "by_distance": [by_distance(wrong, low, high) for low, high in RANGES],
        "by_size": [in_numbers(score) for score in by_size(there)],
        "worst": [{"image": names[i], "miou": own[i]} for i in order],
    }


def by_distance(wrong: Tensor, low: int, high: int) -> dict[str, Any]:
    """Of the pixels at these distances to a border, how many there are and which share is wrong."""
    missed, pixels = wrong[:, low - 1 : high].sum(1).double()
    return {"from": low, "to": high if high < 16 else None, "pixels": int(pixels), "wrong": number(missed / pixels)}


def in_numbers(score: SizeScore) -> dict[str, Any]:
    """The regions of a size: from and to are shares of their image."""
    return {
        "from": score.low, "to": score.high, "regions": score.regions, "found": score.recall, "wrong": score.wrong,
    }  # fmt: skip


def number(value: Tensor) -> float | None:
    """None in the place of NaN, which JSON does not know."""
    return None if value.isnan() else value.item()


def print_analysis(found: dict[str, Any]) -> None:
    """The analysis as text."""
    for name, value in found["metrics"].items():
        print(f"  {name:18} {in_percent(value)}")
    width = max(5, *(len(row["class"]) for row in found["classes"]))
    print(f"{'class':{width}}       pixels       IoU      Dice  boundary IoU")
    for row in found["classes"]:
        iou, dice, rim = (in_percent(row[key]) for key in ("iou", "dice", "boundary_iou"))
        print(f"{row['class']:{width}} {row['pixels']:12,}  {iou:>8}  {dice:>8}  {rim:>12}")
    print("pixels from a border      pixels     wrong")
    for part in found["by_distance"]:
        low, high = part["from"], part["to"]
        span = f"{low} and more" if high is None else f"{low} to {high}" if high > low else f"{low}"
        print(f"{span:18} {part['pixels']:13,}  {in_percent(part['wrong']):>8}")
    print("regions, by share of image    number     found  pixels wrong")
    for part in found["by_size"]:
        span = f"up to {100 * part['to']:g} %" if part["to"] < 1 else f"above {100 * part['from']:g} %"
        print(f"{span:26} {part['regions']:9,}  {in_percent(part['found']):>8}  {in_percent(part['wrong']):>12}")
    if found["worst"]:
        print("the worst images, each by its own mIoU")
    for image in found["worst"]:
        print(f"  {image['image']}: {in_percent(image['miou'])}")


def in_percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def predict_masks(options: argparse.Namespace, path: Path, extra: dict[str, Any]) -> int:
    """Write a mask of each image, as large as the image, into a folder, and one COCO file of all. Returns 1 if an image failed.

    A mask is a palette PNG of class numbers, named as its image. In the COCO file every class that an image shows is one object of it.
    """
    if options.out is None:
        raise ValueError("this model makes masks, one an image; say where they go: --out FOLDER")
    if options.format != "text" or options.top is not None:
        raise ValueError("this model makes masks; --format and --top are for classifiers, leave them out")
    model = load_segmenter(path, pick_device(options.device))
    channels = (model.config if isinstance(model, UNet) else model.encoder.config).in_chans
    images = list(image_names(options.images))
    keep_what_is_there(options.out, images)
    options.out.mkdir(parents=True, exist_ok=True)
    classes, failed = extra["classes"], 0
    written: dict[str, tuple[str, Tensor]] = {}  # name of the mask -> (name of the image, mask)
    for name in images:
        image, answer = read_image(name, channels)
        if image is None:
            failed += 1
            print(f"{printable(name)}: {answer.error}")
            continue
        mask = segment(model, image, extra["mean"], extra["std"])
        file = free_name(options.out, name, written)
        write_mask(mask, file)
        written[file.name] = (Path(name).name, mask.cpu())
        share = torch.bincount(mask.flatten().cpu(), minlength=len(classes)).double() / mask.numel()
        most = [f"{classes[k]} {100 * share[k]:.1f} %" for k in share.argsort(descending=True).tolist() if share[k] > 0]
        notes = f"   ({'; '.join(answer.notes)})" if answer.notes else ""
        print(f"{printable(name)} -> {file}: {listed(most, 4)}{notes}")
    if written:
        write_annotations(options.out / "annotations.json", written, classes)
    (options.out / "classes.txt").write_text("\n".join(classes) + "\n", encoding="utf-8")
    if failed:
        print(f"vit-tutorial predict: {failed:,} of {failed + len(written):,} images failed", file=sys.stderr)
    return 1 if failed else 0


def keep_what_is_there(folder: Path, images: list[str]) -> None:
    """Raises ValueError where the masks of these images would replace files that an earlier predict has not written."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; give a folder to --out")
    planned: dict[str, None] = {}
    for name in images:
        planned[free_name(folder, name, planned).name] = None
    masks = [folder / name for name in planned]
    own = {Path(name).resolve() for name in images}
    if inside := [mask for mask in masks if mask.resolve() in own]:
        raise ValueError(
            f"{printable(str(inside[0]))} is an image to be segmented, and its mask would replace it; give another folder to --out"
        )
    there = [file for file in (*masks, folder / "annotations.json", folder / "classes.txt") if file.exists()]
    if there and not predicted_before(folder / "annotations.json"):
        raise ValueError(
            f"{printable(str(there[0]))} is there already, and no earlier predict has written it; give an empty folder to --out"
        )


def predicted_before(file: Path) -> bool:
    """Whether `predict` has written this annotation file."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("info") == {"description": MADE_BY}


def free_name(folder: Path, name: str, written: dict[str, Any]) -> Path:
    """A name for the mask of an image: its own, with a number where another image of this call has it."""
    stem, n = Path(name).stem, 1
    while (candidate := f"{stem}{f'-{n}' if n > 1 else ''}.png") in written:
        n += 1
    return folder / candidate


def write_annotations(path: Path, written: dict[str, tuple[str, Tensor]], classes: list[str]) -> None:
    """All masks as one COCO annotation file: for each image one object a class that it shows, background left out."""
    there = [[k for k in mask.unique().tolist() if k > 0] for _, mask in written.values()]
    masks = [
        torch.stack([mask == k for k in kinds]) if kinds else torch.zeros(0, *mask.shape)
        for kinds, (_, mask) in zip(there, written.values())
    ]
    names = [image for image, _ in written.values()]
    labels = [torch.tensor(kinds, dtype=torch.int64) for kinds in there]
    write_coco(path, names, masks, labels, classes, description=MADE_BY)
