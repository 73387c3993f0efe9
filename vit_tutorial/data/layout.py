"""What a folder's name says: a split, pictures, masks, a fold; and labels that stand in file names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from .files import Look, Sight, images_below, listed, look, printable

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_SPLIT_WORDS = {
    **SPLIT_NAMES,
    **dict.fromkeys(("training", "trn", "trainval", "traindev"), "train"),
    **dict.fromkeys(("dev", "devel", "development", "eval", "evaluation"), "val"),
    **dict.fromkeys(("testing", "tst", "holdout", "heldout"), "test"),
    **dict.fromkeys(("unlabeled", "unlabelled", "unsup", "unsupervised"), "unlabelled"),
    **dict.fromkeys(("entrenamiento", "entrainement", "apprentissage", "treino", "treinamento", "addestramento", "обучение", "тренировка"), "train"),
    **dict.fromkeys(("validacion", "validierung", "validacao", "validazione", "валидация", "проверка"), "val"),
    **dict.fromkeys(("prueba", "pruebas", "teste", "testes", "essai", "prova", "тест", "тестирование"), "test"),
    **dict.fromkeys(("训练", "訓練", "学習", "훈련", "학습"), "train"),
    **dict.fromkeys(("验证", "驗證", "検証", "校验", "검증"), "val"),
    **dict.fromkeys(("测试", "測試", "テスト", "시험", "테스트"), "test"),
}  # fmt: skip
_PICTURES = {
    "image", "images", "img", "imgs", "jpegimages", "photo", "photos", "picture", "pictures", "frames", "input", "inputs",
    "rgb",
}  # fmt: skip
_MASKS = {
    "mask", "masks", "label", "labels", "annotation", "annotations", "annot", "annots", "annotated", "segmentation",
    "segmentations", "seg", "segs", "segmentationclass", "segmentationobject", "gt", "groundtruth", "trimap", "trimaps",
    "matte", "mattes", "alphamatte", "xml", "xmls", "bbox", "bboxes", "target", "targets", "semantic", "semantics", "semanticrgb",
    "instances", "depth", "depths", "disparity", "normals", "edges", "gtfine", "gtcoarse",
}  # fmt: skip
_FILLERS = _PICTURES | {
    "set", "data", "dataset", "sets", "folder", "split", "files", "file", "samples", "jpg", "jpeg", "png", "resized",
    "final", "new", "all", "daten", "sdaten", "bilder", "sbilder", "datos", "imagenes", "donnees", "dados", "imagens", "dati", "immagini",
    "данные", "выборка", "集", "数据", "数据集", "图片", "图像", "样本", "用", "データ", "画像", "セット", "用データ", "データセット", "데이터", "세트",
    "이미지",
}  # fmt: skip
_FOLDS = re.compile(r"(fold|split|part|chunk|batch|subset|shard)s?[\s_.-]*\d+", re.IGNORECASE)
_TABLES = {".csv", ".tsv", ".xlsx", ".json", ".jsonl"}


def split_of(name: str) -> str | None:
    """The split that a folder's name sounds like: train, val, test or unlabelled; None for any other name.

    In any case, with a number or letter behind it and with words such as "set" or "images" around it: Training, test_set,
    train2017, testA, images-val, hold-out; also in other languages: Trainingsdaten, prueba, 测试集.
    """
    words = _words(re.sub(r"(?<=[a-z])[A-D]$", "", name))
    core = "".join(word for word in words if word not in _FILLERS)
    if core in _SPLIT_WORDS:
        return _SPLIT_WORDS[core]
    return next((split for word, split in _SPLIT_WORDS.items() if core.removeprefix(word) in _FILLERS - {core}), None)


def holds(name: str) -> str | None:
    """What a folder's name says that it holds: "images" or "masks"; None for any other name."""
    plain = _plain(name)
    return "images" if plain in _PICTURES else "masks" if plain in _MASKS else None


