"""Several processes that divide a model (FSDP2): the result of one process, checkpoints for any number, and one that is killed."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from process_helpers import join, launch, train
from training_helpers import as_options

from vit_tutorial.cli import main
from vit_tutorial.training import RunFolder
from vit_tutorial.weights import load_model, read_safetensors

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(torch.__version__ < "2.9", reason="checkpoints of parts are safetensors from 2.9 on"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs gloo and SIGKILL"),
]
# 6 steps of 150 images an epoch, which 1, 2 and 3 processes can share; the gradient is clipped, and added up in two parts
COMMON: dict[str, Any] = dict(  # noqa: C408
    epochs=2, batch_size=150, threads=1, shift=0, rotate=0, ema_decay=0.9, clip_grad=0.5, micro_batch=50, lr=1e-3
)


def options(**changes: Any) -> list[str]:
    return as_options(**{**COMMON, **changes})


def train_here(out: Path, options: list[str]) -> None:
    threads = torch.get_num_threads()
    try:
        assert main(["train", "digits", *options, "--out", str(out), "--quiet"]) == 0
    finally:
        torch.set_num_threads(threads)


def history(out: Path) -> list[dict[str, float]]:
    result = RunFolder(out / "seed-0").read_result()
    assert result is not None
    return result["history"]


def assert_same_run(one: Path, other: Path) -> None:
    for mine, theirs in zip(history(one), history(other), strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], abs=1e-5)
        assert mine["val_loss"] == pytest.approx(theirs["val_loss"], abs=1e-5)


def weights(out: Path) -> dict[str, torch.Tensor]:
    return read_safetensors(out / "seed-0" / "model.safetensors")[0]


@pytest.fixture(scope="module")
def of_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("one")
    train_here(out, options())
    return out


def test_one_process_is_two_whether_they_divide_the_model_or_not(of_one: Path, tmp_path: Path) -> None:
    for name, shard in (("whole", "false"), ("divided", "true")):
        said = join(launch(2, train, options(shard=shard), tmp_path / name, log=tmp_path / "log"), tmp_path / "log")
        assert ("FSDP2" if shard == "true" else "DDP") in said[0]
        assert "of every batch of 150 images each takes 75" in said[0]
        assert said[1] == ""  # only the first one speaks
        assert_same_run(of_one, tmp_path / name)
    assert not (tmp_path / "divided" / "seed-0" / "checkpoint.safetensors").exists()
    model = load_model(tmp_path / "divided" / "seed-0" / "model.safetensors")  # a plain file, whole
    assert model(torch.zeros(1, 1, 8, 8)).shape == (1, 10)
