"""The ranges of versions: alike in both files, and wide enough for what was tested and for what Colab has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent


def ranges(file: str) -> list[Requirement]:
    """The requirements of a file, one a line."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pins(file: str) -> dict[str, str]:
    """Name and version of what a file pins."""
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in ranges(file)}


def ranges_of_the_package() -> list[Requirement]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    return [Requirement(range_) for range_ in re.findall(r'"([^"]+)"', block)]


def test_the_package_and_the_book_have_the_same_ranges() -> None:
    of_the_book = {range_.name: range_ for range_ in ranges("requirements.txt")}
    assert [of_the_book[range_.name] for range_ in ranges_of_the_package()] == ranges_of_the_package()


@pytest.mark.parametrize("range_", ranges("requirements.txt"), ids=lambda range_: range_.name)
def test_a_range_admits_the_version_that_was_tested(range_: Requirement) -> None:
    assert range_.specifier.contains(pins("constraints.txt")[canonicalize_name(range_.name)])


@pytest.mark.parametrize("range_", ranges_of_the_package(), ids=lambda range_: range_.name)
def test_pip_replaces_nothing_that_colab_has(range_: Requirement) -> None:
    """Colab's page is built for its own widgets: figures of newer ones stay blank."""
    assert range_.specifier.contains(pins("tests/colab.txt")[canonicalize_name(range_.name)])
