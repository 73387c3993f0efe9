"""Make a model of the page as sure as it is right, and say below which probability its answer is to be doubted.

    python -m vit_tutorial.widgets.models.calibrate digits28 --data DATA_ROOT
    python -m vit_tutorial.widgets.models.calibrate photos32 --data FOLDER

On the validation split of the model's record it fits a temperature T, and divides the head's weights and biases by it: softmax(z / T)
of the old logits z is the softmax of the new ones, so whatever runs the model is calibrated. The manifest says what was done
(``calibration``), and what it gives on the test split. The same command again changes nothing. For a model of MNIST the manifest also
gets ``"drawing": "mnist"``: the page then prepares what readers draw as MNIST was prepared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vit_tutorial.data import ImageDataset, Splits, batches, normalize
from vit_tutorial.metrics.calibration import doubt_threshold, fit_temperature, reliability
from vit_tutorial.tasks import Classification
from vit_tutorial.training.recipe import Recipe
from vit_tutorial.training.record import read_record
from vit_tutorial.widgets.models.page_model import MODELS, build_page_model, read_page_model

DOUBTED = 0.05  # of the right answers on the validation split: one in twenty
PREPARED = {"mnist": "mnist", "mnist_10k": "mnist"}  # data of a recipe: how its images were made from ink


def calibrated(manifest: dict[str, Any], data: bytes, splits: Splits) -> tuple[dict[str, Any], bytes]:
    """A page model with its head divided by the temperature of the validation split, and a manifest that says so.

    ``calibration``: ``temperature``, ``doubt_below`` (the top probability below which `DOUBTED` of the right validation answers lie),
    ``right_below`` (that share), ``n_val``, and ``test``: ``n``, the expected calibration error before and after, and the shares of
    right and of wrong answers that are doubted.
    """
    already = manifest.get("calibration", {}).get("temperature", 1.0)
    model = build_page_model(manifest, data)
    (val, val_labels), (test, test_labels) = (logits_of(model, split, manifest) for split in (splits.val, splits.test))
    factor = fit_temperature(val, val_labels)
    if abs(factor - 1) < 1e-3:  # done before, up to the rounding of biases
        factor = 1.0
    below = doubt_threshold((val / factor).softmax(-1), val_labels, DOUBTED)
    after = (test / factor).softmax(-1)
    right, doubted = after.argmax(1) == test_labels, after.amax(1) < below
    found = {
        "temperature": round(already * factor, 4),
        "doubt_below": round(below, 4),
        "right_below": DOUBTED,
        "n_val": len(val),
        "test": {
            "n": len(test),
            "error_before": round(reliability((test * already).softmax(-1), test_labels).error, 4),
            "error": round(reliability(after, test_labels).error, 4),
            "right_doubted": round(doubted[right].float().mean().item(), 4),
            "wrong_doubted": round(doubted[~right].float().mean().item(), 4),
        },
    }
    data = divide_head(manifest, data, factor)
    tensors = manifest["tensors"]
    said = {key: value for key, value in manifest.items() if key not in ("calibration", "tensors")}
    return {**said, "sha256": hashlib.sha256(data).hexdigest(), "calibration": found, "tensors": tensors}, data


@torch.no_grad()
def logits_of(model: nn.Module, split: ImageDataset, manifest: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """(logits [N, K], labels [N]) of all images of a split."""
    logits, labels = [], []
    for images, targets in batches(split, 250, seed=0, epoch=0, shuffle=False):
        logits.append(model(normalize(images, manifest["mean"], manifest["std"])))
        labels.append(torch.as_tensor(targets))
    return torch.cat(logits), torch.cat(labels)


def divide_head(manifest: dict[str, Any], data: bytes, temperature: float) -> bytes:
    """The weights with head.weight and head.bias divided by ``temperature``: of int8 rows only the scales change."""
    out = bytearray(data)
    for tensor in manifest["tensors"]:
        if not tensor["name"].startswith("head."):
            continue
        shape, at = tensor["shape"], tensor["offset"]
        kind, count = {"fp16": ("<f2", None), "fp32": ("<f4", None), "int8": ("<f4", shape[0])}[tensor["dtype"]]
        values = np.frombuffer(data, kind, int(np.prod(shape)) if count is None else count, at)
        new = (values.astype("f8") / temperature).astype(kind).tobytes()
        out[at : at + len(new)] = new
    return bytes(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("model", help="name of a page model")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="as for the training of its record")
    options = parser.parse_args()
    record = read_record(options.model.replace("_", "-"))
    recipe = Recipe.from_dict(record["recipe"])
    splits = Classification(recipe, options.data).splits
    if splits.fingerprint() != record["data"]["sha256"]:
        parser.error(f"{options.data} is not the data of the record {options.model}: {record['data']['variant']}")
    manifest, data = read_page_model(options.model)
    if recipe.data in PREPARED:
        manifest = {**manifest, "drawing": PREPARED[recipe.data]}
    manifest, data = calibrated(manifest, data, splits)
    path = MODELS / f"{options.model}.json"
    path.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".bin").write_bytes(data)
    print(json.dumps(manifest["calibration"], indent=1))


if __name__ == "__main__":
    main()
