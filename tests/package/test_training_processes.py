"""Real processes: one that is killed with SIGKILL and resumed, and two that train together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch
from process_helpers import start
from training_helpers import as_options, tiny_task

from vit_tutorial.cli import main
from vit_tutorial.data import digits
from vit_tutorial.tasks import Classification
from vit_tutorial.training import Recipe, load_recipe, predict
from vit_tutorial.training.checkpoint import load_checkpoint
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import count_steps, training_batches
from vit_tutorial.weights import load_model

STEPS_PER_EPOCH = 4  # 1,078 images in batches of 256
EPOCHS = 20  # of the run that is killed: long enough to be found in its middle


def words(out: Path, options: list[str]) -> list[str]:
    return ["train", "digits", *options, "--out", str(out)]


def train_here(out: Path, options: list[str]) -> None:
    """The same run in this process, which has imported everything already."""
    threads = torch.get_num_threads()
    try:
        assert main(words(out, options)) == 0
    finally:
        torch.set_num_threads(threads)  # the run has set its own


def wait_until_mid_epoch(checkpoint: Path, process: BaseProcess, log: Path) -> int:
    """The step of the first checkpoint after the second epoch that lies inside an epoch."""
    while process.is_alive():
        if checkpoint.exists():
            step = load_checkpoint(checkpoint)[1]["step"]
            if step > 2 * STEPS_PER_EPOCH and step % STEPS_PER_EPOCH:
                return step
        time.sleep(0.01)
    pytest.fail(f"the run ended before it could be killed: {log.read_text()}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_run_killed_in_mid_epoch_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = as_options(
        epochs=EPOCHS, threads=1, checkpoint_every_steps=3, rotate=15, mixup=0.2, model__drop_path_rate=0.1
    )
    log = tmp_path / "log.txt"
    killed = start(words(tmp_path / "cut", options), log)
    cut = tmp_path / "cut" / "seed-0" / "checkpoint.safetensors"
    wait_until_mid_epoch(cut, killed, log)
    killed.kill()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    step = load_checkpoint(cut)[1]["step"]
    assert step < EPOCHS * STEPS_PER_EPOCH
    assert not (cut.parent / "result.json").exists()

    train_here(tmp_path / "cut", options)
    assert "from its checkpoint" in capfd.readouterr().out
    train_here(tmp_path / "whole", options)
    whole = load_checkpoint(tmp_path / "whole" / "seed-0" / "checkpoint.safetensors")[0]
    again = load_checkpoint(cut)[0]
    for group, tensors in whole.items():
        assert all(torch.equal(tensors[name], again[group][name]) for name in tensors), group
    models = [load_model(tmp_path / name / "seed-0" / "model.safetensors").state_dict() for name in ("whole", "cut")]
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])


@pytest.mark.slow
def test_two_processes_give_the_result_of_one(tmp_path: Path) -> None:
    """The same global batches, without augmentation; outputs are compared, as a key bias has no effect but Adam moves it."""
    options = as_options(epochs=3, shift=0, rotate=0, threads=1, ema_decay=0.9)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    two = subprocess.Popen(
        [*torchrun, "-m", "vit_tutorial.cli", *words(tmp_path / "two", options)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    train_here(tmp_path / "one", options)
    output = two.communicate()[0]
    assert two.returncode == 0, output
    assert output.count("validation") == 1  # only one of the two processes speaks
    task = Classification(load_recipe("digits"), splits=digits())
    models = [load_model(tmp_path / name / "seed-0" / "model.safetensors") for name in ("one", "two")]
    of_one, of_two = (predict(task, model, task.splits.val)[0] for model in models)
    torch.testing.assert_close(of_one, of_two, atol=1e-4, rtol=1e-4)
    histories = [
        load_checkpoint(tmp_path / n / "seed-0" / "checkpoint.safetensors")[1]["history"] for n in ("one", "two")
    ]
    for mine, theirs in zip(*histories, strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], abs=1e-5)
        assert mine["val_accuracy"] == theirs["val_accuracy"]


def test_the_processes_shares_are_the_batch_and_nothing_twice() -> None:
    data, recipe = digits().train, Recipe(name="shares", batch_size=64, epochs=1)
    whole = Engine("cpu")
    shares = [Engine("cpu"), Engine("cpu")]
    for rank, engine in enumerate(shares):
        engine.rank, engine.world = rank, 2
    streams = [training_batches(data, recipe, 0, 0, engine) for engine in (whole, *shares)]
    for (step, images, _), (_, first, _), (_, second, _) in zip(*streams, strict=True):
        assert torch.equal(torch.stack([first, second], 1).flatten(0, 1), images), step


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    engine = Engine("cpu")
    engine.world = 3
    task, recipe = tiny_task(batch_size=64)
    with pytest.raises(ValueError, match="batch_size 64 cannot be shared by 3 processes; set batch_size=63"):
        count_steps(task, recipe, engine)


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="device 'tpu' is unknown; choose auto, cpu, cuda or mps"):
        Engine("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match=r"device 'cuda' is not available here; choose one of \['cpu'"):
            Engine("cuda")
