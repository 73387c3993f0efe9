"""Numbers in recipes mean what people mean by them, and no field is silently there twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from vit_tutorial.cli import main
from vit_tutorial.training import RecipeError, load_recipe
from vit_tutorial.training.yaml_text import read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10), ("1_000", 1000), ("-3", -3), ("0.5", 0.5), ("1.0e-3", 0.001), (".5", 0.5), ("true", True), ("null", None),
        ("[1, 2.5]", [1, 2.5]), ("{depth: 2}", {"depth": 2}), ("1:30", "1:30"), ("0x10", "0x10"), ("1.2.3", "1.2.3"), ("cat", "cat"),
    ],
)  # fmt: skip
def test_values_are_read_as_they_look(text: str, value: object) -> None:
    assert read_yaml(text) == value
    assert type(read_yaml(text)) is type(value)


def test_infinity_is_a_number_as_in_yaml() -> None:
    assert read_yaml("[.inf, -.inf]") == [float("inf"), float("-inf")]


def test_a_field_twice_is_refused_in_one_line_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("data: digits\nlr: 1e-3\nlr: 5\n")
    with pytest.raises(
        RecipeError, match=r"mine\.yaml is not a recipe: line 3: the field 'lr' is there twice"
    ) as error:
        load_recipe(file)
    assert "\n" not in str(error.value)


def test_broken_yaml_names_its_line_in_one_line() -> None:
    with pytest.raises(yaml.YAMLError, match=r"^line 2: ") as error:
        read_yaml("data: digits\n\tlr: 1\n")
    assert "\n" not in str(error.value)


def test_a_time_is_no_number_of_epochs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits", "--set", "epochs=1:30", "--out", str(tmp_path)]) == 2
    assert "epochs is '1:30'; it must be a whole number" in capsys.readouterr().err
