"""Checkpoints: nothing is lost on the way, and nothing is half written."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from training_helpers import tiny_task

from vit_tutorial.training.checkpoint import load_checkpoint, save_checkpoint, write_text
from vit_tutorial.training.state import TrainingState
from vit_tutorial.weights import files

GROUPS = {"model": {"a.weight": torch.randn(3, 2), "b": torch.tensor(1.5)}, "ema": {"a.weight": torch.zeros(3, 2)}}
COUNTERS = {"step": 7, "history": [{"val_loss": 0.1}]}


def stepped_state() -> TrainingState:
    """A state in which the optimiser has a memory."""
    task, recipe = tiny_task()
    state = TrainingState(task.build_model(), recipe)
    inputs, targets = task.prepare(task.splits.train.images[:8], task.splits.train.labels[:8], train=True)
    for step in range(3):
        task.loss(state.model(inputs), targets).backward()
        state.optimizer.step()
        state.ema.update(step)
        state.counters.add_loss(1.0)
    return state


def test_tensors_and_counters_come_back_bit_for_bit(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.safetensors", GROUPS, COUNTERS)
    groups, counters = load_checkpoint(tmp_path / "c.safetensors")
    assert counters == COUNTERS
    assert groups.keys() == GROUPS.keys()
    assert all(torch.equal(groups[g][n], tensor) for g, members in GROUPS.items() for n, tensor in members.items())


def test_a_whole_training_state_comes_back_with_the_optimisers_memory(tmp_path: Path) -> None:
    state = stepped_state()
    state.save(tmp_path / "c.safetensors")
    task, recipe = tiny_task()
    other = TrainingState(task.build_model(), recipe)
    other.load(tmp_path / "c.safetensors")
    assert other.counters == state.counters
    memory, again = (s.optimizer.state_dict()["state"] for s in (state, other))
    assert {n: m.keys() for n, m in memory.items()} == {n: m.keys() for n, m in again.items()}
    assert all(torch.equal(memory[n][key], again[n][key]) for n in memory for key in memory[n])
    for name in ("model", "ema"):
        mine, theirs = (s.model.state_dict() if name == "model" else s.ema.model.state_dict() for s in (state, other))
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_a_cut_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, GROUPS, COUNTERS)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"cannot read .*c\.safetensors: it is cut"):
        load_checkpoint(path)


def test_a_safetensors_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"w": torch.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="no training checkpoint"):
        load_checkpoint(tmp_path / "w.safetensors")


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="it is a pickle"):
        load_checkpoint(tmp_path / "w.safetensors")


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    stepped_state().save(tmp_path / "c.safetensors")
    task, recipe = tiny_task(model__embed_dim=8)
    with pytest.raises(ValueError, match=r"a checkpoint of another model \(size mismatch for cls_token"):
        TrainingState(task.build_model(), recipe).load(tmp_path / "c.safetensors")


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, GROUPS, COUNTERS)
    before = path.read_bytes()

    def full(tensors: object, file: str, metadata: object) -> None:
        Path(file).write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "save_file", full)
    with pytest.raises(OSError, match=r"could not save .*No space left on device.*unchanged.*Free some space"):
        save_checkpoint(path, GROUPS, COUNTERS)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["c.safetensors"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_disk_that_refuses_more_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "c.safetensors"
    save_checkpoint(path, {"model": {"w": torch.zeros(100)}}, {"step": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # the system refuses larger files, as on a full disk
    try:
        with pytest.raises(OSError, match="could not save"):
            save_checkpoint(path, {"model": {"w": torch.zeros(100_000)}}, {"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert load_checkpoint(path)[1] == {"step": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_text_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.jsonl"
    write_text(path, "old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match=r"cannot write .*No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
