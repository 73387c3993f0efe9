"""What all tests share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: waiting threads sleep

import pytest

ROOT = Path(__file__).parent.parent

gc.disable()  # what is imported for the tests stays: to search it for garbage again and again takes seconds


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def share_of_the_cores() -> None:
    """Each of pytest-xdist's workers has its share; the process that only hands out the tests does not import torch."""
    import torch

    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    torch.set_num_threads(min(2, max(1, (os.cpu_count() or 1) // workers)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets (``VIT_TEST_DATA``, or ``../shared/data`` beside the checkout); the test is skipped without it."""
    folder = Path(os.environ.get("VIT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there; set VIT_TEST_DATA to a folder with cifar10-jpeg/ and mnist/")
    return folder
