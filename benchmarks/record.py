"""One file a machine: what was measured, on what, with which versions. Nobody types them; the results page shows them."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).parent / "records"
PEERS = ("timm", "torchvision", "transformers", "vit-pytorch")
Record = dict[str, Any]


def make_record(device: Any, command: str, settings: dict[str, Any], results: dict[str, Any]) -> Record:
    """Device, threads, versions, commit and date, and the results."""
    from importlib.metadata import PackageNotFoundError, version

    import torch

    from vit_tutorial.training.environment import environment

    made_on = environment(device)
    for peer in PEERS:
        with contextlib.suppress(PackageNotFoundError):
            made_on["versions"][peer] = version(peer)
    name = re.sub("[^a-z0-9]+", "-", made_on["device"].lower().replace("(r)", "")).strip("-")
    return {
        "name": name,
        "command": command,
        **made_on,
        "threads": torch.get_num_threads(),
        "settings": settings,
        **results,
    }


def write_record(record: Record, folder: Path = RECORDS) -> Path:
    """Write a record as NAME.json, in place of an older one of the same machine."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{record['name']}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_records(folder: Path = RECORDS) -> list[Record]:
    """All committed records, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
