"""Writing tar shards in the WebDataset layout from a folder of images."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .packed import ImageFile
from .scan import scan
from .shards import CLASS_NAMES

SHUFFLE_SEED = 22  # of the order in which images are packed; not a training seed


def write_shards(
    root: str | Path, to: str | Path, per_shard: int = 1000, shuffle: bool = True, progress: bool | None = None
) -> list[Path]:
    """Pack a folder of images into TO/000000.tar, ..., or TO/train/000000.tar, ... where it has splits.

    The files go in as they are, byte for byte, each with a number in the folder's order as the beginning of its key, and with its class's
    number: clip/0000012-frame_1.jpg and clip/0000012-frame_1.cls. Class names stand in TO/classnames.txt.

    Args:
        root: a folder as `image_folder` reads it.
        to: a folder that is not there yet, or is empty.
        per_shard: images a shard. A shard of some 100 MB to 1 GB suits disks and networks.
        shuffle: pack them in random order, so that whoever reads a shard from its start meets all classes.

    Returns:
        The shards.

    Raises:
        FileExistsError: TO holds something. ValueError: per_shard below 1, or as `scan`.
    """
    root, to = Path(root).expanduser(), Path(to).expanduser()
    if per_shard < 1:
        raise ValueError(f"a shard holds at least 1 image, got --per-shard {per_shard}")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise FileExistsError(f"{to} is there and not empty; remove it, or give another --to")
    found, _ = scan(root)
    classes = list(found.get("train", found.get("all", {})))
    total = sum(len(files) for by_class in found.values() for files in by_class.values())
    written, number, digits = [], 0, len(str(total))
    hide = None if progress is None else not progress
    with tqdm(total=total, desc="pack", unit="image", disable=hide) as bar:
        for part, by_class in found.items():
            folder = to if part == "all" else to / part
            folder.mkdir(parents=True, exist_ok=True)
            depth = 1 if part == "all" else 2
            items = [(label, file) for label, name in enumerate(classes) for file in by_class.get(name, [])]
            order = np.random.RandomState(SHUFFLE_SEED).permutation(len(items)) if shuffle else np.arange(len(items))
            for start in range(0, len(items), per_shard):
                shard = folder / f"{start // per_shard:06d}.tar"
                with tarfile.open(shard, "w", format=tarfile.PAX_FORMAT) as archive:
                    for i in order[start : start + per_shard].tolist():
                        label, file = items[i]
                        key = key_of(file, root, depth, number + i, digits)
                        _add(archive, f"{key}{file.suffix.lower()}", file.read_bytes())
                        _add(archive, f"{key}.cls", str(label).encode())
                        bar.update()
                written.append(shard)
            number += len(items)
    (to / CLASS_NAMES).write_text("".join(f"{name}\n" for name in classes), "utf-8")
    return written


def key_of(file: ImageFile, root: Path, depth: int, number: int, digits: int) -> str:
    """The key of a file: its folders below its class, its number, its name without what a key or a file system trips over."""
    inner = file.relative_to(root).parts[depth:-1]
    plain = re.sub(r"[^\w-]+", "_", file.stem.encode("utf-8", "replace").decode())
    return "/".join([*inner, f"{number:0{digits}d}-{plain}"])


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))
