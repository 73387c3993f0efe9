"""Images with masks of one's own, for `vit-tutorial train segmentation --data ...`: a folder of both, a COCO file, or a folder of COCO files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vit_tutorial import data
from vit_tutorial.data.files import listed
from vit_tutorial.data.mask_folder import all_pairs, folders_of_pairs
from vit_tutorial.data.own_coco import all_of_coco, annotation_files
from vit_tutorial.data.pairs import PairedImages
from vit_tutorial.training.recipe import Recipe, RecipeError


def own_images(recipe: Recipe, root: str | Path | None, size: tuple[int, int] | None, held: int) -> data.Splits:
    """A folder of one's own images and masks, or a COCO file.

    Raises:
        RecipeError: neither; a folder that has JSON files instead of masks is told that one of them may be given. Others: see `mask_folder` and `own_coco`.
    """
    if root is None:
        raise RecipeError(
            "data: mask_folder needs to know the folder; give it with --data FOLDER, or --data FILE.json of COCO"
        )
    root = Path(root).expanduser()
    if is_coco(root):
        on_bad: Any = recipe.on_bad
        return data.own_coco(root, on_bad=on_bad, **reading(recipe, size))
    with coco_pointed_out(recipe, root):
        return data.mask_folder(root, memory_budget=held, mask_suffix=recipe.mask_suffix, **reading(recipe, size))


def every_own_image(recipe: Recipe, root: str | Path | None) -> PairedImages:
    """All images of a folder of one's own or a COCO file, each in its own size, whichever split they lie in. Raises as `own_images`."""
    if recipe.data != "mask_folder":
        raise RecipeError(f"--split all is for images of one's own; of {recipe.data} choose train, val or test")
    if root is None:
        raise RecipeError("say which images, with --data FOLDER or --data FILE.json")
    root = Path(root).expanduser()
    if is_coco(root):
        on_bad: Any = recipe.on_bad
        return all_of_coco(root, on_bad=on_bad, **reading(recipe, None)).images
    with coco_pointed_out(recipe, root):
        return all_pairs(root, mask_suffix=recipe.mask_suffix, **reading(recipe, None)).images


def is_coco(root: Path) -> bool:
    """Whether it is a JSON file, or a folder of splits that have one each and no folders of images and masks."""
    if root.suffix.lower() == ".json":
        return True
    return bool(annotation_files(root)) and not folders_of_pairs(root, data.PairReport(root))


def reading(recipe: Recipe, size: tuple[int, int] | None) -> dict[str, Any]:
    """What decides how one's own images are read, whatever holds their masks."""
    drawn_on = "" if recipe.drawn_on == "ask" else recipe.drawn_on
    return {"size": size, "channels": recipe.model.get("in_chans", 3), "drawn_on": drawn_on}


@contextmanager
def coco_pointed_out(recipe: Recipe, root: Path) -> Iterator[None]:
    """For reading a folder of masks: where it has none but JSON files, the error says that one of them may be given."""
    if recipe.on_bad != "stop":
        raise RecipeError(
            "on_bad=skip leaves faulty annotations of a COCO file out; of a folder of masks mend or move the files that are named"
        )
    try:
        yield
    except ValueError as error:
        files = sorted([*root.glob("*.json"), *root.glob("*/*.json")])
        if not files or (isinstance(error, data.BadPairs) and error.report.images):
            raise
        said = listed([f"--data {file}" for file in files], 4)
        raise RecipeError(f"{error}. There are JSON files, too; if one is COCO's, give it: {said}") from error