def refuse_other_layouts(root: Path, where: Path, looks: dict[Path, Look]) -> None:
    """Raise ValueError if the folders directly in `where` (root, or one of its splits) are no classes: what was seen, and what to do.

    Args:
        looks: each of these folders, with the folders and the image files in it.
    """
    folders = list(looks)
    split_like = {folder: split for folder in folders if (split := split_of(folder.name))}
    split_like |= _told_apart_by_split(folders)
    masks = [folder for folder in folders if _plain(folder.name) in _MASKS]
    pictures = [folder for folder in folders if _plain(folder.name) in _PICTURES]
    rename = "If these are classes after all, rename the folders (class_train, say)."
    if split_like and (len(split_like) > 1 or len({*split_like, *masks, *pictures}) == len(folders)):
        raise ValueError(
            f"{where} holds splits, not classes: {_seen(where, folders)}. {_splits_remedy(root, looks, split_like)} {rename}"
        )
    if masks and (pictures or any(_same_names(mask, other) for mask in masks for other in folders)):
        names = " and ".join(folder.name for folder in folders)
        raise ValueError(
            f"{where} holds images beside their masks or annotations, not classes: {_seen(where, folders)}. A classifier learns from "
            f"{where}/CLASS/image.jpg: sort the images into a folder for each class, and move {names} out of the way. {rename}"
            + label_hint(where, pictures or folders)
        )
    if len(folders) > 1 and (len(pictures) == len(folders) or all(_FOLDS.fullmatch(folder.name) for folder in folders)):
        raise ValueError(
            f"{where} holds parts of a data set, not classes: {_seen(where, folders)}. Join their class folders under {where}/CLASS/, "
            f"or name one part train, one val and one test.{label_hint(where, folders)} {rename}"
        )
    turned = [f for f, (inner, _) in looks.items() if len({split_of(i.name) for i in inner} - {None}) > 1]
    if len(turned) * 2 > len(folders):
        first = turned[0].name
        raise ValueError(
            f"the splits lie inside the classes of {where}: {_seen(where, folders)}. Turn the levels round, so that the training images "
            f"of {first} are in {where}/train/{first}/ and its test images in {where}/test/{first}/"
        )


def same_inner_folders(looks: dict[Path, Look]) -> list[str]:
    """Names of the folders that are in every one of these, where they hold nothing else: perhaps the real classes."""
    names = [frozenset(folder.name for folder in inner) for inner, files in looks.values() if not files]
    alike = len(names) == len(looks) > 1 and len(set(names)) == 1 and len(names[0]) > 1
    return sorted(names[0]) if alike else []


def label_hint(where: Path, folders: list[Path]) -> str:
    """What to do where the labels stand in the names of files that lie flat in a folder, or in a table beside them."""
    for folder in folders:
        names = [file.name for file in look(folder, Sight())[1]]
        if found := labels_in_names(names):
            counts = listed([f"{label} {count}" for label, (count, _) in found.items()])
            first, (_, pattern) = next(iter(found.items()))
            to = folder / first
            return (
                f" The file names in {folder} seem to hold the class ({counts}), as {printable(names[0])} does: give each class its "
                f"folder, with mkdir '{to}' && mv '{folder}'/{pattern} '{to}/' and so on."
            )
    tables = sorted(
        {
            f.name
            for folder in (where, *folders)
            for f in folder.iterdir()
            if f.suffix.lower() in _TABLES and f.is_file()
        }
    )
    if tables:
        return f" The labels may stand in {listed(tables, 3)}: move each image into the folder of its class."
    return ""


