"""Several processes that divide a model (FSDP2): the result of one process, checkpoints for any number, and one that is killed."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from training_helpers import as_options

from vit_tutorial.cli import main
from vit_tutorial.data import VOID, scene_splits
from vit_tutorial.tasks import Segmentation
from vit_tutorial.training import Recipe, RunFolder
from vit_tutorial.training.engine import Engine
from vit_tutorial.training.loop import backward
from vit_tutorial.training.processes import Worker, in_processes, start
from vit_tutorial.training.state import TrainingState
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import load_model, read_safetensors

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(torch.__version__ < "2.9", reason="checkpoints of parts are safetensors from 2.9 on"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs gloo and SIGKILL"),
]
# 6 steps of 150 images an epoch, which 1, 2 and 3 processes can share; the gradient is clipped, and added up in two parts
COMMON: dict[str, Any] = dict(
    epochs=2, batch_size=150, threads=1, shift=0, rotate=0, ema_decay=0.9, clip_grad=0.5, micro_batch=50, lr=1e-3
)


def options(**changes: Any) -> list[str]:
    return as_options(**{**COMMON, **changes})


def train(options: list[str], out: Path) -> int:
    return main(["train", "digits", *options, "--out", str(out), "--quiet"])


def started(n: int, options: list[str], out: Path) -> list[Worker]:
    """n processes that train, each of which writes what it says to OUT.log.RANK."""
    return start(n, train, options, out, log=f"{out}.log")


def said(workers: list[Worker], out: Path) -> list[str]:
    """What each process has said, when all are done and well."""
    texts = [Path(f"{out}.log.{rank}") for rank, _ in enumerate(workers)]
    assert [worker.result() for worker in workers] == [0] * len(workers), [text.read_text() for text in texts]
    return [text.read_text() for text in texts]


def train_here(out: Path, options: list[str]) -> None:
    threads = torch.get_num_threads()
    try:
        assert train(options, out) == 0
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


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A run of two processes, and what each of them has said."""
    out = tmp_path_factory.mktemp("divided") / "run"
    return out, said(started(2, options(shard=True), out), out)


def test_two_processes_that_divide_a_model_give_the_result_of_one(
    of_one: Path, divided: tuple[Path, list[str]]
) -> None:
    out, (first, second) = divided
    assert "FSDP2" in first
    assert "of every batch of 150 images each takes 75" in first
    assert second == ""  # only the first one speaks
    assert_same_run(of_one, out)
    assert not (out / "seed-0" / "checkpoint.safetensors").exists()
    model = load_model(out / "seed-0" / "model.safetensors")  # a plain file, whole
    assert model(torch.zeros(1, 1, 8, 8)).shape == (1, 10)


def test_two_processes_with_a_whole_model_each_give_the_result_of_one(of_one: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert "DDP" in said(started(2, options(), out), out)[0]
    assert_same_run(of_one, out)


def test_after_a_worker_is_killed_any_number_of_processes_goes_on(
    of_one: Path, divided: tuple[Path, list[str]], tmp_path: Path
) -> None:
    wanted = options(shard=True, checkpoint_every_steps=1)
    workers, log = started(2, wanted, tmp_path / "cut"), tmp_path / "cut.log.0"
    folder = RunFolder(tmp_path / "cut" / "seed-0")
    while folder.latest is None or folder.latest.name < "step-00000004":
        assert all(worker.process.is_alive() for worker in workers), log.read_text()
        time.sleep(0.01)
    workers[1].process.kill()
    assert workers[0].result() == 1
    assert "process 0 of 2" in log.read_text()
    assert "goes on from the last checkpoint" in log.read_text()
    assert folder.read_result() is None
    for n in (1, 2, 3):
        shutil.copytree(tmp_path / "cut", tmp_path / str(n))
    train_here(tmp_path / "1", wanted)
    for n in (2, 3):
        out = tmp_path / str(n)
        assert "from its checkpoint" in said(started(n, wanted, out), out)[0]
    for n in (1, 2, 3):
        assert_same_run(of_one, tmp_path / str(n))
    uninterrupted, resumed = weights(divided[0]), weights(tmp_path / "2")
    assert all(torch.equal(uninterrupted[name], resumed[name]) for name in uninterrupted)


def test_muon_steps_a_divided_matrix_as_a_whole_one() -> None:
    in_processes(2, muon_job)


def muon_job() -> None:
    """In each of two processes: three steps of Muon on a whole and on a divided model, with the same gradients."""
    recipe = Recipe(name="muon", optimizer="muon", lr=1e-2)
    alone, engine = Engine("cpu", threads=1), Engine("cpu", threads=1, shard=True)
    states = []
    for of in (alone, engine):
        torch.manual_seed(0)
        states.append(TrainingState(VisionTransformer(ViTConfig(8, 4, 1, 10, 16, 1, 2)), recipe, of))
    images, labels = torch.randn(8, 1, 8, 8), torch.arange(8)
    for _ in range(3):
        for state in states:
            torch.nn.functional.cross_entropy(state.model(images), labels).backward()
            state.optimizer.step()
            state.optimizer.zero_grad()
    for name, tensor in states[0].model.state_dict().items():
        if name.startswith("blocks") and tensor.ndim == 2:
            torch.testing.assert_close(engine.whole(states[1].model.state_dict()[name]), tensor, atol=1e-4, rtol=1e-3)


def test_shares_are_weighed_and_bfloat16_is_autocast() -> None:
    in_processes(2, gradient_job)


def gradient_job() -> None:
    """In each of two processes: the gradient of a divided and of a whole model is that of one process, also where one share has more void."""
    small = {"patch_size": 4, "embed_dim": 16, "depth": 1, "num_heads": 2}
    recipe = Recipe("scenes", task="segmentation", data="digit_scenes", model=small)
    scenes = Segmentation(recipe, splits=scene_splits((4, 2, 2), size=(16, 24), digits_per_scene=(1, 2), kinds=(0, 1)))
    masks = scenes.splits.train.targets.clone()
    masks[::2, :9] = VOID  # the first process's share
    inputs, targets = scenes.prepare(scenes.splits.train.images, masks, train=False)
    for precision in ("fp32", "bf16"):
        found = []
        for shard in (None, False, True):
            engine = Engine("cpu", precision, threads=1, shard=bool(shard))
            mine = slice(engine.rank, None, engine.world)
            if shard is None:
                engine.world, mine = 1, slice(None)
            torch.manual_seed(0)
            state = TrainingState(scenes.build_model(), scenes.recipe, engine)
            backward(scenes, engine.wrap(state.model), inputs[mine], targets[mine], engine, 1)
            found.append({name: engine.whole(p.grad) for name, p in state.model.named_parameters()})
        alone, with_ddp, divided = found
        for name, expected in alone.items():
            size = expected.abs().max() * (1e-4 if precision == "fp32" else 0.05) + 1e-7
            assert (with_ddp[name] - expected).abs().max() < size, (precision, name)
            assert (divided[name] - expected).abs().max() < size, (precision, name)


def test_a_checkpoint_of_parts_that_lost_a_file_is_refused(
    divided: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(divided[0], tmp_path / "run")
    folder = RunFolder(tmp_path / "run" / "seed-0")
    folder.result.unlink()
    next(folder.latest.glob("shard-00002*")).unlink()  # type: ignore[union-attr]
    assert train(options(shard=True), tmp_path / "run") == 2
    assert "is damaged: shard-00002" in capsys.readouterr().err
