"""`python -m benchmarks.gpu`: from a CUDA card to records, in a given number of minutes."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that wait sleep
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.gpu import runs, speed
from benchmarks.gpu.runs import Job
from benchmarks.gpu.watch import read_json, run_all, write_json
from benchmarks.record import RECORDS, write_record
from vit_tutorial.data.jpeg_pack import PACKED
from vit_tutorial.data.vision import data_root
from vit_tutorial.training.record import COMPLETE, RESULTS

CARD, SPEED = 60.0, 0.24  # seconds for the first part; share of all for the second
RUNS = 0.85  # share of what is then left for the three seeds, and at most
LONGEST = 400.0  # seconds: a run that is to take six minutes, and what is around it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts, print what came out; 1 where a part failed or was cut off, 2 where there is no card."""
    options = parse(arguments)
    if options.keep:
        return keep(options.keep)
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    # Compiled code is found again by the next process, and by a second try.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str((out / "compiled").resolve()))
    os.environ["VIT_DEVICE"] = options.device  # where "auto", which the recipes say, then is
    end = time.monotonic() + 60 * options.minutes
    summary: dict[str, Any] = read_json(out / "summary.json", {})

    def part(limit: float, jobs: dict[str, tuple[Callable[..., None], Sequence[Any]]]) -> None:
        """Run what is not done yet, and write down at once how it ended."""
        todo = {name: job for name, job in jobs.items() if summary.get(name, {}).get("status") != "done"}
        for name in todo:
            print(f"{name}: at most {limit:.0f} s", flush=True)
            summary[name] = {"status": "began"}
        write_json(out / "summary.json", summary)
        for name, ended in run_all(todo, limit, out).items():
            summary[name] = ended
            print(f"{name}: {ended['status']} after {ended['seconds']} s. {ended.get('message', '')}", flush=True)
        write_json(out / "summary.json", summary)

    part(CARD, {"card": (speed.measure_card, (out, options.device))})
    if summary["card"]["status"] != "done":
        print(
            "There is no card that this torch can use (see above and logs/card.txt). `python -m vit_tutorial.cli doctor` says what torch sees; "
            "`python -m benchmarks` measures a processor."
        )
        return 2
    limit = 60 * options.minutes * SPEED
    part(limit, {"speed": (speed.measure_speed, (out, options.device, 0.9 * limit, options.tiny))})
    cifar10, street = find_cifar10(options.data), find_camvid(options.data)
    if cifar10 is None:
        print("cifar10: left out, CIFAR-10 is not here; name its folder with --data, or set VIT_DATA")
    else:
        limit = min(LONGEST, RUNS * (end - time.monotonic()))
        job = Job(out, 0.97 * limit, cifar10, options.tiny)
        part(limit, {"cifar10": (runs.train_cifar10, (job,))})
    left = end - time.monotonic()
    more: dict[str, tuple[Callable[..., None], Sequence[Any]]] = {}
    if cifar10 is not None:
        more["mae"] = (runs.train_mae, (Job(out, 0.8 * left, cifar10, options.tiny),))
    if street is not None:
        more["camvid"] = (runs.train_camvid, (Job(out, 0.8 * left, street, options.tiny),))
    if left > 20 or options.tiny:
        part(max(left, 60.0) if options.tiny else left, more)
    else:
        print("more: left out, no time is left")
    print(told(out))
    return int(any(entry["status"] != "done" for entry in summary.values()))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=sys.modules["benchmarks.gpu"].__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything together (9)")
    parser.add_argument("--out", type=Path, default=Path("gpu-records"), help="folder of the records (gpu-records)")
    parser.add_argument(
        "--data", type=Path, help="folder with CIFAR-10 and CamVid; default: data/ beside the command, then VIT_DATA"
    )
    parser.add_argument("--device", default="cuda", help="cuda, or cuda:1 for the second card")
    parser.add_argument("--tiny", action="store_true", help="models of a second: whether it runs, not how fast it is")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="take the finished records of FOLDER into this checkout, and do nothing else",
    )
    return parser.parse_args(arguments)


def places(named: Path | None) -> list[Path]:
    """Where data is looked for."""
    beside = Path(__file__).parent.parent.parent / "data"
    return [named] if named is not None else [beside, data_root()]


def find_cifar10(named: Path | None) -> Path | None:
    """The folder that `vit_tutorial.data.cifar10` is to read, or None."""
    wanted = [Path(PACKED), Path("cifar-10-batches-py"), Path("cifar10", "cifar-10-batches-py")]
    return next((place for place in places(named) if any((place / file).exists() for file in wanted)), None)


def find_camvid(named: Path | None) -> Path | None:
    """The folder that `vit_tutorial.data.camvid` is to read, or None."""
    names = ("", "CamVid", "camvid", "camvid-240x180")
    found = (place / name for place in places(named) for name in names)
    return next((f for f in found if (f / "trainannot").is_dir() or (f / "annotations" / "train").is_dir()), None)


def told(out: Path) -> str:
    """What the records say, for a terminal."""
    parts = []
    if (measured := read_json(out / "speed.json")) is not None:
        parts.append(report.text(measured))
    for path in sorted((out / "results").glob("*.json")):
        record = read_json(path)
        metric = record["metrics"][f"test_{record['best_by']}"]
        seconds = record["metrics"]["train_seconds"]["mean"]
        epochs = record["recipe"]["epochs"]
        parts.append(
            f"{record['name']}: test {record['best_by']} {metric['mean']:.4f} ({len(record['seeds'])} seeds, {epochs} epochs, "
            f"{seconds:.0f} s a run, {record['params']:,} parameters; {record['status']})"
        )
    return "\n\n".join(parts)


def keep(folder: Path) -> int:
    """Copy the records of complete runs to where the book reads them."""
    if (measured := read_json(folder / "speed.json")) is not None:
        print(f"written: {write_record(measured, RECORDS)}")
    for path in sorted((folder / "results").glob("*.json")):
        if read_json(path)["status"] == COMPLETE:
            print(f"written: {shutil.copy(path, RESULTS / path.name)}")
        else:
            print(f"left: {path}, whose status is {read_json(path)['status']!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
