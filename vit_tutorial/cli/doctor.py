"""`vit-tutorial doctor`: what this machine has, what is wrong with it, and what to do about it."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision

from vit_tutorial import data
from vit_tutorial.cli.measure import print_measured
from vit_tutorial.device import pick_device
from vit_tutorial.training.environment import free_memory
from vit_tutorial.vit import VisionTransformer, ViTConfig


@dataclass
class Finding:
    """One line of the report; with a remedy it is a problem."""

    what: str
    found: str
    remedy: str = ""


def diagnose(options: argparse.Namespace) -> int:
    """Print all findings; the exit status is 1 if one of them is a problem."""
    findings = [check_python(), check_torchvision(), *check_packages(), *check_devices(), check_memory()]
    findings += [check_step(device) for device in devices()]
    findings += check_data(options.data)
    for finding in findings:
        print(f"{'problem' if finding.remedy else 'ok':8} {finding.what}: {finding.found}")
        if finding.remedy:
            print(f"{'':8}   -> {finding.remedy}")
    problems = sum(bool(finding.remedy) for finding in findings)
    print(f"{problems} problem{'s' * (problems != 1)}" if problems else "all is well")
    if options.measure:
        print_measured(str(pick_device(options.device)))
    return 1 if problems else 0


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """3.10 to 3.13."""
    wanted = (3, 10) <= version[:2] <= (3, 13)
    remedy = "" if wanted else "use Python 3.10, 3.11, 3.12 or 3.13"
    return Finding("Python", f"{'.'.join(map(str, version))} on {platform.system()} {platform.machine()}", remedy)


def check_torchvision(torch_version: str = torch.__version__, vision_version: str = torchvision.__version__) -> Finding:
    """torch 2.N goes with torchvision 0.(N + 15); another pair fails late and obscurely."""
    major, minor = (int(part) for part in torch_version.split(".")[:2])
    expected = f"0.{minor + 15}" if major == 2 else ""
    fits = not expected or vision_version.startswith(f"{expected}.")
    remedy = (
        "" if fits else f"torch {major}.{minor} goes with torchvision {expected}: pip install torchvision=={expected}.*"
    )
    return Finding("torch and torchvision", f"{torch_version} and {vision_version}", remedy)


def check_packages(names: tuple[str, ...] = ("safetensors", "sklearn", "yaml", "tqdm", "tensorboard")) -> list[Finding]:
    """Packages that training needs and that can be imported."""
    missing = []
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append(Finding(f"package {name}", str(error), "pip install -r requirements.txt"))
    return missing or [Finding("packages", ", ".join(names))]


def devices() -> list[str]:
    """The kinds of device there are."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [name for name, is_there in there.items() if is_there]


def check_devices() -> list[Finding]:
    """Processor and GPUs."""
    findings = [Finding("CPU", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads")]
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        findings.append(Finding(f"GPU {index}", f"{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB"))
    if torch.backends.mps.is_available():
        findings.append(Finding("GPU", "Apple (mps)"))
    if len(findings) == 1:
        findings.append(Finding("GPU", "none; everything runs on the CPU, large recipes slowly"))
    return findings


def check_memory(needed: float = 2 * 2**30) -> Finding:
    """Memory that programs can have, where the system says so (Linux)."""
    free = free_memory()
    if free is None:
        return Finding("memory", "the system does not say")
    remedy = "" if free >= needed else f"close other programs; the recipes want {needed / 2**30:.0f} GiB"
    return Finding("memory", f"{free / 2**30:.1f} GiB free", remedy)


def check_step(device: str) -> Finding:
    """A forward and a backward pass of a small ViT, in fp32 and in bf16."""
    config = ViTConfig(img_size=16, patch_size=4, num_classes=3, embed_dim=32, depth=2, num_heads=2)
    try:
        for precision in (False, True):
            model = VisionTransformer(config).to(device)
            with torch.autocast(device, dtype=torch.bfloat16, enabled=precision):
                loss = model(torch.randn(4, 3, 16, 16, device=device)).logsumexp(1).mean()
            loss.backward()
            if not torch.isfinite(loss):
                raise RuntimeError(f"the loss is {loss.item()}")
    except Exception as error:
        remedy = "install torch for this machine again (pytorch.org/get-started), or train with --device cpu"
        return Finding(f"a training step on {device}", f"failed: {error}", remedy)
    return Finding(f"a training step on {device}", "works in fp32 and bf16")


def check_data(root: Path | None) -> list[Finding]:
    """The data root, the free space there, and which data sets are in it. What is missing is no problem."""
    root = root or data.data_root()
    existing = next(folder for folder in (root, *root.resolve().parents) if folder.is_dir())
    found = f"{root} ({shutil.disk_usage(existing).free / 1e9:.0f} GB free)"
    findings = [Finding("data root", found if root.is_dir() else f"{found}, not there yet")]
    if os.environ.get("VIT_DATA") and not root.is_dir():
        findings[0].remedy = "VIT_DATA names a folder that does not exist; create it or correct the variable"
    loaders: dict[str, Callable[..., data.Splits]] = {
        "mnist": data.mnist,
        "mnist_10k": data.mnist_10k,
        "fashion_mnist": data.fashion_mnist,
        "cifar10": data.cifar10,
    }
    there = ["digits (embedded)"]
    for name, load in loaders.items():
        try:
            load(root)
            there.append(name)
        except FileNotFoundError:
            pass
        except ValueError as error:
            findings.append(Finding(f"data {name}", str(error), "delete the file and get it again"))
    findings.append(Finding("data sets", ", ".join(there)))
    return findings
