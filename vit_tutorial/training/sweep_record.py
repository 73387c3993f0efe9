"""The record of a sweep: what was compared, on what, and what came out of every run, as JSON beside the records of single recipes.

`vit-tutorial sweep SWEEP --record NAME` writes `results/sweeps/NAME.json`; nobody types one.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vit_tutorial.data import Splits
from vit_tutorial.training.record import RESULTS, Record, RecordError, curve, list_records, read_record, write_record
from vit_tutorial.training.sweep import Sweep, SweepError, load_sweep
from vit_tutorial.training.sweep_runs import DIVERGED, Job, Outcome

SWEEP_RESULTS = RESULTS / "sweeps"


def make_sweep_record(
    name: str,
    command: str,
    sweep: Sweep,
    splits: Splits,
    made: Sequence[tuple[Job, Outcome]],
    best_by: str,
    test: dict[str, list[float]] | None = None,
) -> Record:
    """One record of all runs of a sweep.

    A point has, for each metric, a value a seed, in the order of the seeds and null where a run diverged.

    Args:
        name: of the record.
        command: that repeats it.
        sweep: what was compared.
        splits: the data.
        made: every run with its outcome; none of them failed.
        best_by: the validation metric that the points are chosen by.
        test: of the chosen point, the metrics of the test split, a value a seed; None where it was not opened.

    Raises:
        RecordError: the runs were not all made by the same code on the same machine.
    """
    environments = [outcome.environment for _, outcome in made]
    for (job, _), other in zip(made, environments):
        different = [key for key, value in other.items() if environments[0][key] != value and key != "date"]
        if different:
            raise RecordError(
                f"{job.folder} was run with another {' and '.join(different)} than {made[0][0].folder}, so they make no one record; "
                "remove the sweep's folder and run all again"
            )
    train, val, test_split = splits
    outcomes = {(job.point, job.seed): outcome for job, outcome in made}
    points = []
    for place, point in enumerate(sweep.points(len(train))):
        runs = [outcomes[place, seed] for seed in sweep.seeds]
        steps = point.recipe.epochs * (len(train) // point.recipe.batch_size)
        points.append({"fields": point.fields, "epochs": point.recipe.epochs, "steps": steps, **columns(runs)})
    record = {
        "name": name,
        "title": sweep.title,
        "command": command,
        "sweep": sweep.to_dict(),
        "recipe": sweep.base().to_dict(),
        "best_by": best_by,
        "data": {
            "name": splits.name,
            "variant": splits.variant,
            "sha256": splits.fingerprint(),
            "n_train": len(train),
            "n_val": len(val),
            "n_test": len(test_split),
        },
        "runs": len(made),
        "diverged": sum(outcome.status == DIVERGED for _, outcome in made),
        "cpu_seconds": round(sum(outcome.metrics.get("cpu_seconds", 0.0) for _, outcome in made), 1),
        "points": points,
        **environments[0],
        "date": max(made_on["date"] for made_on in environments),
    }
    record["chosen"] = best_point(record)
    return {**record, "test": test} if test else record


def columns(runs: Sequence[Outcome]) -> dict[str, Any]:
    """The runs of one point by columns: each metric with a value a seed, and a curve a seed; null for a run that diverged."""
    names = next((list(run.metrics) for run in runs if run.metrics), [])
    kept = [name for name in names if name.startswith("val_") or name in ("best_epoch", "cpu_seconds")]
    found: dict[str, Any] = {name: [_short(run.metrics.get(name)) for run in runs] for name in kept}
    return {**found, "curves": [curve(run.history) if run.history else None for run in runs]}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def best_point(record: Record) -> int | None:
    """The place of the point with the best mean on the validation split, of those of which no run diverged; None if all have one.

    It is the one to go on with. That it is better than its neighbours is another claim (`vit_tutorial.metrics.comparison`).
    """
    means = [
        statistics.mean(values) if values and None not in values else -np.inf
        for values in (point.get(f"val_{record['best_by']}", []) for point in record["points"])
    ]
    best = int(np.argmax(means))
    return best if np.isfinite(means[best]) else None


def values(record: Record, metric: str, last: bool = False, **fields: Any) -> np.ndarray:
    """A metric of the one point with these fields: [seeds], NaN where a run diverged.

    Args:
        record: of a sweep.
        metric: as ``val_accuracy``, of the weights that were chosen; with ``last`` of the last evaluation.
        last: take the end of the curve.
        fields: of the point, ``schedule="cosine"``; those that say nothing else may be left out, and a dot is written ``__``.

    Raises:
        KeyError: no point, or more than one, has these fields.
    """
    wanted = {name.replace("__", "."): value for name, value in fields.items()}
    found = [p for p in record["points"] if all(p["fields"].get(name) == value for name, value in wanted.items())]
    if len(found) != 1:
        raise KeyError(
            f"{len(found)} points of {record['name']} have {wanted}; a point has {record['points'][0]['fields']}"
        )
    point = found[0]
    if not last:
        return np.array(point.get(metric, [None] * len(point["curves"])), dtype=float)
    return np.array([np.nan if curve is None else curve[metric][-1] for curve in point["curves"]])


def table(record: Record, metric: str, rows: str, columns: str, last: bool = False) -> np.ndarray:
    """A metric over two swept fields: [values of rows, values of columns, seeds], in the order of the sweep (`axis` gives it).

    Raises:
        KeyError: the points differ in other fields, too.
    """
    return np.array(
        [
            [values(record, metric, last, **{rows: row, columns: column}) for column in axis(record, columns)]
            for row in axis(record, rows)
        ]
    )


def axis(record: Record, field: str) -> list[Any]:
    """The values of a swept field in the order of the sweep, each once."""
    return list(dict.fromkeys(point["fields"][field] for point in record["points"]))


def write_sweep_record(record: Record, folder: Path | None = None) -> Path:
    """Write a record as NAME.json into the package's `results/sweeps` (or another folder), whole or not at all."""
    return write_record(record, folder or SWEEP_RESULTS)


def read_sweep_record(name: str) -> Record:
    """The committed record of a sweep. Raises RecordError: there is none of that name, or it is no JSON."""
    return read_record(name, SWEEP_RESULTS)


def list_sweep_records() -> list[str]:
    """The names of all committed records of sweeps."""
    return list_records(SWEEP_RESULTS)


def check_sweep(record: Record) -> list[str]:
    """Whether the record still is what its sweep says: one sentence for each difference, none if it is."""
    try:
        today = load_sweep(record["sweep"]["name"])
        experiment = today.base().to_dict()
    except SweepError as error:
        return [str(error)]
    found = [(key, record["sweep"].get(key, default), default) for key, default in today.to_dict().items()]
    found += [(f"recipe.{key}", record["recipe"].get(key, value), value) for key, value in experiment.items()]
    return [f"{key}: {then!r} was recorded, the sweep says {now!r}" for key, then, now in found if then != now]
