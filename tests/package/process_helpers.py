"""The command line in a process of its own, forked from one that has imported it: it begins at once, and is killed as any other.

That `python -m vit_tutorial.cli` is this command line is seen where torchrun starts it (test_training_launch.py), and what it
imports for its help in test_imports.py.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from vit_tutorial.cli import main
from vit_tutorial.training.processes import context


def start(words: list[str], log: Path, environment: Mapping[str, str] | None = None) -> BaseProcess:
    """`vit-tutorial WORDS` with one thread; what it says goes to a file. Its environment is ours and what is given."""
    process: BaseProcess = context().Process(target=_run, args=(words, str(log), {**os.environ, **(environment or {})}))
    process.start()
    return process


def _run(words: list[str], log: str, environment: dict[str, str]) -> None:
    import torch

    os.environ.clear()
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    torch.set_num_threads(1)
    sys.exit(main(words))
