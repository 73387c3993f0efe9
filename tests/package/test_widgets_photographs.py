"""What the page's photograph model says of the photographs that its figure offers, counted."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch

from vit_tutorial.widgets import load_page_model, open_picture
from vit_tutorial.widgets.models import photographs
from vit_tutorial.widgets.models.page_model import gallery, read_page_model

ENTRIES = {entry["name"]: entry for entry in gallery("photos32")}
KNOWN = [name for name, entry in ENTRIES.items() if "class" in entry]
UNKNOWN = [name for name, entry in ENTRIES.items() if entry.get("none")]


@cache
def answers(model: str) -> dict[str, tuple[str, float]]:
    """For each picture of the gallery: what the model calls it, and with which probability, as the figure shows it."""
    images = torch.cat([open_picture(model, name) for name in ENTRIES])
    with torch.no_grad():
        top = load_page_model(model)(images).softmax(-1).max(-1)
    classes = read_page_model(model)[0]["classes"]
    return {
        name: (classes[k], p) for name, k, p in zip(ENTRIES, top.indices.tolist(), top.values.tolist(), strict=True)
    }


def rightly_named(model: str) -> list[str]:
    return [name for name in KNOWN if answers(model)[name][0] == ENTRIES[name]["class"]]


def test_at_least_ten_photographs_show_at_least_eight_of_the_ten_classes_and_five_show_none() -> None:
    shown = Counter(ENTRIES[name]["class"] for name in KNOWN)
    assert len(KNOWN) >= 10
    assert len(shown) >= 8
    assert set(shown) <= set(read_page_model("photos32")[0]["classes"])
    assert len(UNKNOWN) == 5


def test_at_least_four_of_five_photographs_of_its_classes_are_named_rightly() -> None:
    right = rightly_named("photos32")
    print(
        f"{len(right)} of {len(KNOWN)} named rightly; not:",
        {n: answers("photos32")[n] for n in KNOWN if n not in right},
    )
    assert len(right) >= 0.8 * len(KNOWN)


def test_most_photographs_of_none_of_its_classes_are_doubted() -> None:
    """Below the probability under which the figure asks "None of these?"; what does not look like a thing to doubt is in the page's text."""
    bound = read_page_model("photos32")[0]["calibration"]["doubt_below"]
    found = {name: answers("photos32")[name] for name in UNKNOWN}
    print(f"bound {bound}:", found)
    assert sum(p < bound for _, p in found.values()) >= 3
    assert found["flower"][1] < bound < found["rocket"][1]  # as chapter 1 says


def test_the_smaller_model_looks_at_the_same_pictures_and_names_fewer_of_them_rightly() -> None:
    assert gallery("photos32_small") == gallery("photos32")
    assert len(rightly_named("photos32_small")) < len(rightly_named("photos32"))


def test_a_picture_whose_file_is_not_there_keeps_its_entry_and_without_one_is_named(tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    committed = gallery("photos32")
    made = {entry["name"]: entry for entry in photographs.photos(tmp_path, committed)}
    assert list(made) == list(ENTRIES)
    assert made["boat"] is ENTRIES["boat"]
    with pytest.raises(FileNotFoundError, match=r"pexels/8247.jpg is not there, for the picture 'taxi'.*--pictures"):
        photographs.photos(tmp_path, [])
