"""`python -m benchmarks`: measure, print, and with --record keep."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that wait sleep
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

from benchmarks import report
from benchmarks.libraries import cases, compare_libraries
from benchmarks.loading import compare_loading
from benchmarks.options import compare_options
from benchmarks.record import Record, make_record, write_record
from vit_tutorial.device import pick_device


def main(arguments: list[str] | None = None) -> Record:
    """Measure everything and print it; the record is returned, and written if asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a tiny model and few rounds: whether it runs, not how fast it is"
    )
    parser.add_argument("--record", action="store_true", help="write the file that the results page shows")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, help="CPU threads; default: torch's choice")
    options = parser.parse_args(arguments)
    if options.quick and options.record:
        parser.error("--quick measures too little to be kept; leave out --quick or --record")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cudnn.allow_tf32 = False  # float32 is float32, in convolutions as in matrix products
    device = pick_device(options.device)
    start, load = time.perf_counter(), load_average()
    results = []
    for case in cases(device, options.quick):
        for precision in ("fp32",) if device.type == "cpu" else ("fp32", "bf16"):
            tell(f"{case.name}, {precision}")
            results += compare_libraries(case, device, precision)
    tell("choices of a training step")
    choices, left_out = compare_options(device, options.quick)
    tell("loading")
    loading = compare_loading(device, options.quick)
    command = " ".join(["python -m benchmarks", *(sys.argv[1:] if arguments is None else arguments)])
    settings: dict[str, Any] = {
        "tf32": False,
        "optimizer": "AdamW, fused",
        "seconds": round(time.perf_counter() - start),
    }
    settings |= {"load_average": [load, load_average()], "processors": processors()}
    record = make_record(
        device,
        command,
        settings,
        {"libraries": results, "options": choices, "loading": loading, "left_out": left_out},
    )
    print(report.text(record))
    if options.record:
        print(f"\nWritten to {write_record(record).relative_to(Path.cwd())}")
    return record


def load_average() -> float | None:
    """Processes that wanted a processor in the last minute, ours included; None where the system does not say."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def processors() -> int:
    """Processors that this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tell(what: str) -> None:
    """Say on stderr what is being measured."""
    print(f"measuring: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
