"""Which images of a folder a trained model may be scored on: those that it has not seen, or has for that purpose."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from vit_tutorial.patches import pair

from .cutting import SPLIT_SEED, cut_splits
from .dataset import TensorImages
from .decode import FULL_RANGE
from .file_images import FileImages
from .files import listed
from .folder import Folder, Reading, read_folder
from .remember import PARTS, RememberedSplit
from .scan import same_form, scan


def images_to_score(
    root: str | Path,
    part: str,
    img_size: int | tuple[int, int],
    classes: list[str],
    memory: RememberedSplit | None,
    *,
    on_bad: str = "stop",
    on_leak: str = "stop",
    channels: int = 3,
    value_range: str | tuple[int, int] = FULL_RANGE,
    split: str = "shuffle",
    group_by: str = "",
) -> tuple[TensorImages | FileImages, list[str]]:
    """The images of a folder that a trained model may be scored on, and what has to be said about them.

    - The folder that the run was trained on: the images that it remembers as its train, val or test, whatever came since.
    - A folder with a `part` folder of its own: what lies there, without images that the run has in another part.
    - A labelled folder that was collected later, CLASS/image.jpg: all of it, without images that the run has seen.

    Args:
        part: "train", "val" or "test"; "all" for every image, seen or not.
        classes: of the model; the folder may have fewer.
        memory: of the run. None, for a model from before runs remembered: the missing splits are cut anew.
        split, group_by and the others: as the run had them, see `image_folder`.

    Raises:
        ValueError: a class that the model does not know; nothing to score, with what there is. Others: see `image_folder`.
    """
    root = Path(root).expanduser()
    how = Reading(pair(img_size), channels, value_range=value_range, on_bad=on_bad, on_leak=on_leak)
    found, report = scan(root, classes)
    _check_classes(root, {name for by in found.values() for name in by}, classes)
    folder = read_folder(root, found, report, classes, how)
    notes: list[str] = []
    what = "every image" if part == "all" else f"{part} split"
    if part == "all":
        chosen = list(range(len(folder.files)))
        if memory is not None and (seen := sum(memory.part_of(c) == "train" for c in folder.contents or [])):
            notes.append(f"{seen:,} of these images were trained on")
    elif memory is not None:
        chosen, ours = _remembered(folder, part, memory, notes)
        what = what if ours else "what the run has not seen"
    elif part in folder.given:
        chosen = [i for i, given in enumerate(folder.given) if given == part]
        notes.append(
            "this model does not remember which images it was trained on: look that none of them is among these"
        )
    else:
        for name in classes:
            if classes.index(name) not in folder.labels:
                raise ValueError(
                    f"{root} has no {part} folder and no image of class {name!r}, so its {part} split cannot be cut as it was; --split all "
                    "scores every image of it"
                )
        cut = dict(zip(("train", "val", "test"), cut_splits(folder, 0.1, 0.1, split, SPLIT_SEED, group_by)))
        chosen = cut[part]
        notes.append(
            f"this model does not remember its split: the {part} images are cut anew, and if the folder has changed since, some of them "
            "were trained on. --split all scores every image of a folder that was collected later"
        )
    if report.constant + report.faint:
        notes.append(f"{report.constant + report.faint:,} images of the folder are constant or nearly so, once decoded")
    height, width = how.size
    variant = f"image folder {root.name}: {len(folder.files):,} images, resized to {height}x{width}: {what}"
    return folder.build(chosen, root.name, variant), notes


def _remembered(folder: Folder, part: str, memory: RememberedSplit, notes: list[str]) -> tuple[list[int], bool]:
    """The items of that part, see `images_to_score`, and whether they are the run's own part; adds to the notes."""
    assert folder.contents is not None
    known = [memory.part_of(content) for content in folder.contents]
    new = [i for i, where in enumerate(known) if where is None]
    mine = [i for i, where in enumerate(known) if where == part]
    gone = memory.gone(part, [folder.contents[i] for i in mine])
    counts = Counter(where for where in known if where)
    elsewhere = ", ".join(f"{counts[name]:,} of its {name} images" for name in PARTS if counts[name] and name != part)
    ours = True
    if part in folder.given:  # a folder of that name decides, but for images that the run has elsewhere
        here = [i for i, given in enumerate(folder.given) if given == part]
        chosen = [i for i in here if known[i] in (None, part)]
        new = [i for i in chosen if known[i] is None]
        gone = memory.gone(part, [folder.contents[i] for i in chosen]) if len(new) < len(chosen) else 0
        if out := len(here) - len(chosen):
            notes.append(
                f"{out:,} images of {folder.root.name}/{part} are left out: the run has them in another split, and may know them"
            )
        if new:
            notes.append(f"{len(new):,} of these images are new to the run, which has not seen them")
    elif 2 * len(mine) >= len(memory.parts[part]):  # the folder of the run
        chosen = mine
        if new:
            notes.append(
                f"{len(new):,} images are new since the run and left out; to score them, put them into a labelled folder of their own, "
                "CLASS/image.jpg, and give it with --data"
            )
    else:  # another folder
        chosen, gone, ours = new, 0, False
        if mine or elsewhere:
            seen = ", ".join(filter(None, (elsewhere, f"{len(mine):,} of its {part} images" * bool(mine))))
            notes.append(f"left out, because the run has seen them: {seen}")
        notes.append(
            f"this is not the folder of the run: all {len(chosen):,} images of it that are new are scored "
            "(images are known by the content of their files: one that was saved again or resized counts as new)"
        )
    if gone:
        notes.append(f"{gone:,} of the run's {len(memory.parts[part]):,} different {part} images are gone or changed")
    if not chosen:
        there = elsewhere or f"{len(folder.files):,} images"
        raise ValueError(
            f"nothing in {folder.root} to score as {part}: of the run's images it has {there}, and {len(new):,} that are new. "
            "Choose another --split, or give a labelled folder of new images with --data"
        )
    return chosen, ours


def _check_classes(root: Path, there: set[str], classes: list[str]) -> None:
    """Raise ValueError where a folder has a class that the model does not know."""
    unknown = sorted(there - {*classes})
    for name in unknown:
        near = next((known for known in classes if same_form(known) == same_form(name)), None)
        if near is not None:
            raise ValueError(
                f"the class folder {name!r} ({name!a}) of {root} and the model's class {near!r} ({near!a}) differ in case, "
                "spaces or Unicode form alone; rename the folder"
            )
    if unknown:
        raise ValueError(
            f"the model knows the classes {listed(classes)}, but the data has {listed(sorted(there))}; "
            "give the folder it was trained on, or one with the same class folders"
        )
