"""The cache of executed notebooks, from which the book is built.

Two fill it: ``make test-notebooks`` (nbval_keeps.py) and the build itself, with what it does not find (extension/execution.py). It lies
in a folder whose name is the state of the package, so that after a change there every notebook runs again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from filelock import FileLock
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat import NotebookNode


def fingerprint(*folders: Path) -> str:
    """The first 12 hexadecimal digits of a SHA-256 over every file in the folders, names and contents."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc"):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def cache_folder(root: Path) -> Path:
    """The cache of this state of the package."""
    return root / "_build" / "notebooks" / fingerprint(root / "vit_tutorial")


def keep(folder: Path, path: Path, notebook: NotebookNode, seconds: float) -> None:
    """Put an executed notebook into the cache, without the state of its widgets, which pages without a kernel cannot show."""
    notebook.metadata.pop("widgets", None)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / "lock"):  # of several processes one at a time writes
        bundle = CacheBundleIn(notebook, str(path), data={"execution_seconds": seconds})
        get_cache(folder).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
