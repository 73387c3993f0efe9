"""A Hugging Face data set on the disk, read like a folder of images: `huggingface("beans", img_size=64)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vit_tutorial.patches import pair

from .dataset import Splits
from .decode import WHITE
from .files import listed
from .folder import Reading
from .image_folder import cut_and_build
from .layout import SPLIT_NAMES
from .packed import PackedImage, check_classes
from .scan import FolderReport

IMAGES = ("image", "img", "pixel_values")  # names of columns, the usual ones first
LABELS = ("label", "labels", "fine_label", "class", "target")
INSTALL = "pip install datasets"


class Row(PackedImage):
    """The image in one row of a data set whose image column is not decoded."""

    __slots__ = ("column", "index", "rows", "split")

    def __init__(self, path: str, rows: Any, column: str, index: int, split: str) -> None:
        super().__init__(path)
        self.rows, self.column, self.index, self.split = rows, column, index, split

    def read_bytes(self) -> bytes:
        """The image file as it was put into the data set."""
        cell = self.rows[self.index][self.column]
        if cell is None:
            raise ValueError("the row has no image")
        content: bytes = cell["bytes"] if cell["bytes"] is not None else Path(cell["path"]).read_bytes()
        return content

    def __str__(self) -> str:
        return f"{self.split} row {self.index}"


def huggingface(
    root: str | Path,
    img_size: int | tuple[int, int],
    on_bad: str = "stop",
    on_leak: str = "stop",
    *,
    image_column: str = "",
    label_column: str = "",
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
    """Read what `save_to_disk` wrote, or a folder of Parquet files, through Hugging Face's `datasets`. Nothing is downloaded.

    Its splits train, validation and test are taken by name; what is not there is cut by contents. The image files in it are
    decoded as those of a folder are, the label column's ClassLabel gives the names of the classes.

    Args:
        image_column, label_column: their names; default: the first of `IMAGES` and `LABELS` that is there.
        The others: see `image_folder`.

    Raises:
        ModuleNotFoundError: `datasets` is not installed; the message says how.
        FileNotFoundError: there is no such folder. ValueError: no such column, one of another kind, or an image without label; or as `image_folder`.
    """
    root = Path(root).expanduser()
    how = Reading(
        pair(img_size), channels, background, value_range, on_bad, on_leak, memory_budget, check, threads, progress
    )
    report = FolderReport(root=root)
    found: dict[str, dict[str, list[Row]]] = {}
    classes: list[str] = []
    for name, table in read_tables(root).items():
        part = "all" if name == "all" else SPLIT_NAMES.get(name)
        if part is None:
            report.notes.append(f"the split {name} is not used")
            continue
        image, label = columns(table, name, image_column, label_column, labelled)
        labels, names = class_labels(table, name, label) if labelled else ([0] * len(table), ["images"])
        if classes and names != classes:
            raise ValueError(
                f"the split {name} has the classes {listed(names)}, and another {listed(classes)}; give all one ClassLabel"
            )
        classes = names
        found[part] = rows_by_class(table, name, part, image, labels, classes)
    if not found.get("train") and not found.get("all"):
        raise ValueError(
            f"{root} has no split train, but {listed(list(read_tables(root)))}; rename one of them, or save one data set alone"
        )
    check_classes(root, found, classes, labelled)
    report.images = sum(len(rows) for part in found.values() for rows in part.values())
    return cut_and_build(root, found, classes, report, how, "Hugging Face data set", split=split, group_by=group_by)


def read_tables(root: Path) -> dict[str, Any]:
    """The data set's splits by name, or {"all": ...}, memory-mapped, so that no row is read yet."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"Hugging Face data sets need the package datasets, which is not installed; {INSTALL}"
        ) from error
    if not root.exists():
        raise FileNotFoundError(
            f"{root.absolute()} does not exist; give the folder that save_to_disk wrote, or one of Parquet files"
        )
    if (root / "dataset_dict.json").is_file() or (root / "state.json").is_file():
        loaded: Any = datasets.load_from_disk(str(root))
    else:
        if not any(root.rglob("*.parquet")):
            raise ValueError(
                f"{root} holds neither what save_to_disk writes nor *.parquet; a folder of image files is data: image_folder"
            )
        loaded = datasets.load_dataset("parquet", data_dir=str(root))
        if list(loaded) == ["train"] and not any("train" in file.name for file in root.rglob("*.parquet")):
            return {"all": loaded["train"]}  # the name that datasets gives where there is none
    return dict(loaded) if isinstance(loaded, datasets.DatasetDict) else {"all": loaded}


def columns(table: Any, name: str, image: str, label: str, labelled: bool) -> tuple[str, str]:
    """The names of the image and of the label column. Raises ValueError where one is missing or of another kind."""
    import datasets

    features, found = table.features, []
    for wanted, usual, what in ((image, IMAGES, "image"), (label, LABELS, "label")):
        if what == "label" and not labelled:
            found.append("")
            continue
        known = [column for column in ((wanted,) if wanted else usual) if column in features]
        if not known:
            raise ValueError(
                f"the split {name} has no column {wanted or ' or '.join(usual)}, but {listed(list(features))}; name it {usual[0]} "
                f"(dataset.rename_column), or give {what}_column"
            )
        found.append(known[0])
    if not isinstance(features[found[0]], datasets.Image):
        raise ValueError(
            f"the column {found[0]!r} of {name} is {features[found[0]]}, and no image; "
            f"dataset.cast_column({found[0]!r}, datasets.Image()) makes it one"
        )
    return found[0], found[1]


def class_labels(table: Any, name: str, column: str) -> tuple[list[int], list[str]]:
    """The class number of each row, and the classes' names."""
    import datasets

    values, feature = list(table.select_columns([column])[:][column]), table.features[column]
    bad = next((i for i, value in enumerate(values) if value is None or value == -1), None)
    if bad is not None:
        raise ValueError(
            f"row {bad} of the split {name} has the label {values[bad]}, which stands for none, as in test splits whose labels are kept secret; "
            f"leave the split out (del dataset[{name!r}]), or the rows (dataset.filter)"
        )
    if isinstance(feature, datasets.ClassLabel):
        return values, list(feature.names)
    if not all(isinstance(value, (int, str)) for value in values):
        odd = next(value for value in values if not isinstance(value, (int, str)))
        raise ValueError(f"the column {column!r} of {name} has the value {odd!r}; a label is a number or a name")
    names = sorted({*values})
    numbers = {value: number for number, value in enumerate(names)}
    return [numbers[value] for value in values], [str(value) for value in names]


def rows_by_class(
    table: Any, name: str, part: str, column: str, labels: Sequence[int], classes: Sequence[str]
) -> dict[str, list[Row]]:
    """The rows of each class in the data set's order, without decoding an image."""
    import datasets

    rows = table.cast_column(column, datasets.Image(decode=False)).select_columns([column])
    found: dict[str, list[Row]] = {name: [] for name in classes}
    digits = len(str(len(rows)))
    for index, label in enumerate(labels):
        path = f"{'' if part == 'all' else part + '/'}{classes[label].replace('/', '_')}/{index:0{digits}d}"
        found[classes[label]].append(Row(path, rows, column, index, name))
    return {name: some for name, some in found.items() if some}
