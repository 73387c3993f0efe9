"""Live figures: what can be asked of them, what they carry into the built book, and how they answer in a kernel."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from matplotlib.figure import Figure
from PIL import Image

from vit_tutorial.widgets import live
from vit_tutorial.widgets.sliders.page import PageFigure, to_files
from vit_tutorial.widgets.sliders.widget import KernelFigure


def plain(layer: int = 0, head: int = 0, **_: Any) -> Figure:
    """One uniform picture a setting: its grey level says which."""
    return Figure(figsize=(2, 1), facecolor=str(round((3 * layer + head) / 12, 3)))


def page_figure(monkeypatch: pytest.MonkeyPatch, *arguments: Any, **parameters: Any) -> PageFigure:
    """What the call returns while the book is built."""
    monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    figure = live(*arguments, **parameters)
    assert isinstance(figure, PageFigure)
    return figure


def grey(data: bytes) -> int:
    """The grey level in the middle of a picture."""
    image = Image.open(io.BytesIO(data)).convert("L")
    return int(image.getpixel((image.width // 2, image.height // 2)))


def expected(layer: int, head: int) -> int:
    return grey_of(plain(layer, head))


def grey_of(figure: Figure) -> int:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return grey(buffer.getvalue())


@pytest.fixture(autouse=True)
def in_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIT_BOOK_BUILD", raising=False)


# What can be asked


@pytest.mark.parametrize("alt", [None, "", 3])
def test_a_figure_without_alternative_text_is_refused(alt: Any) -> None:
    with pytest.raises(ValueError, match=r"needs alt: what the figure shows .* alt=lambda layer"):
        live(plain, layer=range(4), alt=alt)


def test_a_figure_without_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one parameter"):
        live(plain, alt="Grey.")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (range(4), "slider"),
        ([0.1, 0.5, 1], "slider"),
        (np.linspace(0, 1, 3), "slider"),
        (torch.arange(3), "slider"),
        (["cosine", "linear"], "choice"),
        (["a long way to say it", "another long way to say it"], "list"),
        ([False, True], "switch"),
        ([True, False], "switch"),
    ],
)
def test_the_values_decide_the_control(values: Any, kind: str) -> None:
    figure = live(lambda value: plain(), value=values, alt="Grey.")
    assert [control["kind"] for control in figure._controls] == [kind]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "layer has no values"),
        (3, "layer is 3; give the values it can take"),
        ("abc", "layer is 'abc'; give the values"),
        ([1, "a"], "not a mixture"),
        ([True, 1.5], "not a mixture"),
        ([1, 2, 1], "the value 1 twice"),
        ([1, float("nan")], "the value nan; give finite numbers"),
        ([None], "not a mixture"),
    ],
)
def test_values_without_a_control_are_refused(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        live(plain, layer=values, alt="Grey.")


@pytest.mark.parametrize("build", [False, True])
def test_too_many_settings_are_counted_before_any_is_drawn(monkeypatch: pytest.MonkeyPatch, build: bool) -> None:
    if build:
        monkeypatch.setenv("VIT_BOOK_BUILD", "1")
    with pytest.raises(
        ValueError, match=r"4 \(layer\) x 3 \(head\) x 64 \(query\) = 768 figures.* 200 .*every 4th of query"
    ):
        live(pytest.fail, layer=range(4), head=range(3), query=range(64), alt="Grey.")


def test_pictures_that_are_too_large_are_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    def noise(seed: int) -> Figure:
        figure = Figure(figsize=(2, 2))
        pixels = np.random.default_rng(seed).random((400, 400, 3))
        figure.figimage(pixels)
        return figure

    monkeypatch.setattr("vit_tutorial.widgets.sliders.page.MAX_BYTES", 100_000)
    with pytest.raises(ValueError, match=r"the 2 different pictures take \d\.\d MB .* are kept; take fewer values"):
        page_figure(monkeypatch, noise, seed=range(2), alt="Noise.")


def test_the_start_must_be_one_of_the_values() -> None:
    with pytest.raises(ValueError, match="layer is 4; it can be 0, 1, 2, 3"):
        live(plain, layer=range(4), start={"layer": 4}, alt="Grey.")


@pytest.mark.parametrize("argument", ["start", "labels"])
def test_a_name_that_is_no_parameter_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match="no parameter 'layr'; there are: layer"):
        live(plain, layer=range(4), alt="Grey.", **{argument: {"layr": 0}})


@pytest.mark.parametrize("build", [False, True])
def test_a_function_that_returns_axes_is_told_to_return_the_figure(
    monkeypatch: pytest.MonkeyPatch, build: bool
) -> None:
    if build:
        monkeypatch.setenv("VIT_BOOK_BUILD", "1")

    def draw(layer: int) -> Any:
        return Figure().subplots()

    with pytest.raises(TypeError, match=r"draw returned Axes, not a matplotlib Figure; return its figure: axes.figure"):
        live(draw, layer=range(2), alt="Grey.")


# In the built book


def test_every_setting_shows_the_picture_of_its_own_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = page_figure(monkeypatch, plain, layer=range(4), head=range(3), alt="Grey.")
    for layer in range(4):
        for head in range(3):
            data, kind = figure.pictures[figure.shown[3 * layer + head]]
            assert kind == "webp"
            assert grey(data) == expected(layer, head)


def test_equal_pictures_are_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = page_figure(monkeypatch, lambda layer, unused: plain(layer), layer=range(2), unused=range(3), alt="Grey.")
    assert len(figure.pictures) == 2
    assert figure.shown == [0, 0, 0, 1, 1, 1]


def test_a_picture_has_two_dots_for_each_pixel_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = page_figure(monkeypatch, plain, layer=[0], alt="Grey.")
    assert figure.size == (200, 100)
    assert Image.open(io.BytesIO(figure.pictures[0][0])).size == (400, 200)


def test_pictures_of_different_sizes_are_filled_up_with_white(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = page_figure(monkeypatch, lambda w: Figure(figsize=(w, 1), facecolor="black"), w=[1, 2], alt="Black.")
    first = Image.open(io.BytesIO(figure.pictures[0][0])).convert("L")
    assert first.size == (400, 200)
    assert (first.getpixel((100, 100)), first.getpixel((300, 100))) == (0, 255)


def test_drawing_keeps_every_dot_of_a_diagram(monkeypatch: pytest.MonkeyPatch) -> None:
    from vit_tutorial.figures import schedule_plot

    figure = page_figure(monkeypatch, lambda peak: schedule_plot([0.0, peak, 0.0]), peak=[1.0], alt="A triangle.")
    shown = np.asarray(Image.open(io.BytesIO(figure.pictures[0][0])).convert("RGB"))
    drawn = np.asarray(Image.open(io.BytesIO(schedule_plot([0.0, 1.0, 0.0])._repr_png_()[0])).convert("RGB"))
    assert np.array_equal(shown, drawn)


def crowded(n: int) -> Figure:
    """A figure with all that a layout has to find room for."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 10**n], label=f"of order {n}")
    left.set(title="Title", xlabel="x", ylabel="y" * n)
    left.legend()
    figure.colorbar(right.imshow(np.arange(12).reshape(3, 4) * 10**n), ax=right)
    right.annotate("outside", (0, 0), (-2, -1), arrowprops={"arrowstyle": "->"})
    figure.suptitle("Above")
    return figure


