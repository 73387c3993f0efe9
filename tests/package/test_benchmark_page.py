"""The engine's speed beside ONNX Runtime Web: what was recorded, and that a page's processor time is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.page import BROWSERS, MODELS, RECORD, processor_milliseconds, rows

COMMITTED: list[dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))["rows"]
LIMITS = {"digits": 0.55, "photographs": 0.55, "ViT-Tiny-16": 0.6}  # of the engine as it is
WITHOUT_FUSED = 0.8


def test_the_record_has_every_model_in_every_browser() -> None:
    assert [(row["browser"], row["model"]) for row in COMMITTED if row["candidate"] == "engine"] == [
        (browser, model) for browser in BROWSERS for model in MODELS
    ]


@pytest.mark.parametrize("row", COMMITTED, ids=lambda row: f"{row['candidate']}, {row['model']}, {row['browser']}")
def test_the_recorded_engine_keeps_its_limits(row: dict[str, Any]) -> None:
    limit = {"engine": LIMITS[row["model"]], "engine, no fused multiply-add": WITHOUT_FUSED}.get(row["candidate"], 1)
    assert row["ratio"] <= limit
    assert row["logits_differ_by"] < 1e-4


def test_a_row_is_a_ratio_within_rounds_and_the_largest_difference() -> None:
    times = {"ONNX Runtime Web": [2.0, 4.0, 8.0], "engine": [1.0, 2.0, 4.0]}
    logits = {"ONNX Runtime Web": [1.0, 2.0], "engine": [1.0, 2.5]}
    _, row = rows("Chromium", {"model": "digits", "times": times, "logits": logits, "processor": True})
    assert (row["candidate"], row["ratio"], row["median_ms"], row["logits_differ_by"]) == ("engine", 0.5, 2.0, 0.5)


@pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="only Linux tells what a process had of a processor"
)
def test_processor_time_counts_what_a_child_computes_and_not_what_it_waits() -> None:
    program = "import sys, time\nfor line in sys.stdin: exec(line); print('done', flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", program, "--a-page"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None

        def spent(line: str) -> float:
            start = processor_milliseconds(child.pid, "--a-page")
            print(line, file=child.stdin, flush=True)
            assert child.stdout is not None
            assert child.stdout.readline() == "done\n"
            end = processor_milliseconds(child.pid, "--a-page")
            assert start is not None
            assert end is not None
            return end - start

        assert spent("time.sleep(0.2)") < 50
        assert spent("t = time.process_time(); exec('while time.process_time() - t < 0.1: pass')") > 90
        child.stdin.close()
