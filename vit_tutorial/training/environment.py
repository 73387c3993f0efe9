"""On what a run was made: device, versions, commit and date, for its result and record."""

from __future__ import annotations

import platform
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import torch
import torchvision

PACKAGE = Path(__file__).parent.parent


def environment(device: torch.device) -> dict[str, Any]:
    """What a record says about where its numbers come from."""
    return {
        "device": describe_device(device),
        "versions": versions(),
        "git_commit": git_commit(),
        "date": date.today().isoformat(),
    }


def describe_device(device: torch.device) -> str:
    """For people: "CPU: AMD EPYC, 2 threads" or "GPU: NVIDIA H100"."""
    if device.type == "cuda":
        return f"GPU: {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return f"GPU: Apple {platform.processor()}"
    threads = torch.get_num_threads()
    return f"CPU: {_cpu_name()}, {threads} thread{'s' * (threads != 1)}"


def versions() -> dict[str, str]:
    """Python, torch, torchvision and this package."""
    from vit_tutorial import __version__

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "vit_tutorial": __version__,
    }


def in_checkout() -> bool:
    """Whether the package runs from a checkout of the project, and not from an installed copy."""
    return (PACKAGE.parent / "pyproject.toml").is_file()


def git_commit() -> str | None:
    """The checkout's commit, with "-dirty" if code that a run executes was changed since; None outside a checkout.

    A folder that was made from a checkout to be taken to another machine has it in a file COMMIT.
    """
    if not in_checkout():
        taken_along = PACKAGE.parent / "COMMIT"
        return taken_along.read_text(encoding="utf-8").strip() if taken_along.is_file() else None
    git = ["git", "-C", str(PACKAGE)]
    code = ["*.py", "*.yaml", ":!figures", ":!widgets"]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
        status = subprocess.run(
            [*git, "status", "--porcelain", "--", *code], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return commit.stdout.strip() + "-dirty" * bool(status.stdout) if commit.returncode == 0 else None


def free_memory() -> int | None:
    """Bytes that programs can still have, where the system says so (Linux); None elsewhere."""
    meminfo = Path("/proc/meminfo")
    lines = meminfo.read_text(encoding="utf-8").splitlines() if meminfo.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