@pytest.mark.parametrize("n", [1, 5])
def test_a_frame_is_what_savefig_writes(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    shown = Image.open(io.BytesIO(page_figure(monkeypatch, crowded, n=[n], alt="Much.").pictures[0][0]))
    buffer = io.BytesIO()
    crowded(n).savefig(buffer, format="png", dpi=200)
    assert np.array_equal(np.asarray(shown.convert("RGB")), np.asarray(Image.open(buffer).convert("RGB")))


@pytest.mark.parametrize("build", ["", "1"])
def test_drawing_leaves_a_figure_as_it_was(monkeypatch: pytest.MonkeyPatch, build: str) -> None:
    monkeypatch.setenv("VIT_BOOK_BUILD", build)
    figure = Figure(figsize=(2, 1), dpi=70)
    canvas = figure.canvas
    live(lambda n: figure, n=range(2), alt="Nothing.")
    assert (figure.dpi, figure.canvas) == (70, canvas)
    assert list(figure.get_size_inches()) == [2, 1]


def test_the_static_picture_is_that_of_the_start_with_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = page_figure(
        monkeypatch,
        plain,
        layer=range(4),
        head=range(3),
        start={"head": 1, "layer": 2},
        alt=lambda layer, head: f'"{layer}" & <{head}>',
        caption="A caption with <b> & more.",
    )
    element = BeautifulSoup(figure.html(), "html.parser").figure
    assert element.img["alt"] == '"2" & <1>'
    assert grey(base64.b64decode(element.img["src"].split(",")[1])) == expected(2, 1)
    assert element.figcaption.get_text() == "A caption with <b> & more."
    assert (element.img["width"], element.img["height"], element.img["loading"]) == ("200", "100", "lazy")
    assert grey(base64.b64decode(figure._repr_mimebundle_()["image/png"])) == expected(2, 1)


def test_the_figure_carries_its_settings_in_its_html(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {"layer": "Layer </script>"}
    figure = page_figure(
        monkeypatch, plain, layer=range(2), mode=["a", "b"], labels=labels, start={"mode": "b"}, alt="Grey."
    )
    element = BeautifulSoup(figure.html(), "html.parser").figure
    data = json.loads(element.find("script", type="application/json").string)
    assert data["controls"] == [
        {"label": "Layer </script>", "kind": "slider", "texts": ["0", "1"]},
        {"label": "mode", "kind": "choice", "texts": ["a", "b"]},
    ]
    assert data["start"] == [0, 1]
    assert data["shown"] == [0, 0, 1, 1]
    assert data["texts"] == ["Grey."]


def test_the_books_build_moves_pictures_to_files_named_by_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figure = page_figure(monkeypatch, plain, layer=range(4), alt="Grey.")
    page = to_files(f"<p>Before.</p>{figure.html()}<p>After.</p>", tmp_path / "live", "../_figures/live")
    assert "base64" not in page
    assert "vt-live-script" not in page
    assert page.startswith("<p>Before.</p>")
    assert page.endswith("<p>After.</p>")
    data = json.loads(BeautifulSoup(page, "html.parser").find("script", type="application/json").string)
    kept = set()
    for look, pictures in (("pictures", figure.pictures), ("dark", figure.dark)):
        names = [Path(address).name for address in data[look]]
        assert all(address.startswith("../_figures/live/") for address in data[look])
        assert [(tmp_path / "live" / name).read_bytes() for name in names] == [data for data, _ in pictures]
        kept.update(names)
    assert {p.name for p in (tmp_path / "live").iterdir()} == kept


def test_pictures_outside_the_figures_stay_where_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A page within the page has pictures of its own, which a file on the disk may not read from beside it."""
    figure = page_figure(monkeypatch, plain, layer=range(4), alt="Grey.").html()
    others = [
        '<img src="data:image/png;base64,AAAA">',
        '<iframe srcdoc="&quot;data:image/png;base64,BBBB&quot;"></iframe>',
    ]
    page = to_files(f"{others[0]}{figure}{others[1]}{figure}", tmp_path / "live", "../_figures/live")
    assert page.startswith(others[0])
    assert others[1] in page
    assert page.count("base64") == 2


def test_the_same_call_gives_the_same_page(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (page_figure(monkeypatch, plain, layer=range(3), alt="Grey.").html() for _ in range(2))
    assert first == second


def test_a_figure_of_pyplot_is_closed_after_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    page_figure(monkeypatch, lambda n: plt.figure(figsize=(1, 1)), n=range(3), alt="Nothing.")
    assert plt.get_fignums() == []


def test_nothing_of_the_figure_comes_from_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    html = page_figure(monkeypatch, plain, layer=range(2), alt="Grey.").html()
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", html)


def test_what_breaks_the_reader_s_figure_breaks_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> bytes:
        raise RuntimeError("no picture for readers")

    monkeypatch.setattr("vit_tutorial.widgets.sliders.widget.save", broken)
    with pytest.raises(RuntimeError, match="no picture for readers"):
        page_figure(monkeypatch, plain, layer=range(2), alt="Grey.")


# In a kernel


def test_a_kernel_draws_only_what_is_asked_for_and_each_setting_once() -> None:
    drawn: list[tuple[int, int]] = []

    def draw(layer: int, head: int) -> Figure:
        drawn.append((layer, head))
        return plain(layer, head)

    figure = live(draw, layer=range(4), head=range(3), alt="Grey.")
    assert isinstance(figure, KernelFigure)
    figure.settings = {"layer": 2, "head": 1}
    figure.settings = {"layer": 0, "head": 0}
    assert drawn == [(0, 0), (2, 1)]


def test_what_python_sets_is_what_is_shown() -> None:
    figure = live(plain, layer=range(4), head=range(3), alt=lambda layer, head: f"Layer {layer}, head {head}.")
    figure.settings = {"head": 1, "layer": 3}
    assert figure._shown["places"] == [3, 1] == figure._asked
    assert grey(figure._shown["picture"]) == expected(3, 1)
    assert figure._shown["text"] == "Layer 3, head 1."
    assert figure._shown["size"] == [200, 100]


def test_what_the_reader_asks_for_is_set_in_python() -> None:
    figure = live(plain, layer=[1, 2, 3], head=range(3), alt="Grey.")
    seen: list[dict[str, int]] = []
    figure.observe(lambda change: seen.append(change.new), "settings")
    figure.set_state({"_asked": [2, 1]})  # as a front end does
    assert seen == [{"layer": 3, "head": 1}]
    assert grey(figure._shown["picture"]) == expected(3, 1)


def test_a_setting_that_is_not_there_is_refused_and_changes_nothing() -> None:
    figure = live(plain, layer=range(4), alt="Grey.")
    with pytest.raises(ValueError, match="layer is 7; it can be 0, 1, 2, 3"):
        figure.settings = {"layer": 7}
    assert figure.settings == {"layer": 0}


def test_an_error_while_drawing_is_said_in_the_figure_and_gone_with_the_next() -> None:
    def draw(layer: int) -> Figure:
        if layer == 1:
            raise RuntimeError("no such layer")
        return plain(layer)

    figure = live(draw, layer=range(3), alt="Grey.")
    figure.settings = {"layer": 1}
    assert figure.fault == "This setting could not be drawn: RuntimeError: no such layer"
    assert figure._shown["places"] == [1]
    figure.settings = {"layer": 2}
    assert figure.fault == ""
    assert grey(figure._shown["picture"]) == expected(2, 0)


def test_an_error_in_the_first_drawing_reaches_the_cell() -> None:
    def draw(layer: int) -> Figure:
        raise RuntimeError("no weights")

    with pytest.raises(RuntimeError, match="no weights"):
        live(draw, layer=range(3), alt="Grey.")
