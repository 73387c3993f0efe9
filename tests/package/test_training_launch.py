"""The script for a cluster, run as it stands: two nodes that are both this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_helpers import as_options

from vit_tutorial.training import RunFolder

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "chapters" / "07_environment" / "train_on_slurm.sh"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs bash")

# What a cluster has: names of the nodes, a command that starts its arguments once a node, and torchrun.
STUBS = {
    "scontrol": "echo localhost; echo localhost",
    "srun": '"$@" & first=$!; "$@" & second=$!; wait $first && wait $second',
    "torchrun": f'exec {sys.executable} -m torch.distributed.run "$@"',
}


def test_the_script_is_bash() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(torch.__version__ < "2.9", reason="checkpoints of parts are safetensors from 2.9 on")
def test_the_script_trains_on_two_nodes(tmp_path: Path) -> None:
    for name, content in STUBS.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{content}\n")
        (tmp_path / name).chmod(0o755)
    of_slurm = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_NNODES": "2", "SLURM_JOB_ID": str(os.getpid())}
    options = as_options(epochs=1, batch_size=512, model__depth=1, shard=True, warmup_epochs=0.5)
    words = ["digits", *options, "--out", str(tmp_path / "run"), "--quiet"]
    environment = {**os.environ, **of_slurm, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", str(SCRIPT), *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 processes, each with its part of the model (FSDP2)" in done.stdout
    assert RunFolder(tmp_path / "run" / "seed-0").read_result() is not None
