"""Hugging Face data sets on the disk: read like the folder they came from, and a clear message for what is wrong with them."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest
from folder_helpers import classes
from shard_helpers import png

from vit_tutorial.data import BadImages, FileImages, huggingface, image_folder

datasets = pytest.importorskip("datasets")
datasets.disable_progress_bars()

LABEL = datasets.ClassLabel(names=["owl", "cat"])


def table(n: int = 12, start: int = 0, image: str = "image", label: str = "label", labels=None, kind=LABEL):
    """Images of two classes in turn."""
    features = {image: datasets.Image()} | ({label: kind} if kind is not None else {})
    rows = {image: [{"bytes": png(i), "path": None} for i in range(start, start + n)]}
    rows[label] = labels if labels is not None else [i % 2 for i in range(n)]
    return datasets.Dataset.from_dict(
        rows if kind is not None else {image: rows[image]}, features=datasets.Features(features)
    )


def saved(root: Path, data) -> Path:
    data.save_to_disk(str(root))
    return root


def items(splits) -> list[list[tuple[list[int], int]]]:
    return [[(part[i][0].flatten().tolist(), part[i][1]) for i in range(len(part))] for part in splits]


@pytest.mark.parametrize("memory_budget", [2**30, 0])
def test_items_and_splits_are_those_of_the_folder_of_the_same_images(tmp_path, memory_budget):
    classes(tmp_path / "folder", 12, ("b", "a"))
    files = sorted((tmp_path / "folder").rglob("*.png"))
    rows = {"img": [str(file) for file in files], "fine_label": ["ab".index(file.parent.name) for file in files]}
    features = datasets.Features({"img": datasets.Image(), "fine_label": datasets.ClassLabel(names=["a", "b"])})
    saved(tmp_path / "saved", datasets.Dataset.from_dict(rows, features=features))
    folder = image_folder(tmp_path / "folder", 8, memory_budget=memory_budget)
    theirs = huggingface(tmp_path / "saved", 8, memory_budget=memory_budget)
    assert items(theirs) == items(folder)
    assert theirs.fingerprint() == folder.fingerprint()
    assert theirs.classes == ["a", "b"]


def test_splits_are_taken_by_name_and_items_stay_on_the_disk(tmp_path):
    parts = datasets.DatasetDict(train=table(12), validation=table(4, 20), test=table(6, 30), other=table(2, 40))
    splits = huggingface(saved(tmp_path, parts), 8, memory_budget=0)
    assert [len(part) for part in splits] == [12, 4, 6]
    assert splits.classes == ["owl", "cat"]
    assert isinstance(splits.train, FileImages)
    assert splits.test.item_name(1) == "test row 2"  # row 0 and 2 are owls
    assert "the split other is not used" in str(splits.report)


def test_parquet_files_are_read_too(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "rows").mkdir()
    table().to_parquet(str(tmp_path / "rows" / "rows.parquet"))
    assert items(huggingface(tmp_path / "rows", 8)) == items(huggingface(saved(tmp_path / "saved", table()), 8))


def test_labels_may_be_names_or_numbers_without_names(tmp_path):
    names = table(labels=["owl", "cat"] * 6, kind=datasets.Value("string"))
    assert huggingface(saved(tmp_path / "names", names), 8).classes == ["cat", "owl"]
    numbers = table(labels=[7, 3] * 6, kind=datasets.Value("int64"))
    assert huggingface(saved(tmp_path / "numbers", numbers), 8).classes == ["3", "7"]


def test_pretraining_asks_for_no_labels(tmp_path):
    splits = huggingface(saved(tmp_path, table(kind=None)), 8, labelled=False)
    assert sum(len(part) for part in splits) == 12


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (table(label="kind"), r"has no column label or labels or .*, but image, kind; name it label \(dataset.rename_column\)"),
        (table(image="photo"), r"has no column image or img .*, but photo, label; name it image"),
        (table(labels=[0, 1, -1] * 4), r"row 2 of the split all has the label -1, which stands for none"),
        (table(labels=[0.5] * 12, kind=datasets.Value("float32")), r"has the value 0.5; a label is a number or a name"),
        (table(labels=[0] * 12), r"no image of class cat is in the training part"),
    ],
)  # fmt: skip
def test_a_faulty_column_is_named_with_the_remedy(tmp_path, data, said):
    with pytest.raises(ValueError, match=said):
        huggingface(saved(tmp_path, data), 8)


def test_a_column_that_is_no_image_says_how_to_make_it_one(tmp_path):
    data = datasets.Dataset.from_dict({"image": [[1, 2], [3, 4]], "label": [0, 1]})
    with pytest.raises(
        ValueError, match=r"'image' of all is List.*; dataset.cast_column\('image', datasets.Image\(\)\)"
    ):
        huggingface(saved(tmp_path, data), 8)


def test_splits_have_to_name_the_same_classes_and_one_has_to_be_for_training(tmp_path):
    other = table(4, 20, kind=datasets.ClassLabel(names=["owl", "dog"]))
    with pytest.raises(ValueError, match=r"the split test has the classes owl, dog, and another owl, cat"):
        huggingface(saved(tmp_path / "names", datasets.DatasetDict(train=table(), test=other)), 8)
    with pytest.raises(ValueError, match="has no split train, but test"):
        huggingface(saved(tmp_path / "test", datasets.DatasetDict(test=table())), 8)


def test_an_image_that_cannot_be_read_is_named_by_its_row(tmp_path):
    cells = [{"bytes": png(i), "path": None} for i in range(12)]
    cells[3] = {"bytes": b"no image", "path": None}
    rows = {"image": cells, "label": [0, 1] * 6}
    features = datasets.Features({"image": datasets.Image(), "label": LABEL})
    root = saved(tmp_path, datasets.Dataset.from_dict(rows, features=features))
    with pytest.raises(BadImages, match=r"all row 3 \(it is no image of a format that Pillow knows\)"):
        huggingface(root, 8)
    with pytest.warns(UserWarning, match="They are left out"):
        assert sum(len(part) for part in huggingface(root, 8, on_bad="skip")) == 11


def test_a_folder_of_something_else_and_a_missing_library_say_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="does not exist; give the folder that save_to_disk wrote"):
        huggingface(tmp_path / "nowhere", 8)
    with pytest.raises(ValueError, match="a folder of image files is data: image_folder"):
        huggingface(tmp_path, 8)
    find = builtins.__import__

    def without(name, *rest):
        if name == "datasets":
            raise ModuleNotFoundError(name)
        return find(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match="pip install datasets"):
        huggingface(tmp_path, 8)
