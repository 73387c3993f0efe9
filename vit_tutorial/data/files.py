"""The files of a folder as people have them: links, system folders, names of every kind, folders that may not be read."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

# Formats that only a program outside reads (EPS runs Ghostscript), that are drawn by Windows alone, or hold no still image.
_NOT_READ = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
Image.init()
FORMATS = sorted(set(Image.OPEN) - _NOT_READ)
IMAGE_SUFFIXES = {
    suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS or kind == "MPO"
}  # MPO, a camera's two pictures in one file, is opened as JPEG
COMMON = (".jpg", ".png", ".webp", ".tif", ".gif", ".bmp", ".ppm")
SUFFIXES_IN_WORDS = f"{', '.join(COMMON)} and {len(IMAGE_SUFFIXES) - len(COMMON)} more that Pillow knows"

# What disks, archives and file managers put beside people's files: previews, resource forks, bins.
SYSTEM_FOLDERS = {
    "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "__macosx",
    "__pycache__", "lost+found", "recycler", "system volume information",
}  # fmt: skip


@dataclass
class Sight:
    """What was seen in a folder and left out, and how often."""

    hidden: int = 0  # files and folders whose name starts with a dot
    system: Counter[str] = field(default_factory=Counter)  # folders of the system, by name
    not_images: Counter[str] = field(default_factory=Counter)  # other files, by suffix
    circles: list[str] = field(default_factory=list)  # links to a folder above them

    def add(self, other: Sight) -> None:
        self.hidden += other.hidden
        self.system += other.system
        self.not_images += other.not_images
        self.circles += other.circles

    def kinds(self) -> str:
        """The files that are no images, by suffix: "12 .heic, 1 .txt"."""
        return listed([f"{count} {suffix or 'without suffix'}" for suffix, count in self.not_images.most_common()])


Look = tuple[list[Path], list[Path]]  # the folders and the image files directly in a folder


def look(folder: Path, sight: Sight) -> Look:
    """Visible folders and image files directly in `folder`, sorted by name; links are followed, the rest is counted.

    Raises:
        PermissionError and other kinds of OSError: the folder, or what a link in it leads to, cannot be read. Fewer
            images than there are would be worse than none.
    """
    folders, files = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path, suffix = folder / entry.name, Path(entry.name).suffix.lower()
                if entry.name.startswith("."):
                    sight.hidden += 1
                elif entry.name.lower() in SYSTEM_FOLDERS:
                    sight.system[entry.name] += 1
                elif entry.is_dir():
                    folders.append(path)
                elif suffix in IMAGE_SUFFIXES and (entry.is_file() or not path.exists()):
                    files.append(path)  # a link that leads nowhere is named when it is decoded
                elif entry.is_symlink() and not path.exists():
                    where = printable(os.readlink(path))
                    raise FileNotFoundError(
                        f"the link {printable(str(path))} leads to {where}, which is not there; put it back or remove the link"
                    )
                else:  # also pipes and devices, which would be waited for
                    sight.not_images[suffix] += 1
    except FileNotFoundError:
        raise
    except OSError as error:
        raise type(error)(
            f"{printable(str(folder))} cannot be read ({error.strerror or error}), and there may be images in it. "
            "Get the right to read it (for a folder of your own: chmod -R u+rX), or move it elsewhere"
        ) from error
    return folders, files


def images_below(folder: Path, sight: Sight, above: tuple[Path, ...] = ()) -> list[Path]:
    """All image files in `folder`, at any depth, sorted by their path in it. A link to a folder above it is not followed.

    Args:
        sight: is told what is left out.
        above: folders that hold this one, which links may not lead back to.
    """
    found: list[Path] = []
    waiting = [(folder, frozenset(_identity(parent) for parent in above))]
    while waiting:
        here, around = waiting.pop()
        if (identity := _identity(here)) in around:
            sight.circles.append(printable(str(here)))
            continue
        folders, files = look(here, sight)
        found += files
        waiting += [(inner, around | {identity}) for inner in folders]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def printable(name: str) -> str:
    """A file name whose bytes are no text, as some old file systems have, with those bytes written out."""
    return name.encode("utf-8", "backslashreplace").decode()


def listed(items: list[str], most: int = 10) -> str:
    """The first few items, and how many more there are."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
