"""The guided steps of the figure on chapter 1's first page, written from what its model answers.

python -m book.look_inside --check     exit status 1, where the model answers something else than the steps say
python -m book.look_inside --write     write the steps; after a new model
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from vit_tutorial.patches import patchify, unpatchify
from vit_tutorial.widgets import load_page_model, open_picture
from vit_tutorial.widgets.models.page_model import gallery, read_page_model

MODEL = "photos32"
OPENING = "tabby"  # the picture that the figure begins with
STEPS = Path(__file__).parents[1] / "chapters" / "01_overview" / "look_inside.yml"
HEAD = """# The guided steps of the figure on the chapter's page, written by python -m book.look_inside --write from what the
# model answers. Each drives the figure; a question is answered before the figure shows what happens: until then it
# shows the picture untouched.
"""
EVERY_SECOND = [i for i in range(64) if (i // 8 + i % 8) % 2]  # as on a draughtboard
ORDERS = 40  # random orders of the patches that each picture is shown in


@cache
def the_model(positions: bool) -> Any:
    """With or without what tells it where each patch is."""
    model = load_page_model(MODEL)
    if not positions:
        model.pos_embed.data.zero_()
    return model


@torch.no_grad()
def answer(image: str, hide: Sequence[int] = (), move: Sequence[int] | None = None, positions: bool = True) -> Tensor:
    """The probabilities [K] of what the figure shows in this state."""
    return answers(image, [list(range(64)) if move is None else list(move)], hide, positions)[0]


@torch.no_grad()
def answers(image: str, orders: list[list[int]], hide: Sequence[int] = (), positions: bool = True) -> Tensor:
    """The probabilities [n, K] of a picture whose patches stand in n orders."""
    model = the_model(positions)
    P = model.config.patch_size
    patches = patchify(open_picture(MODEL, image), P)[0][torch.tensor(orders)]  # [n, 64, C P P]
    tokens = model.embed(unpatchify(patches, P, model.grid_size))
    tokens = tokens[:, [t for t in range(65) if t - 1 not in hide]]
    for block in model.blocks:
        tokens = block(tokens)
    probabilities: Tensor = model.forward_head(model.norm(tokens)).softmax(-1)
    return probabilities


def said(probabilities: Tensor) -> str:
    return str(read_page_model(MODEL)[0]["classes"][int(probabilities.argmax())])


def order(number: int) -> list[int]:
    permutation: list[int] = torch.randperm(64, generator=torch.Generator().manual_seed(number)).tolist()
    return permutation


@cache
def kept(image: str) -> list[bool]:
    """For each order of the patches: is the answer the one to the picture in order?"""
    found = answers(image, [list(range(64)), *(order(n) for n in range(ORDERS))]).argmax(-1).tolist()
    return [k == found[0] for k in found[1:]]


def firm_and_loose() -> tuple[str, str]:
    """Of the other pictures that are named rightly, the one whose answer survives most orders, and the one whose survives fewest."""
    others = [e for e in gallery(MODEL) if "class" in e and e["name"] != OPENING]
    right = [e["name"] for e in others if said(answer(e["name"])) == e["class"]]
    return max(right, key=lambda name: sum(kept(name))), min(right, key=lambda name: sum(kept(name)))


class Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def steps() -> list[dict[str, Any]]:
    last = load_page_model(MODEL).config.depth - 1
    (firm, loose), cat = firm_and_loose(), said(answer(OPENING))
    labels = {entry["name"]: entry["label"] for entry in gallery(MODEL)}
    shown = {"view": "prediction", "hide": [], "move": None, "positions": True}
    half = said(answer(OPENING, hide=EVERY_SECOND))
    unplaced = said(answer(loose, positions=False))
    shuffled = order(kept(loose).index(sum(kept(loose)) * 2 > ORDERS))  # the first whose answer is that of most orders
    sure, other = said(answer(firm, move=order(kept(firm).index(True)))), said(answer(loose, move=shuffled))
    return [
        {
            "text": "The map is what the class token, which gives the answer, collected from in the last layer. "
            "Is it looking at what *you* would look at?",
            "state": {**shown, "image": OPENING, "view": "attention", "layer": last, "head": "mean", "query": "class"},
        },
        {
            "text": "One patch asks here, in the first layer: the one on the left cheek. Choose other patches. "
            "Then go up through the layers.",
            "state": {**shown, "image": OPENING, "view": "attention", "layer": 0, "head": 2, "query": 34},
        },
        {
            "question": f"It says {cat}. Take every second of the 64 patches away: what will it say?",
            "choices": [f"Still {cat}", "Something else", "It can no longer answer"],
            "answer": int(half != cat),
            "reveal": (
                f"Still {cat}. In most of its training it saw only half of the patches, and had to make do."
                if half == cat
                else f"It says {half}. No patch was changed; half of them are gone, and the rest speak for that."
            ),
            "state": {**shown, "image": OPENING, "hide": EVERY_SECOND},
        },
        {
            "question": f"Another picture, the {labels[firm]}: it says {sure}. All patches are there. "
            "Shuffle them: what will it say?",
            "choices": ["Something else: the picture is in pieces", f"{sure.capitalize()}, as before"],
            "answer": 1,
            "reveal": f"{sure.capitalize()}. Colours and textures are in the patches themselves, and they are all still there.",
            "state": {**shown, "image": firm, "move": order(kept(firm).index(True))},
        },
        {
            "question": f"And the {labels[loose]}, of which it says {said(answer(loose))}: shuffled as well?",
            "choices": [f"{said(answer(loose)).capitalize()}, as before", "Something else"],
            "answer": int(other != said(answer(loose))),
            "reveal": (
                f"It says {other}. For this picture it matters what is where."
                if other != said(answer(loose))
                else f"Still {other}, in this order and in most others: it goes by what is in the patches."
            ),
            "state": {**shown, "image": loose, "move": shuffled},
        },
        {
            "question": "In order again. Tell the model no longer where each patch is: what will it say?",
            "choices": [f"{said(answer(loose)).capitalize()}, as before", "Something else"],
            "answer": int(unplaced != said(answer(loose))),
            "reveal": (f"It says {unplaced}. " if unplaced != said(answer(loose)) else f"Still {unplaced}, this time. ")
            + "It learned to expect position embeddings with every patch; without them each looks like something it has never met.",
            "state": {**shown, "image": loose, "positions": False},
        },
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true")
    choice.add_argument("--write", action="store_true")
    text = HEAD + yaml.dump(
        steps(), Dumper=Plain, sort_keys=False, allow_unicode=True, width=150, default_flow_style=None
    )
    if parser.parse_args(arguments).write:
        STEPS.write_text(text, encoding="utf-8")
    same = STEPS.read_text(encoding="utf-8") == text
    if not same:
        print(f"{STEPS.name} says something else than the model answers; python -m book.look_inside --write")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
