"""Tar shards in the WebDataset layout as a data set, for sets larger than memory: `shards("photos-shards", img_size=64)`.

The tars are indexed once; after that every image can be read by itself, so order, split, resume and checks are those of a folder
of images (`image_folder`), whatever shard an image is in.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_tutorial.patches import pair

from .dataset import Splits
from .decode import WHITE
from .files import IMAGE_SUFFIXES, listed, printable
from .folder import Reading
from .image_folder import cut_and_build
from .layout import SPLIT_NAMES
from .packed import check_classes
from .scan import FolderReport
from .tar_members import BadShard, Place, ShardImage, places

CLASS_NAMES = "classnames.txt"  # one name a line, beside the shards, as published WebDatasets have it
LABEL_FIELDS = ("label", "cls", "class", "class_name")  # of a .json
Found = dict[str, dict[str, list[ShardImage]]]


def shards(
    root: str | Path,
    img_size: int | tuple[int, int],
    on_bad: str = "stop",
    on_leak: str = "stop",
    *,
    channels: int = 3,
    background: tuple[int, int, int] = WHITE,
    memory_budget: int = 2**30,
    check: bool = True,
    threads: int | None = None,
    progress: bool | None = None,
    split: str = "hash",
    group_by: str = "",
    value_range: str | tuple[int, int] = "auto",
    labelled: bool = True,
) -> Splits:
    """Read ROOT/*.tar: of each key an image (KEY.jpg) and its class (KEY.cls, or a field "label" of KEY.json).

    Shards in ROOT/train, ROOT/val and ROOT/test, or with names that begin so (train-000000.tar), are those splits; what is not there is
    cut by contents. A key is a member's name up to the first dot behind the last slash. A label is a number, whose name stands in that line of
    classnames.txt if there is one, or a name. Items are ordered by class and then by key, not by shard.

    Args:
        labelled: False for pre-training: no label is asked for.
        The others: see `image_folder`, which reads its files in the same way.

    Returns:
        `Splits`; images that need more than `memory_budget` once decoded stay in the shards and are read when they are asked for.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such folder.
        BadShard (a ValueError): no shards; a damaged or compressed one; two with the same keys; a key without image or label, or
            with two; labels of two kinds; a class number without a name.
        BadImages, LeakedImages, ValueError: see `image_folder`.
    """
    root = Path(root).expanduser()
    how = Reading(
        pair(img_size), channels, background, value_range, on_bad, on_leak, memory_budget, check, threads, progress
    )
    found, classes, report = scan_shards(root, labelled)
    return cut_and_build(root, found, classes, report, how, "shards", split=split, group_by=group_by)


@dataclass(frozen=True)
class Sample:
    """What the shards have of one key."""

    key: str
    shard: Path
    number: int  # of the shard
    image: Place
    label: int | str | None


def scan_shards(root: Path, labelled: bool = True) -> tuple[Found, list[str], FolderReport]:
    """{split: {class: images}}, the class names, and what was found. Raises as `shards`."""
    report = FolderReport(root=root)
    by_split = shard_files(root)
    names = class_names(root, by_split)
    samples: dict[str, list[Sample]] = {}
    number = 0
    for part, files in by_split.items():
        samples[part] = []
        seen: dict[int, Path] = {}
        for file in files:
            here = list(read_shard(file, number, report, labelled))
            table = hash(tuple((s.key, s.image.size) for s in here))
            if here and table in seen:
                raise BadShard(f"{file} and {seen[table]} hold the same keys and sizes; remove the copy")
            seen[table] = file
            samples[part] += here
            number += 1
    if not any(samples.values()):
        raise BadShard(f"the {number} shard(s) of {root} hold no image ({report}); expected KEY.jpg and KEY.cls")
    classes, of = name_labels([s for part in samples.values() for s in part], names, labelled)
    found: Found = {}
    for part, some in samples.items():
        found[part] = defaultdict(list)
        for s in sorted(some, key=lambda s: (s.key.rpartition("/")[2], s.key, s.number)):
            cls = of(s)
            path = f"{'' if part == 'all' else part + '/'}{cls.replace('/', '_')}/{s.key}{Path(s.image.name).suffix}"
            image = ShardImage(path, s.key, s.shard, s.number, s.image.offset, s.image.size)
            found[part][cls].append(image)
        found[part] = {cls: found[part][cls] for cls in classes if cls in found[part]}
    check_classes(root, found, classes, labelled)
    report.images = sum(map(len, samples.values()))
    report.notes.append(f"{number:,} shard(s)")
    return found, classes, report


def shard_files(root: Path) -> dict[str, list[Path]]:
    """The shards of each split, or of "all", sorted by name."""
    if not root.exists():
        raise FileNotFoundError(f"{root.absolute()} does not exist; give the folder that holds the *.tar shards")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; give the folder that holds it and the other shards")
    by_split: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(f for f in root.rglob("*") if f.suffix.lower() == ".tar" and not f.name.startswith(".")):
        inner = file.relative_to(root).parts[0].lower()
        start = re.match(r"[a-z]*", file.name.lower())
        by_split[SPLIT_NAMES.get(inner) or SPLIT_NAMES.get(start[0] if start else "") or "all"].append(file)
    if not by_split:
        packed = [
            f.name for f in root.rglob("*") if f.name.lower().endswith((".tar.gz", ".tgz", ".tar.zst", ".tar.bz2"))
        ]
        hint = (
            f": unpack {listed(packed, 3)} to .tar first (gunzip), since a compressed tar is read from its start only"
        )
        raise BadShard(
            f"no *.tar in {root}" + (hint if packed else "; vit-tutorial shards FOLDER --to OUT writes them")
        )
    if "all" in by_split and len(by_split) > 1:
        other = next(part for part in by_split if part != "all")
        raise BadShard(
            f"{by_split['all'][0]} belongs to no split, and {by_split[other][0]} to {other}; put each into train, val or test, or all into one folder"
        )
    if "all" not in by_split and "train" not in by_split:
        raise BadShard(f"{root} has shards for {listed([*by_split])}, and none for train; add them")
    return {part: by_split[part] for part in ("all", "train", "val", "test") if part in by_split}


def class_names(root: Path, by_split: dict[str, list[Path]]) -> list[str] | None:
    """The lines of classnames.txt in `root` or beside the shards; None if there is none."""
    folders = [root, *sorted({file.parent for files in by_split.values() for file in files} - {root})]
    known = {
        f / CLASS_NAMES: (f / CLASS_NAMES).read_text("utf-8").splitlines()
        for f in folders
        if (f / CLASS_NAMES).is_file()
    }
    if not known:
        return None
    (first, names), *others = known.items()
    for file, other in others:
        if other != names:
            raise BadShard(
                f"{first} and {file} name different classes, or in another order ({listed(sorted({*names} ^ {*other}) or other)}); "
                "give all shards one list"
            )
    if "" in names or len({*names}) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1 or not name})
        raise BadShard(
            f"{first} has an empty line, or a name twice ({listed(list(map(repr, twice)))}); write one class a line"
        )
    return names


def read_shard(shard: Path, number: int, report: FolderReport, labelled: bool = True) -> Iterator[Sample]:
    """The samples of one shard, each with its image's place and its label as it is written."""
    by_key: dict[str, dict[str, Place]] = defaultdict(dict)
    for place in places(shard):
        folder, slash, name = place.name.rpartition("/")
        stem, _, suffix = name.partition(".")
        if not stem:  # ._photo.jpg and .DS_Store, of a Mac
            report.hidden += 1
            continue
        key, suffix = printable(folder + slash + stem).removeprefix("./"), f".{suffix.lower()}"
        if suffix in by_key[key]:
            what = "two labels" if suffix == ".cls" else f"two members {suffix}"
            raise BadShard(f"key {key!r} in {shard} has {what}; give each image a key of its own")
        by_key[key][suffix] = place
    with open(shard, "rb") as file:
        for key, parts in by_key.items():
            images = [suffix for suffix in parts if suffix in IMAGE_SUFFIXES]
            labels = [suffix for suffix in parts if suffix in (".cls", ".json")]
            if not images:
                if not labels and all("." not in suffix[1:] for suffix in parts):
                    report.not_images.update(parts.keys())  # a text or an index that belongs to no image
                    continue
                odd = next((suffix for suffix in parts if Path(suffix).suffix in IMAGE_SUFFIXES), "")
                raise BadShard(
                    f"key {key!r} in {shard} has {listed([*parts])} and no image; "
                    + (DOTS if odd else "add it, or remove the rest")
                )
            if len(images) > 1:
                raise BadShard(
                    f"key {key!r} in {shard} has two images, {listed(images)}; a class belongs to one: give each a key and a label"
                )
            report.not_images.update(suffix for suffix in parts if suffix not in images + labels)
            read = {}
            for suffix in labels:
                file.seek(parts[suffix].offset)
                read[suffix] = as_label(file.read(parts[suffix].size), suffix, f"{key}{suffix} in {shard}")
            said = {value for value in read.values() if value is not None}
            if len({str(value) for value in said}) > 1:
                raise BadShard(
                    f"key {key!r} in {shard} has two labels, {listed([f'{s[1:]} {v!r}' for s, v in read.items()])}; keep the right one"
                )
            if labelled and not said:
                raise BadShard(
                    f'key {key!r} in {shard} has no label; add {key}.cls with its class, or a field "label" in {key}.json'
                )
            yield Sample(key, shard, number, parts[images[0]], said.pop() if said else None)


DOTS = "a key ends at the first dot of a file's name, so write names without dots (vit-tutorial shards does)"


def as_label(content: bytes, suffix: str, where: str) -> int | str | None:
    """A class number or name; None where a .json says none."""
    try:
        text = content.decode("utf-8").strip()
        value: Any = text
        if suffix == ".json":
            fields = json.loads(text)
            value = (
                next((fields[name] for name in LABEL_FIELDS if name in fields), None)
                if isinstance(fields, dict)
                else None
            )
            if value is None:
                return None
    except ValueError as error:
        raise BadShard(f"{where} is no {'JSON' if suffix == '.json' else 'text'} ({error}); write it anew") from error
    if isinstance(value, bool) or not isinstance(value, (int, str)) or value == "":
        raise BadShard(f"{where} says the label {value!r}; it must be a number or a name")
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        value = int(value)
    if isinstance(value, int) and value < 0:
        raise BadShard(f"{where} says {value}, which stands for no label; leave such images out, or pre-train on them")
    return value


def name_labels(samples: list[Sample], names: list[str] | None, labelled: bool) -> tuple[list[str], Any]:
    """The class names, in the order of their numbers, and a function from a sample to its class's name."""
    if not labelled:
        return ["images"], lambda sample: "images"
    kinds: dict[type, Sample] = {}
    for s in samples:
        kinds.setdefault(type(s.label), s)
    if len(kinds) > 1:
        shown = [f"{s.label!r} of {s.key} in {s.shard.name}" for s in kinds.values()]
        raise BadShard(f"labels are numbers and names: {listed(shown)}; write all in one way")
    if str in kinds:
        unknown = sorted({str(s.label) for s in samples} - {*(names or [])}) if names is not None else []
        if unknown:
            raise BadShard(f"{CLASS_NAMES} does not name the class {listed(unknown)}; add it")
        return names or sorted({str(s.label) for s in samples}), lambda sample: sample.label
    numbers = sorted({int(s.label) for s in samples if s.label is not None})
    if names is None:
        return [str(n) for n in numbers], lambda sample: str(sample.label)
    if numbers[-1] >= len(names):
        odd = next(s for s in samples if s.label == numbers[-1])
        raise BadShard(
            f"{odd.key} in {odd.shard} has the class {numbers[-1]}, but {CLASS_NAMES} names {len(names)}, 0 to {len(names) - 1}; add its name"
        )
    return names, lambda sample: names[sample.label]
