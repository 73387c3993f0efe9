"""The photographs of the explorer's gallery: where each comes from, how it is cut, who made it, and on what terms.

They were chosen by how they look at 32x32 pixels, before any model had seen them: one object, whole and filling most of the square, as
CIFAR-10's images are cut. ``SHOWS`` are of eight of its ten classes (no frog and no deer came with terms that let it be published), ``NONE``
show none of them; the horse's outline is a drawing, and counts as neither. Four of GCompris, which had been among them, were taken out when
their terms turned out to be doubtful: its own README calls them public domain, Debian's copyright file GPL-3. By then a model in training
had seen them, and had named none of the four rightly; so a share that is counted on the others is the higher for it.

Those of scikit-image and scikit-learn come with the libraries. The others are files of a folder, ``PICTURES``:

    coco/ID.jpg          images of COCO 2017 whose entry in the annotation file has licence 4, CC BY 2.0; credited by their address there
    pexels/NUMBER.jpg    of pexels.com, published under CC0, as IBM's Model Asset Exchange carries them (samples of MAX-ResNet-50,
                         MAX-Inception-ResNet-v2, MAX-Object-Detector and MAX-Image-Caption-Generator)

A picture whose file is not there keeps the entry that is committed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from vit_tutorial.widgets.models.page_model import data_address

Cut = tuple[str, tuple[int, int, int], str]  # source; left, top and side in its pixels (side 0: all of it); credit

COCO = "CC BY 2.0, {}_z.jpg (COCO)"  # the address, without its scheme
PEXELS = "pexels.com/photo/{}, CC0"
NASA = "NASA, public domain"

# name -> (class of CIFAR-10, what it shows, how it is cut)
SHOWS: dict[str, tuple[str, str, Cut]] = {
    "cat": ("cat", "cat", ("chelsea", (90, 0, 300), "Chelsea, by Stefan van der Walt, CC0")),
    "taxi": ("automobile", "taxi", ("pexels/8247.jpg", (690, 500, 330), PEXELS.format("8247"))),
    "airliner": ("airplane", "airliner", ("coco/000000208901.jpg", (222, 108, 216), COCO.format("farm6.staticflickr.com/5110/5773232566_96f66426cd"))),
    "bay": ("horse", "bay horse", ("coco/000000367818.jpg", (170, 40, 387), COCO.format("farm8.staticflickr.com/7395/9711101074_12b299b7d3"))),
    "boat": ("ship", "patrol boat", ("coco/000000421757.jpg", (30, 115, 250), COCO.format("farm3.staticflickr.com/2890/9687057660_72532be23b"))),
    "truck": ("truck", "ice cream truck", ("coco/000000393226.jpg", (140, 92, 285), COCO.format("farm9.staticflickr.com/8003/7321339838_42fe225709"))),
    "tabby": ("cat", "tabby cat", ("pexels/20787.jpg", (702, 0, 2304), PEXELS.format("20787"))),
    "beagle": ("dog", "beagle", ("pexels/452772.jpg", (290, 130, 530), PEXELS.format("452772"))),
    "gull": ("bird", "gull", ("coco/000000126107.jpg", (280, 0, 360), COCO.format("farm1.staticflickr.com/42/100911501_005e4d3aa8"))),
    "jet": ("airplane", "airplane from below", ("pexels/8394.jpg", (485, 275, 270), PEXELS.format("8394"))),
    "racehorse": ("horse", "racehorse", ("pexels/158976.jpg", (140, 30, 396), PEXELS.format("158976"))),
}  # fmt: skip

# name -> (what it shows, how it is cut)
OUTLINE: dict[str, tuple[str, Cut]] = {"horse": ("horse's outline", ("horse", (0, 0, 0), "by Andreas Preuss, CC0"))}
NONE: dict[str, tuple[str, Cut]] = {
    "temple": ("Chinese temple", ("china.jpg", (110, 0, 420), "by danielbuechele, CC BY 2.0")),
    "flower": ("flower", ("flower.jpg", (130, 0, 420), "by vultilion, CC BY 2.0")),
    "coffee": ("cup of coffee", ("coffee", (110, 10, 390), "by Rachel Michetti, CC0")),
    "rocket": ("rocket", ("rocket", (180, 20, 380), "SpaceX, public domain")),
    "astronaut": ("astronaut", ("astronaut", (80, 0, 300), NASA)),
}


def photos(pictures: Path | None = None, committed: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """The entries of the gallery: those that show a class (``class`` names it), the outline, and those that show none (``none``).

    Args:
        pictures: the folder with the files that no library carries; where one is not there, its entry of ``committed`` is kept.
        committed: the entries that there are.

    Raises:
        FileNotFoundError: a file is not there, and neither is its entry.
    """
    there = {entry["name"]: entry for entry in committed or []}
    wanted: list[tuple[str, str, Cut, dict[str, Any]]] = [
        *((name, label, cut, {"class": kind}) for name, (kind, label, cut) in SHOWS.items()),
        *((name, label, cut, {}) for name, (label, cut) in OUTLINE.items()),
        *((name, label, cut, {"none": True}) for name, (label, cut) in NONE.items()),
    ]
    entries = []
    for name, label, cut, more in wanted:
        file = (pictures or Path()) / cut[0]
        if "/" in cut[0] and not file.is_file():
            if name not in there:
                raise FileNotFoundError(f"{file} is not there, for the picture {name!r}; say where with --pictures")
            entries.append(there[name])
        else:
            entries.append({"name": name, "label": label, "credit": cut[2], **drawn(cut, file), **more})
    return entries


def drawn(cut: Cut, file: Path, side: int = 32, display: int = 224) -> dict[str, str]:
    """``image``, as the model sees it, and ``large``, to look at: data addresses."""
    source, (left, top, length), _ = cut
    crop = Image.open(file).convert("RGB") if "/" in source else of_a_library(source)
    if length:
        crop = crop.crop((left, top, left + length, top + length))
    small = crop.resize((side, side), Image.Resampling.BOX)
    large = crop.resize((display, display), Image.Resampling.LANCZOS)
    image = data_address(small, "PNG", optimize=True)
    return {"image": image, "large": data_address(large, "JPEG", quality=60, optimize=True)}


def of_a_library(source: str) -> Image.Image:
    """One of scikit-image's or (with a suffix) scikit-learn's photographs."""
    if source.endswith(".jpg"):
        from sklearn.datasets import load_sample_image

        return Image.fromarray(load_sample_image(source))
    import skimage.data

    picture = Image.fromarray(getattr(skimage.data, source)()).convert("RGB")
    if source != "horse":
        return picture
    square = Image.new("RGB", (max(picture.size),) * 2, "white")  # an outline, wider than high
    square.paste(picture, ((square.width - picture.width) // 2, (square.height - picture.height) // 2))
    return square
