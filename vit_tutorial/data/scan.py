"""Finding the image files of a folder: its splits, its classes, and what is no image."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from .files import SUFFIXES_IN_WORDS, Sight, images_below, listed, look, printable
from .layout import SPLIT_NAMES, label_hint, refuse_other_layouts, same_inner_folders, split_of


@dataclass
class FolderReport(Sight):
    """What was found in a folder of images, what was left out and why."""

    root: Path = Path()
    images: int = 0
    outside_classes: list[str] = field(default_factory=list)  # image files that lie in no class folder
    unused_folders: list[str] = field(default_factory=list)  # beside train, val and test
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (file, reason) of unreadable images
    dropped: list[str] = field(default_factory=list)  # readable images left out because a copy is elsewhere
    copies: int = 0  # images that are there already, in the same class of the same split; they are used
    constant: int = 0  # images of one colour, once decoded
    faint: int = 0  # images that are not of one colour, but use fewer than `decode.FAINT` of the 256 levels
    value_range: tuple[int, int] | None = None  # the 16-bit values that became 0 and 255; None without 16-bit files
    notes: list[str] = field(default_factory=list)  # what was taken for what, and what looks odd
    small: dict[str, int] = field(default_factory=dict)  # classes with few training images, and how many
    untested: dict[str, list[str]] = field(default_factory=dict)  # by split (val, test): classes it has no image of

    def __str__(self) -> str:
        lines = [f"{self.root}: {self.images:,} images"]
        if self.skipped:
            lines.append(
                f"skipped {len(self.skipped):,} unreadable: " + listed([f"{f} ({r})" for f, r in self.skipped])
            )
        if self.dropped:
            lines.append(f"left out {len(self.dropped):,} copies across splits or classes: " + listed(self.dropped))
        if self.copies:
            lines.append(f"{self.copies:,} are copies of another image of the same class, in one split with it")
        if self.not_images:
            lines.append(f"ignored {self.not_images.total():,} other files: {self.kinds()}")
        if self.hidden:
            lines.append(f"ignored {self.hidden:,} hidden files or folders")
        if self.system:
            names = [f"{count} {name}" for name, count in self.system.most_common()]
            lines.append(f"ignored {self.system.total():,} folders of the system: " + listed(names))
        if self.circles:
            lines.append("ignored links to a folder that holds them: " + listed(self.circles))
        if self.outside_classes:
            lines.append(
                f"ignored {len(self.outside_classes):,} images in no class folder: " + listed(self.outside_classes)
            )
        if self.unused_folders:
            lines.append("ignored the folders " + listed(self.unused_folders))
        if self.value_range is not None and self.value_range != (0, 65535):
            low, high = self.value_range
            lines.append(
                f"16-bit values {low:,} to {high:,} are stretched to 0 to 255 (value_range=full keeps 0 to 65,535)"
            )
        if self.constant:
            lines.append(
                f"{self.constant:,} of {self.images:,} images are constant, of one colour without any structure"
            )
        if self.faint:
            lines.append(
                f"{self.faint:,} of {self.images:,} images are nearly constant, with a few of the 256 levels (of 16-bit "
                "colours only the upper 8 bits are read)"
            )
        lines += self.notes
        if self.small:
            lines.append("few training images: " + listed([f"{name} {n}" for name, n in self.small.items()]))
        lines += [f"no {split} image of {listed(classes)}" for split, classes in self.untested.items()]
        return "; ".join(lines)


def scan(
    root: Path, known_classes: Collection[str] | None = None, labelled: bool = True
) -> tuple[dict[str, dict[str, list[Path]]], FolderReport]:
    """Find {split: {class: files}} under ROOT/SPLIT/CLASS/..., or {"all": ...} under ROOT/CLASS/....

    A split is train, val (or valid, validation) or test, in any case, or what sounds like one (`layout.split_of`), which
    the report then says. The first layout is assumed if ROOT/train has folders in it. Files may lie at any depth below their
    class; links are followed; what the system puts into folders is left out. Classes and files are sorted by name.

    Args:
        known_classes: of a trained model whose images these are to be scored. Then splits need no train, one class is
            enough, and the model's classes are never taken for splits.
        labelled: False for images that nobody has named, of which one folder is enough.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such folder. PermissionError: a folder may not be read.
        ValueError: no images; fewer than two classes; an empty class; a class that train has not; folders that are no
            classes but splits, masks or parts; classes whose names differ in case or Unicode form alone.
    """
    if not root.exists():
        raise FileNotFoundError(
            f"image folder {root.absolute()} does not exist; give the folder that holds train/CLASS/ or CLASS/ folders"
        )
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; give the folder that holds train/CLASS/ or CLASS/ folders")
    report = FolderReport(root=root)
    folders = look(root, Sight())[0]
    split_folders = (
        {} if known_classes and {f.name for f in folders} <= {*known_classes} else _split_folders(root, folders)
    )
    with_classes = [name for folder, name in split_folders.items() if look(folder, Sight())[0]]
    splits: dict[str, dict[str, list[Path]]] = {}
    if "train" in with_classes or (known_classes and with_classes):
        _loose_files(root, report)
        look(root, report)
        report.unused_folders = [printable(folder.name) for folder in folders if folder not in split_folders]
        for folder, name in split_folders.items():
            if folder.name.lower() not in SPLIT_NAMES:
                report.notes.append(f"the folder {folder.name} is taken for the {name} split")
            inner, flat = look(folder, Sight())
            if flat and not inner:
                raise ValueError(
                    f"{folder} has {len(flat):,} images in no class folder, such as {printable(flat[0].name)}, which cannot be scored; "
                    f"put them into {folder}/CLASS/, or move {folder.name} elsewhere and ask vit-tutorial predict RUN {folder}"
                )
            splits[name] = _classes(folder, report, known_classes)
    else:
        splits["all"] = _classes(root, report, known_classes)
    train = next((folder for folder, name in split_folders.items() if name == "train"), root)
    _check(root, train if "train" in splits else root, splits, report, known_classes, labelled)
    report.images = sum(len(files) for classes in splits.values() for files in classes.values())
    return splits, report


def _split_folders(root: Path, folders: list[Path]) -> dict[Path, str]:
    """The folders that are splits, and which. A plain name (train) goes before one that sounds like it (train_small)."""
    plain = {folder: SPLIT_NAMES[folder.name.lower()] for folder in folders if folder.name.lower() in SPLIT_NAMES}
    found = dict(plain)
    for folder in folders:
        name = split_of(folder.name)
        if name not in (None, "unlabelled", *plain.values()) and look(folder, Sight())[0]:
            found[folder] = str(name)
    for name in set(found.values()):
        same = [folder for folder in found if found[folder] == name]
        if len(same) > 1 and any(look(folder, Sight())[0] for folder in same):
            raise ValueError(
                f"{root} has two folders for the {name} split, {listed([folder.name for folder in same])}; "
                f"rename or remove {same[-1].name}"
            )
    return found


def _classes(folder: Path, report: FolderReport, known_classes: Collection[str] | None) -> dict[str, list[Path]]:
    _loose_files(folder, report)
    folders = look(folder, report)[0]
    looks = {inner: look(inner, Sight()) for inner in folders}
    if not {inner.name for inner in folders} <= {*(known_classes or ())}:
        refuse_other_layouts(report.root, folder, looks)
    if deeper := same_inner_folders(looks):
        report.notes.append(
            f"all folders of {folder.name} hold the same ones, {listed(deeper, 4)}: if those are the classes, give the "
            "level above them up"
        )
    found = {}
    for inner in folders:
        sight = Sight()
        found[inner.name] = images_below(inner, sight, (report.root, folder))
        if not found[inner.name] and not sight.circles and known_classes is None:
            shown = printable(f"{report.root.name}/{inner.relative_to(report.root).as_posix()}")
            if sight.not_images:
                raise ValueError(
                    f"class folder {shown} has no images that Pillow reads, but {sight.kinds()}; "
                    f"convert them to JPEG or PNG, or give the files their suffix ({SUFFIXES_IN_WORDS})"
                )
            raise ValueError(f"class folder {shown} has no images; add some, or remove the folder")
        if not found[inner.name]:
            del found[inner.name]  # a link to a folder above it
        report.add(sight)
    return found


def _check(
    root: Path,
    where: Path,
    splits: dict[str, dict[str, list[Path]]],
    report: FolderReport,
    known_classes: Collection[str] | None,
    labelled: bool,
) -> None:
    main = "train" if "train" in splits else "all"
    _check_names(root, splits, report)
    if known_classes is not None:
        if not any(files for classes in splits.values() for files in classes.values()):
            raise ValueError(f"no images in class folders under {root} ({report}); expected {root}/CLASS/image.jpg")
        return
    classes = splits[main]
    expected = f"expected {where}/CLASS/image.jpg, with one folder a class ({SUFFIXES_IN_WORDS})"
    if not any(classes.values()):
        hint = label_hint(where, [where])
        raise ValueError(f"no images in class folders under {where} ({report}); {expected}{'.' * bool(hint)}{hint}")
    if len(classes) == 1 and labelled:
        only = next(iter(classes))
        inside = where / only
        folders, _ = look(inside, Sight())
        deeper = any(split_of(f.name) == "train" for f in folders)
        hint = label_hint(where, [inside]) if not folders else ""
        remedy = f"did you mean {inside}?" if deeper else "give the folder above, or add the other classes"
        raise ValueError(
            f"{where} has a single class folder, {only!r}, but a classifier needs two or more; {remedy}{'.' * bool(hint)}{hint}"
        )
    for split, found in splits.items():
        for name in found:
            if name not in classes:
                folder = f"{root.name}/{name}" if split == "all" else f"{root.name}/{split}/{name}"
                raise ValueError(
                    f"class {name!r} is in {split} but not in train (which has {listed(list(classes))}); "
                    f"rename the folder {folder}, or add training images of it"
                )
    odd = [name for name in classes if split_of(name)] if main == "all" else []
    if odd:
        report.notes.append(f"the class folder {listed(odd)} has the name of a split and is taken for a class")


def _check_names(root: Path, splits: dict[str, dict[str, list[Path]]], report: FolderReport) -> None:
    """Raise ValueError for class names that are no UTF-8 or differ in case, spaces or Unicode form alone."""
    names = sorted({name for classes in splits.values() for name in classes})
    for name in names:
        if printable(name) != name:
            raise ValueError(f"the class folder {printable(name)} of {root} has a name that is not UTF-8; rename it")
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(same_form(name), []).append(name)
    for form, group in alike.items():
        if len(group) > 1 and len(form) == 1 and {*group} == {form.lower(), form.upper()}:
            report.notes.append(f"{' and '.join(group)} are two classes, as letters are")
        elif len(group) > 1:
            shown = " and ".join(f"{name!r} ({name!a})" if not name.isascii() else repr(name) for name in group)
            raise ValueError(
                f"the class folders {shown} of {root} differ in case, spaces or Unicode form alone; "
                "put the images of one class into one folder, or give two classes two names"
            )


def same_form(name: str) -> str:
    """A class name without what people do not see in it: case, spaces around it, and the form of its accents."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _loose_files(folder: Path, report: FolderReport) -> None:
    """Count the images that lie beside the class folders."""
    report.outside_classes += [printable(f.relative_to(report.root).as_posix()) for f in look(folder, Sight())[1]]
