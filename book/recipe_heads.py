"""The head of every recipe says first what the recipe buys: its cost, the result to expect, and the command, as its record has them.

python -m book.recipe_heads --check     exit status 1 and a list, where a recipe has another head
python -m book.recipe_heads --write     put the heads into the recipes; after a new record
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from book.extension.results import metric, readable
from vit_tutorial.training import list_recipes, load_recipe
from vit_tutorial.training.recipe import RECIPES
from vit_tutorial.training.record import headline, list_records, params_in_words, read_record

WAITING = Path(__file__).parent / "waiting.yaml"


def record_of(recipe: str) -> dict[str, Any] | None:
    """The record of the recipe as it is, without a field changed; None where there is none."""
    records = (read_record(name) for name in list_records())
    return next((r for r in records if r["recipe"]["name"] == recipe and not r["overrides"]), None)


def head(recipe: str, record: dict[str, Any] | None) -> list[str]:
    """The comment's lines."""
    if record is not None:
        name, score = headline(record)
        seconds = record["metrics"].get("cpu_seconds", record["metrics"]["train_seconds"])
        kind = "of processor time" if "cpu_seconds" in record["metrics"] else "a run"
        runs = f"{len(record['seeds'])} seed{'s' * (len(record['seeds']) != 1)}"
        return [
            f"# {metric(seconds)} {kind} on {record['device']}",
            f"# {readable(name)} {metric(score)} ({runs}, {params_in_words(record)}; record {record['name']})",
            f"# {record['command']}",
        ]
    waiting = {run["command"].split()[2]: run for run in yaml.safe_load(WAITING.read_text(encoding="utf-8"))}
    if recipe in waiting:
        run = waiting[recipe]
        return [
            f"# no record yet, so neither cost nor result is known: it waits for {run['waits_for']}",
            f"# {run['command']}",
        ]
    kinds = {"image_folder": "images", "mask_folder": "images with masks", "table": "images with a table of answers"}
    own = kinds.get(load_recipe(recipe).data)
    if own:
        return [
            f"# for {own} of your own, on which cost and result depend",
            f"# vit-tutorial train {recipe} --data FOLDER",
        ]
    return ["# no record yet, so neither cost nor result is known", f"# vit-tutorial train {recipe} --record NAME"]


def written(text: str, lines: list[str]) -> str:
    """The recipe's text with this head in place of the one before the title."""
    return "\n".join([*lines, text[text.index("title:") :]])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--check", action="store_true")
    choice.add_argument("--write", action="store_true")
    write, wrong = parser.parse_args(arguments).write, []
    for name in list_recipes():
        path = RECIPES / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        new = written(text, head(name, record_of(name))).replace("\N{NO-BREAK SPACE}", " ")
        if new != text:
            wrong.append(name)
            print(f"{name}: {'head written' if write else 'has another head'}")
            if write:
                path.write_text(new, encoding="utf-8")
    return 1 if wrong and not write else 0


if __name__ == "__main__":
    sys.exit(main())
