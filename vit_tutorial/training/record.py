"""Records: what a recorded run was and what came out of it, as JSON. The book quotes numbers from here and nowhere else.

`vit-tutorial train RECIPE --record NAME` writes them; nobody types them.
"""

from __future__ import annotations

import difflib
import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vit_tutorial.data import Splits
from vit_tutorial.training.checkpoint import write_text
from vit_tutorial.training.environment import PACKAGE
from vit_tutorial.training.loop import Result
from vit_tutorial.training.recipe import Recipe, RecipeError, load_recipe
from vit_tutorial.vit import count_parameters

RESULTS = PACKAGE / "results"
FRACTIONS = ("accuracy", "miou", "iou", "dice", "f1", "score")
UNITS = {"seconds": "s", "loss": "nat", "epochs": "epochs", **dict.fromkeys(FRACTIONS, "fraction")}
COMPLETE = "complete"
SHORT_RUN = "short run, no quality claim"
Record = dict[str, Any]


class RecordError(ValueError):
    """There is no such record, or it is not whole; the message names what there is."""


def make_record(
    name: str,
    command: str,
    recipe: Recipe,
    overrides: dict[str, Any],
    seeds: Sequence[int],
    splits: Splits,
    results: Sequence[Result],
    status: str = COMPLETE,
    best_by: str = "accuracy",
) -> Record:
    """One record of several runs that differ only in the seed.

    Args:
        name: of the record.
        command: that repeats it.
        recipe: with the overrides applied.
        overrides: the fields changed on the command line, by name.
        seeds: one a run.
        splits: the data.
        results: what `fit` gave for each seed.
        status: "complete" or "short run, no quality claim".
        best_by: the task's metric that chose the weights.

    Raises:
        RecordError: the runs were not all made by the same code on the same machine, or the test split gives no score.
    """
    made_by = results[0].environment
    for seed, result in zip(seeds, results, strict=True):
        different = [key for key, value in result.environment.items() if made_by[key] != value and key != "date"]
        if different:
            raise RecordError(
                f"seed {seed} was run with another {' and '.join(different)} than seed {seeds[0]}, "
                "so they make no one record; run all again with --no-resume"
            )
    if f"test_{best_by}" not in results[0].metrics:
        raise RecordError(
            f"the test split has no {best_by}, so there is nothing to record; it needs answers of every task that is learned"
        )
    train, val, test = splits
    return {
        "name": name,
        "title": recipe.title,
        "task": recipe.task,
        "command": command,
        "recipe": recipe.to_dict(),
        "overrides": overrides,
        "best_by": best_by,
        "seeds": list(seeds),
        "data": {
            "name": splits.name,
            "variant": splits.variant,
            "sha256": splits.fingerprint(),
            "n_train": len(train),
            "n_val": len(val),
            "n_test": len(test),
        },
        "metrics": {key: summary(key, [run.metrics[key] for run in results]) for key in results[0].metrics},
        "curves": [curve(run.history) for run in results],
        "params": count_parameters(results[0].model),
        **made_by,
        "status": status,
    }


def headline(record: Record) -> tuple[str, dict[str, Any]]:
    """Name and summary of the metric by which the record is judged: that which chose the weights, on the test split.

    A record from before other tasks than classification existed does not name it; it is the accuracy.
    """
    name = f"test_{record.get('best_by', 'accuracy')}"
    return name, record["metrics"][name]


def params_in_words(record: Record) -> str:
    """``104,231 parameters``; of a pre-training with what they are of, since the encoder that is kept is only one part of it."""
    method = record["recipe"].get("pretraining", {}).get("method")
    counted = {
        "mae": " of encoder and decoder",
        "dino": " of student and teacher, each with its head",
        "contrastive": " of the encoder and its slow copy, with projectors and predictor",
    }
    return f"{record['params']:,} parameters{counted.get(method, '')}"


def unit(name: str) -> str:
    """The unit of a metric, which the last word of its name says: ``test_top5_accuracy`` is a fraction. Empty where it has none."""
    return UNITS.get(name.split("_")[-1], "")


def in_words(name: str, value: float, std: float | None = None, digits: int = 2) -> str:
    """A value of the metric ``name``, and its standard deviation if there is one: ``98.40 % ± 0.20``, ``0.0712 nat``."""
    if (of := unit(name)) == "fraction":
        return f"{100 * value:.{digits}f} %" + (f" ± {100 * std:.{digits}f}" if std is not None else "")
    return f"{value:.4g}" + (f" ± {std:.2g}" if std is not None else "") + f" {of}" * bool(of)


def summary(name: str, values: Sequence[float]) -> dict[str, Any]:
    """Values of all seeds, their mean, and their sample standard deviation (n - 1; None for one seed)."""
    std = statistics.stdev(values) if len(values) > 1 else None
    return {
        "values": list(values),
        "mean": statistics.mean(values),
        "std": std,
        "unit": unit(name),
    }


def curve(history: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """The history of one run by columns, without its times: epoch, train_loss, val_loss, val_accuracy, ..., one number an evaluation."""
    columns = [key for key in history[0] if key in ("epoch", "train_loss") or key.startswith("val_")]
    return {key: [round(row[key], 5) for row in history] for key in columns}


def histories(record: Record) -> list[list[dict[str, float]]]:
    """The curves of a record as histories, one a seed, as `fit` gives them: a row an evaluation. The inverse of `curve`."""
    return [[dict(zip(columns, row)) for row in zip(*columns.values())] for columns in record["curves"]]


def write_record(record: Record, folder: Path | None = None) -> Path:
    """Write a record as NAME.json into the package's `results` (or another folder), whole or not at all."""
    path = (folder or RESULTS) / f"{record['name']}.json"
    text = json.dumps(record, indent=2, ensure_ascii=False)
    # a list of numbers stands in one line
    text = re.sub(r"\[\n[-+\d.,e\s]*\]", lambda numbers: f"[{' '.join(numbers[0][1:-1].split())}]", text)
    write_text(path, text + "\n")
    return path


def read_record(name: str, folder: Path | None = None) -> Record:
    """The committed record of that name, of the package's `results` or another folder. Raises RecordError: there is none, or it is no JSON."""
    path = (folder or RESULTS) / f"{name}.json"
    if not path.is_file():
        known = list_records(folder)
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise RecordError(f"no record {name!r}{hint} (known records: {', '.join(known) or 'none yet'})")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordError(
            f"{path} is not a record: {error}; write it again with the command that makes it, --record {name}"
        ) from error


def list_records(folder: Path | None = None) -> list[str]:
    """The names of all committed records of the package's `results` or another folder."""
    return sorted(path.stem for path in (folder or RESULTS).glob("*.json"))


def check(record: Record) -> list[str]:
    """Whether the record still is what its recipe says: one sentence for each difference, none if it is.

    The recipe file of today, with the record's overrides, must be the recipe that was recorded. A record from before a
    field existed is read with that field's default, which is what its run did.
    """
    try:
        today = load_recipe(record["recipe"]["name"], **record["overrides"]).to_dict()
        then = Recipe.from_dict(record["recipe"]).to_dict()
    except RecipeError as error:
        return [str(error)]
    return [
        f"{field}: {then.get(field)!r} was recorded, the recipe says {today.get(field)!r}"
        for field in sorted({*then, *today})
        if then.get(field) != today.get(field)
    ]
