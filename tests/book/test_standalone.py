"""A notebook opened alone, as on Colab: no checkout, only PyTorch and plotting there. It installs the package and runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from book.setup_cell import notebooks

ROOT = Path(__file__).parent.parent.parent
THERE = (
    "torch",
    "torchvision",
    "matplotlib",
    "ipywidgets",
    "ipykernel",
    "nbclient",
)  # what Colab has, and what runs a notebook
NOT_THERE = "safetensors"  # a dependency of ours that is not among them: the notebook must install it
RUN = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


def with_dependencies(names: tuple[str, ...]) -> set[str]:
    """The installed distributions that these ones need, themselves included."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found.add(name)
        needed = (Requirement(text) for text in requires)
        left += [need.name for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def link_packages(names: set[str], folder: Path) -> None:
    """Link the files of distributions into a folder, instead of installing gigabytes again."""
    folder.mkdir()
    for name in names:
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            source = Path(str(package.locate_file(top)))
            if source.exists() and source.suffix != ".pth" and not (folder / top).exists():
                (folder / top).symlink_to(source)


def build_wheel(folder: Path) -> Path:
    """A wheel of the project, built from a copy so that the checkout stays clean."""
    copy = folder / "source"
    shutil.copytree(ROOT / "vit_tutorial", copy / "vit_tutorial", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(copy)], check=True)
    return next(folder.glob("vit_tutorial-*.whl"))


def pypi_answers(folder: Path) -> bool:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-cache-dir",
        "--timeout",
        "10",
        "--retries",
        "0",
    ]
    return subprocess.run([*pip, "--dest", str(folder), "tqdm"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment with nothing but `THERE`.

    The linked packages lie beside the environment and not in it, so that pip would never uninstall one of them.
    """
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    link_packages(with_dependencies(THERE), folder / "packages")
    python = folder / "venv" / "bin" / "python"
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (Path(purelib) / "there.pth").write_text(f"{folder / 'packages'}\n", encoding="utf-8")
    return python


def environment(**changes: str) -> dict[str, str]:
    """Of a reader: no path to the checkout, no kernels of another environment."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "JUPYTER_PATH", "VIT_TUTORIAL_SOURCE", "VIT_BOOK_BUILD")
    return {**{name: value for name, value in os.environ.items() if name not in hidden}, **changes}


@pytest.mark.slow
def test_the_bare_environment_lacks_the_package(bare_python: Path, tmp_path: Path) -> None:
    code = f"import torch, torchvision, matplotlib, ipywidgets; import importlib.util as u; print([u.find_spec(n) for n in ('vit_tutorial', '{NOT_THERE}')])"
    done = subprocess.run([bare_python, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.stdout.strip() == "[None, None]", done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not notebooks(), reason="there is no notebook yet")
def test_a_notebook_opened_alone_installs_the_package_and_runs(bare_python: Path, tmp_path: Path) -> None:
    if not pypi_answers(tmp_path / "probe"):
        pytest.skip("PyPI does not answer: a notebook opened alone has to download the package's dependencies")
    wheel = build_wheel(tmp_path)
    alone = tmp_path / "alone"
    alone.mkdir()
    notebook = shutil.copy(notebooks()[0], alone)
    variables = environment(
        VIT_TUTORIAL_SOURCE=str(wheel), JUPYTER_DATA_DIR=str(tmp_path / "jupyter"), IPYTHONDIR=str(tmp_path / "ipython")
    )
    done = subprocess.run([bare_python, "-c", RUN, notebook], cwd=alone, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    asked = subprocess.run(
        [bare_python, "-c", "import vit_tutorial; print(vit_tutorial.__file__)"],
        cwd=alone,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert str(bare_python.parent.parent) in asked.stdout, asked.stderr
