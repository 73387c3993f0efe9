"""Checkpoints: one safetensors file with the weights, their average, the optimiser's state and the counters.

Nothing is pickled: the tensors are safetensors, the rest is JSON in that file's metadata. A checkpoint is written
beside the old one, flushed to the disk and renamed over it, so whenever the process dies, one whole file is there.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vit_tutorial.weights import read_safetensors, write_safetensors

FORMAT = "vit_tutorial checkpoint 1"
Tensors = dict[str, Tensor]


def save_checkpoint(path: Path, groups: dict[str, Tensors], state: dict[str, Any]) -> None:
    """Write groups of tensors ("model", "optimizer", ...) and JSON-able counters as one file, whole or not at all.

    Raises:
        OSError: the disk is full or cannot be written; the checkpoint that was at `path` is untouched.
    """
    write_safetensors(path, named(groups), {"format": FORMAT, "state": json.dumps(state)})


def load_checkpoint(path: Path) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """Read what `save_checkpoint` wrote: (groups of tensors on the CPU, counters).

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is cut, damaged, or not a checkpoint of this package.
    """
    tensors, metadata = read_safetensors(path)
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} is no training checkpoint (its format is {metadata.get('format')!r}, expected {FORMAT!r}); "
            "choose another --out, or start afresh with --no-resume"
        )
    return grouped(tensors), json.loads(metadata["state"])


def named(groups: dict[str, Tensors]) -> Tensors:
    """Groups of tensors as one flat dict: "model/head.bias"."""
    return {f"{group}/{name}": tensor for group, members in groups.items() for name, tensor in members.items()}


def grouped(tensors: Tensors) -> dict[str, Tensors]:
    """The inverse of `named`."""
    groups: dict[str, Tensors] = {}
    for key, tensor in tensors.items():
        group, name = key.split("/", 1)
        groups.setdefault(group, {})[name] = tensor
    return groups


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    """The optimiser's memory as a flat dict: "3/exp_avg" is the first moment of the parameter with number 3."""
    states = optimizer.state_dict()["state"]
    return {f"{number}/{name}": value for number, state in states.items() for name, value in state.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Put what `optimizer_tensors` gave into an optimiser of the same model."""
    states: dict[int, Tensors] = {}
    for key, value in tensors.items():
        number, name = key.split("/", 1)
        states.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def write_text(path: Path, text: str) -> None:
    """Write a small text file, whole or not at all.

    Raises:
        OSError: it cannot be written; the file that was at `path` is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error}; free some space or choose another folder") from error
    finally:
        temporary.unlink(missing_ok=True)
