"""Fields with a meaning and limits: every field of every configuration takes what it says, and refuses the rest by name."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vit_tutorial.cnn import CNNConfig
from vit_tutorial.config import Config
from vit_tutorial.training import Recipe, RecipeError
from vit_tutorial.vit import ViTConfig

FIELDS = [(kind, f) for kind in (Recipe, ViTConfig, CNNConfig) for f in dataclasses.fields(kind) if f.name != "name"]
each_field = pytest.mark.parametrize(("kind", "f"), FIELDS, ids=[f"{kind.__name__}.{f.name}" for kind, f in FIELDS])
NONSENSE = [
    "abc",
    "",
    "1x2",
    2.5j,
    object(),
    {1, 2},
    float("nan"),
    float("inf"),
    "nan",
    [[1]],
    [],
    b"3",
    {"depth": object},
]


def plain_kinds(kind: type[Config], name: str) -> list[Any]:
    """The types that a field can have, without None."""
    hint = get_type_hints(kind)[name]
    alternatives = get_args(hint) if get_origin(hint) not in (None, tuple, dict, Literal) else (hint,)
    return [one for one in alternatives if one is not type(None)]


@each_field
def test_a_field_says_what_it_means_and_its_default_is_allowed(kind: type[Config], f: dataclasses.Field[Any]) -> None:
    assert f.metadata["meaning"]
    default = f.default_factory() if f.default is dataclasses.MISSING else f.default  # type: ignore[misc]
    assert kind.read(f.name, default) == default
    assert f"  {f.name}: {f.metadata['meaning']}; " in kind.describe()


NUMBERS = [(kind, f) for kind, f in FIELDS if {int, float} & {*plain_kinds(kind, f.name)}]


@pytest.mark.parametrize(("kind", "f"), NUMBERS, ids=[f"{kind.__name__}.{f.name}" for kind, f in NUMBERS])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_number_is_taken_within_the_limits_and_refused_outside(
    kind: type[Config], f: dataclasses.Field[Any], data: st.DataObject
) -> None:
    numbers = [one for one in plain_kinds(kind, f.name) if one in (int, float)]
    limits = f.metadata["limits"] or "(-inf, inf)"
    low, high = (float(part) for part in limits[1:-1].split(","))
    draw = st.integers(-1000, 1000) if numbers[0] is int else st.floats(-1000, 1000) | st.sampled_from([low, high])
    value = data.draw(draw)
    inside = low < value < high or (value == low and limits[0] == "[") or (value == high and limits[-1] == "]")
    if inside:
        assert kind.read(f.name, value) == value
        assert isinstance(kind.read(f.name, value), numbers[0])
    else:
        with pytest.raises(ValueError, match=f"^{f.name} is .*; it must be ") as caught:
            kind.read(f.name, value)
        assert "\n" not in str(caught.value)


@each_field
def test_nonsense_is_refused_in_one_line_that_names_the_field(kind: type[Config], f: dataclasses.Field[Any]) -> None:
    kinds = plain_kinds(kind, f.name)
    any_text = kinds == [str] and not f.metadata["one_of"]
    any_fields = get_origin(kinds[0]) is dict  # they are checked by the model's own configuration
    for value in NONSENSE:
        if (any_text and isinstance(value, str)) or (any_fields and isinstance(value, dict)):
            continue
        with pytest.raises(ValueError, match=f"^{f.name} is .*; it must be ") as caught:
            kind.read(f.name, value)
        assert "\n" not in str(caught.value)


def test_a_fault_of_a_recipe_is_a_recipe_error_and_names_the_nearest_field() -> None:
    with pytest.raises(RecipeError, match="epochs is 0"):
        Recipe("mine", epochs=0)
    with pytest.raises(RecipeError, match="unknown Recipe field 'epoch'; did you mean 'epochs'"):
        Recipe("mine").with_(epoch=3)


def test_numbers_are_taken_as_text_files_and_other_libraries_write_them() -> None:
    assert Recipe.read("lr", "1e-3") == 1e-3
    assert Recipe.read("lr", np.float32(0.5)) == 0.5
    assert Recipe.read("epochs", np.int64(3)) == 3
    assert Recipe.read("seeds", 4) == (4,)
    assert ViTConfig(img_size=[8, 16], mlp_ratio=2).img_size == (8, 16)  # type: ignore[arg-type]


def test_a_configuration_survives_the_way_through_json() -> None:
    config = ViTConfig(img_size=(8, 16), patch_size=4, init_values=1e-4)
    assert ViTConfig.from_dict(config.to_dict()) == config
    assert config.to_dict()["img_size"] == [8, 16]
