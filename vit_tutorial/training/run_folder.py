"""The folder of one run: what is in it, and whether a new run may go on in it.

run.json                recipe, seed and data of the run, and what else it reads until its end, such as a teacher
split.json              of a folder of images, which of them the run has for what (see `RememberedSplit`)
checkpoint.safetensors  everything needed to go on
checkpoint/             the same, of a run that is divided among processes (see `sharding.py`)
model.safetensors       the weights chosen on the validation split, with config, classes, mean and std
history.jsonl           one line an evaluation
tensorboard/            the same, and every step, for TensorBoard
result.json             the final metrics; there only when the run is finished
.lock                   held by the process that works here; it ends with the process, however that ends
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vit_tutorial.data import RememberedSplit
from vit_tutorial.training.checkpoint import write_text
from vit_tutorial.training.recipe import Recipe


class RunFolderError(ValueError):
    """The folder holds a run of another recipe, seed or data; the message says what differs."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep every other process out of a folder in which runs are made.

    Raises:
        RunFolderError: another process works there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunFolderError(
            f"another process trains in {folder} at this moment; wait for it, stop it, or choose another --out"
        ) from None
    try:
        yield
    finally:
        lock.release()


class RunFolder:
    """Paths of a run's files. `open` prepares the folder for a new run or for going on with the old one."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.description = self.path / "run.json"
        self.split = self.path / "split.json"
        self.checkpoint = self.path / "checkpoint.safetensors"
        self.parts = self.path / "checkpoint"
        self.model = self.path / "model.safetensors"
        self.history = self.path / "history.jsonl"
        self.result = self.path / "result.json"
        self.tensorboard = self.path / "tensorboard"

    @property
    def latest(self) -> Path | None:
        """The checkpoint to go on from, if there is one: the file, or the newest folder of parts."""
        parts = max(self.parts.glob("step-*"), default=None)
        return parts or (self.checkpoint if self.checkpoint.exists() else None)

    def open(
        self,
        recipe: Recipe,
        seed: int,
        data_sha256: str,
        resume: bool,
        split: RememberedSplit | None = None,
        sources: dict[str, str] | None = None,
    ) -> None:
        """Check that a run of the same recipe, seed, data and sources (see `Task.sources`) is here, or none; with resume=False remove what is here.

        Raises:
            RunFolderError: another run is here.
        """
        wanted = {"recipe": recipe.to_dict(), "seed": seed, "data_sha256": data_sha256, "sources": sources or {}}
        if not resume:
            self.clear()
        if self.description.exists() and (self.latest or self.result.exists()):
            there = json.loads(self.description.read_text(encoding="utf-8"))
            there["recipe"] = {
                **Recipe(recipe.name).to_dict(),
                **there["recipe"],
            }  # a field newer than the run: its default
            differences = _differences(there, wanted, recipe, self._changes(split))
            if differences:
                raise RunFolderError(
                    f"{self.path} holds another run: {'; '.join(differences)}. "
                    "Choose another --out, or start afresh with --no-resume"
                )
        write_text(self.description, json.dumps(wanted, indent=2) + "\n")
        if split is not None:
            write_text(self.split, json.dumps(split.to_dict(), indent=1) + "\n")

    def _changes(self, split: RememberedSplit | None) -> str:
        """In words how the images of today differ from those of the run that is here, if it remembers them."""
        if split is None or not self.split.exists():
            return ""
        return RememberedSplit.from_dict(json.loads(self.split.read_text(encoding="utf-8"))).changes(split)

    def forget(self, checkpoint: Path) -> None:
        """Remove one of the two forms of a checkpoint, the file or the folder, if it is there."""
        shutil.rmtree(checkpoint) if checkpoint.is_dir() else checkpoint.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the files of a run, and nothing else."""
        for file in (self.description, self.split, self.checkpoint, self.model, self.history, self.result):
            file.unlink(missing_ok=True)
        self.forget(self.parts)
        shutil.rmtree(self.tensorboard, ignore_errors=True)

    def read_result(self) -> dict[str, Any] | None:
        """The final metrics and history, or None while the run is not finished."""
        return json.loads(self.result.read_text(encoding="utf-8")) if self.result.exists() else None


def _differences(there: dict[str, Any], wanted: dict[str, Any], recipe: Recipe, changes: str) -> list[str]:
    found = [
        f"{key} is {there['recipe'][key]!r} there and {value!r} now"
        for key, value in recipe.experiment().items()
        if there["recipe"][key] != value
    ]
    if there["seed"] != wanted["seed"]:
        found.append(f"seed is {there['seed']} there and {wanted['seed']} now")
    if there["data_sha256"] != wanted["data_sha256"]:
        found.append(f"the data's contents are not the same as then{f' ({changes})' * bool(changes)}")
    then = there.get("sources", {})
    found += [
        f"the {name}'s file is not the one of then"
        for name in wanted["sources"]
        if then.get(name, wanted["sources"][name]) != wanted["sources"][name]
    ]
    return found
