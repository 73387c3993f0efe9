"""Imports: no module needs itself on any way, and the figures' short names mean the calls, whatever was imported before."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import vit_tutorial
from vit_tutorial import widgets


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Which module imports which, within functions too."""
    return grimp.build_graph("vit_tutorial", cache_dir=None)


def circles(graph: grimp.ImportGraph) -> Iterator[tuple[str, ...]]:
    """Ways from a module through its imports back to itself; unlike import-linter's, also those through a package's own ``__init__``."""
    for module in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            way = graph.find_shortest_chain(importer=imported, imported=module)
            if way:
                yield (module, *way)


def test_no_module_imports_itself_on_any_way(graph: grimp.ImportGraph) -> None:
    assert list(circles(graph)) == []


def test_a_circle_through_the_front_of_a_package_would_be_found(graph: grimp.ImportGraph) -> None:
    graph.add_import(importer="vit_tutorial.training.engine", imported="vit_tutorial.training")
    try:
        found = next(circles(graph))
        assert found[0] == found[-1]
        assert "vit_tutorial.training.engine" in found
    finally:
        graph.remove_import(importer="vit_tutorial.training.engine", imported="vit_tutorial.training")


MODULES = [module.name for module in pkgutil.walk_packages(widgets.__path__, f"{widgets.__name__}.")]


def test_the_figures_names_are_the_calls_after_every_module_was_imported() -> None:
    for name in MODULES:
        importlib.import_module(name)
    for name in ("explorer", "live", "load_page_model", "open_picture"):
        assert inspect.isfunction(getattr(widgets, name)), name
    assert inspect.isclass(widgets.AttentionExplorer)


def test_no_folder_or_module_has_a_figures_name() -> None:
    """Importing it would put the module where a reader expects the call."""
    places = {path.stem for folder in widgets.__path__ for path in Path(folder).iterdir()}
    assert places.isdisjoint(widgets.__all__)


def test_an_unknown_figure_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'slider'"):
        widgets.slider  # noqa: B018


def test_neither_the_package_of_figures_nor_what_moves_their_pictures_imports_what_shows_them() -> None:
    code = """
import sys, vit_tutorial.widgets
print([m for m in ('anywidget', 'ipywidgets', 'matplotlib') if m in sys.modules])
import vit_tutorial.widgets.sliders.page
print([m for m in ('anywidget', 'ipywidgets') if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "[]"]


def test_neither_the_front_of_the_package_nor_the_help_of_its_command_imports_torch() -> None:
    code = """
import sys, vit_tutorial
from vit_tutorial.cli import main
try: main(['--help'])
except SystemExit as end: print(end.code, 'torch' in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 False"


def test_the_front_of_the_package_gives_its_names_and_no_others() -> None:
    assert vit_tutorial.setup is importlib.import_module("vit_tutorial.notebook").setup
    assert all(hasattr(vit_tutorial, name) for name in vit_tutorial.__all__)
    with pytest.raises(AttributeError, match="module 'vit_tutorial' has no attribute 'trainer'"):
        vit_tutorial.trainer  # noqa: B018


def test_the_export_and_the_pages_models_are_found_under_both_of_their_names() -> None:
    from vit_tutorial.widgets import export, page_model
    from vit_tutorial.widgets.models import export as beside_the_models
    from vit_tutorial.widgets.models import page_model as among_the_models

    for short, home in ((export, beside_the_models), (page_model, among_the_models)):
        assert short.__all__
        assert all(getattr(short, name) is getattr(home, name) for name in short.__all__)