def labels_in_names(names: Iterable[str]) -> dict[str, tuple[int, str]]:
    """{label: (files, shell pattern)} if numbered files are named by their class: cat.0.jpg, dog_012.png, 7-owl.png.

    Empty unless every name has a label and a number, there are two labels or more, and each names two files on average.
    """
    names = list(names)
    for form, pattern in (
        (r"([^\W\d_][^\d.]*?)([\s._-]*)\d+", "{0}{1}[0-9]*"),
        (r"\d+([\s._-]+)([^\W\d_].*)", "*{0}{1}.*"),
    ):
        found: Counter[tuple[str, str]] = Counter()
        for name in names:
            if match := re.fullmatch(form, Path(name).stem):
                label = match[1] if form.startswith("([") else match[2]
                found[label, pattern.format(match[1], match[2])] += 1
        labels = {label for label, _ in found}
        if found.total() == len(names) > 1 and 2 <= len(labels) <= len(names) / 2:
            return {label: (count, shell) for (label, shell), count in sorted(found.items())}
    return {}


def _told_apart_by_split(folders: list[Path]) -> dict[Path, str]:
    """The folders whose names are one name but for the word of a split, and that split: flowers_train beside flowers_test.

    Not class_train beside class_test, as classes of that name are to be called.
    """
    named: dict[tuple[str, ...], dict[Path, str]] = {}
    for folder in folders:
        words = _words(folder.name)
        splits = [_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS]
        if len(splits) == 1 < len(words) and words[0] != "class":
            named.setdefault(tuple(w for w in words if w not in _SPLIT_WORDS), {})[folder] = splits[0]
    return {f: split for group in named.values() if len({*group.values()}) > 1 for f, split in group.items()}


def _splits_remedy(root: Path, looks: dict[Path, Look], split_like: dict[Path, str]) -> str:
    flat = [folder for folder, (inner, _) in looks.items() if not inner]
    expected = f"Expected are class folders in each, {root}/train/CLASS/image.jpg (val and test, where missing, are cut from train)"
    if flat:
        return f"{expected}; there are none in {listed([folder.name for folder in flat])}.{label_hint(root, flat)}"
    if "train" not in split_like.values():
        return (
            f"{expected}, and there is no train folder. To score a model that is trained already: "
            f"vit-tutorial evaluate RUN --data {root} --split test."
        )
    return f"{expected}."


def _seen(where: Path, folders: list[Path]) -> str:
    """The folders in words: "test (2 images, such as test/1.jpg), train (30 images in the folders cat, dog)"."""
    said = []
    for folder in folders[:10]:
        sight = Sight()
        images, (inner, flat) = images_below(folder, sight, (where,)), look(folder, Sight())
        text = f"{len(images):,} images" if images else f"no image, {sight.kinds() or 'nothing else'}"
        if inner and not flat:
            text += f" in the folders {listed([f.name for f in inner], 4)}"
        elif images:
            text += f", such as {images[0].relative_to(where).as_posix()}"
        said.append(printable(f"{folder.name} ({text})"))
    return listed([*said, *(folder.name for folder in folders[10:])])


def _plain(name: str) -> str:
    """A name without case, numbers and separators, and without what splits are called: Train_Masks is masks."""
    words = [word for word in re.findall("[a-z]+", name.lower()) if word not in _SPLIT_WORDS]
    return "".join(words)


def _words(name: str) -> list[str]:
    """The words of a name in small letters, Latin ones without accents."""
    composed = unicodedata.normalize("NFC", name.casefold())
    return re.findall(
        r"[^\W\d_]+", "".join(unicodedata.normalize("NFKD", c)[0] if c < "\u0250" else c for c in composed)
    )


def _same_names(masks: Path, other: Path) -> bool:
    """Whether most files of the first folder have the name of a file in the second. Numbers alone, or mask and no_mask, say nothing."""
    if _plain(masks.name).removesuffix("s") in _plain(other.name):
        return False
    first, second = ({path.stem for path in folder.rglob("*") if path.is_file()} for folder in (masks, other))
    named = {stem for stem in first if re.search(r"[^\W\d_]", stem)}
    return len(named) > 1 and len(named & second) > 0.8 * len(first)
