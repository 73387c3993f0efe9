"""The map of features in a real browser: it follows hands, fingers and keys, and says what it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accessibility import serious_faults
from explorer_page import OpenedFigure, figure_site, opened
from web import served

from vit_tutorial.data import digits
from vit_tutorial.widgets import feature_map
from vit_tutorial.widgets.feature_map.data import MapData, map_data
from vit_tutorial.widgets.feature_map.page import page_element
from vit_tutorial.widgets.feature_map.state import start_state
from vit_tutorial.widgets.feature_map.still import draw

N = 80


@pytest.fixture(scope="module")
def data() -> MapData:
    test = digits().test
    pixels, noise = test.images[:N].flatten(1).float(), torch.randn(N, 8, generator=torch.Generator().manual_seed(0))
    return map_data(test.images[:N], {"pixels": pixels, "noise": noise}, test.labels[:N])


@pytest.fixture(scope="module")
def site(data: MapData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("map")
    start = start_state(data, {})
    element = page_element(start, draw(start).html, "The caption.", "map")
    return figure_site(folder, element)


class Map(OpenedFigure):
    def set(self, **state: Any) -> None:
        self.figure.evaluate("(figure, state) => figure.map.set(state)", state)

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.figure.evaluate("figure => figure.map.state"))

    def places(self) -> list[list[float]]:
        return list(self.figure.evaluate("figure => figure.map.places()"))

    def where(self, image: int) -> tuple[float, float]:
        """The place of an image's point on the screen."""
        self.figure.locator(".map").scroll_into_view_if_needed()
        box, (x, y) = self.figure.locator(".map canvas").bounding_box(), self.places()[image]
        return box["x"] + box["width"] * (50 + x) / 1100, box["y"] + box["height"] * (50 + y) / 1100

    def neighbours(self) -> list[str]:
        return list(self.figure.locator(".near").evaluate_all("nodes => nodes.map(n => n.getAttribute('aria-label'))"))


@pytest.fixture
def shown(chromium: Any, site: Path) -> Iterator[Map]:
    with opened(chromium, f"{site.as_uri()}/light.html", reduced_motion="reduce") as page:
        yield Map(page)
        assert page.faults == []


def alone(data: MapData) -> int:
    """An image whose point no other hides."""
    places = torch.tensor(data["encoders"][0]["maps"]["pca"]).float()
    distances = torch.cdist(places, places).fill_diagonal_(torch.inf)
    return int(distances.min(1).values.argmax())


def test_pointing_at_an_image_shows_it_with_its_neighbours(shown: Map, data: MapData) -> None:
    image = alone(data)
    assert image != 0
    shown.page.mouse.move(*shown.where(image))
    assert shown.state["chosen"] == image
    labels = data["labels"]
    assert labels is not None
    assert shown.figure.locator(".title").inner_text() == f"image {image}, {labels[image]}"
    expected = data["encoders"][0]["neighbours"][image]
    assert shown.neighbours() == [f"image {i}, {labels[i]}" for i in expected]
    same = sum(labels[i] == labels[image] for i in expected)
    assert shown.figure.locator(".subtitle").inner_text() == f"Nearest neighbours, {same} of 8 of its class"
    assert shown.figure.locator(".near.other").count() == 8 - same
    shown.figure.locator(".near").nth(2).click()
    assert shown.state["chosen"] == expected[2]


def test_another_encoder_moves_the_points_and_changes_the_neighbours(shown: Map, data: MapData) -> None:
    before = shown.neighbours()
    assert shown.places() == data["encoders"][0]["maps"]["pca"]
    shown.radio("Encoder", "noise")
    shown.radio("Map", "tsne")
    assert shown.places() == data["encoders"][1]["maps"]["tsne"]
    assert shown.neighbours() != before
    share = data["encoders"][1]["agreement"]
    assert share is not None
    text = shown.figure.locator(".readout").inner_text()
    assert f"noise: {100 * share:.0f}\u00a0% of an image's 8 nearest neighbours" in text
    assert "distances between groups say little" in text


def test_with_motion_the_points_travel(chromium: Any, site: Path, data: MapData) -> None:
    with opened(chromium, f"{site.as_uri()}/light.html", reduced_motion="no-preference") as page:
        shown = Map(page)
        start, end = data["encoders"][0]["maps"]["pca"], data["encoders"][1]["maps"]["pca"]
        assert shown.places() == start != end
        page.clock.install()  # from here the page's time moves only when the test says so, however slow the machine
        shown.set(encoder="noise")
        page.clock.run_for(150)
        between = shown.places()
        assert between != start
        assert between != end
        page.clock.run_for(1000)
        assert shown.places() == end


def test_arrow_keys_go_to_the_next_image_in_their_direction(shown: Map, data: MapData) -> None:
    places = data["encoders"][0]["maps"]["pca"]
    middle = min(range(N), key=lambda i: abs(places[i][0] - 500) + abs(places[i][1] - 500))
    for key, axis, sign in (("ArrowRight", 0, 1), ("ArrowLeft", 0, -1), ("ArrowDown", 1, 1), ("ArrowUp", 1, -1)):
        shown.set(chosen=middle)
        shown.figure.locator(".map").focus()
        shown.page.keyboard.press(key)
        chosen = shown.state["chosen"]
        assert chosen != middle
        assert sign * (places[chosen][axis] - places[middle][axis]) > 0
    shown.page.keyboard.press("n")
    assert shown.state["chosen"] == data["encoders"][0]["neighbours"][chosen][0]
    spoken = shown.figure.locator("[role=status]")
    shown.page.wait_for_timeout(700)  # it is silent at the start, and speaks once the hand rests
    shown.page.keyboard.press("n")
    shown.page.wait_for_timeout(700)
    assert spoken.inner_text().startswith(f"image {shown.state['chosen']}, ")


def test_a_finger_points(chromium: Any, site: Path, data: MapData) -> None:
    with opened(chromium, f"{site.as_uri()}/light.html", 380, 800, has_touch=True, is_mobile=True) as page:
        shown = Map(page)
        page.touchscreen.tap(*shown.where(alone(data)))
        assert shown.state["chosen"] == alone(data)


@pytest.mark.parametrize("width", [1280, 380])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_scrolls_sideways(
    chromium: Any, site: Path, theme: str, width: int
) -> None:
    with opened(chromium, f"{site.as_uri()}/{theme}.html", width, reduced_motion="reduce") as page:
        shown = Map(page)
        shown.set(chosen=5)
        assert serious_faults(page, "figure", target_size=True) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_chosen_point_is_drawn_in_the_pages_ink(chromium: Any, site: Path) -> None:
    """Also at the start, when the figure is drawn before it is part of the page."""
    grey = (
        "c => { const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;"
        " for (let i = 0; i < p.length; i += 4) n += p[i + 3] > 250 && %s; return n; }"
    )
    for theme, ink in (
        ("light", "p[i] < 60 && p[i + 1] < 60 && p[i + 2] < 70"),
        ("dark", "p[i] > 200 && p[i + 1] > 200 && p[i + 2] > 200"),
    ):
        with opened(chromium, f"{site.as_uri()}/{theme}.html", reduced_motion="reduce") as page:
            shown = Map(page)
            page.wait_for_timeout(100)
            assert shown.figure.locator(".map canvas").evaluate(grey % ink) > 200


def test_without_scripts_it_is_a_picture_and_with_a_cut_script_it_says_why(chromium: Any, site: Path) -> None:
    for theme in ("light", "dark"):
        with opened(chromium, f"{site.as_uri()}/{theme}.html", java_script_enabled=False) as page:
            pictures = page.locator("figure img")
            assert [picture.is_visible() for picture in pictures.all()].count(True) == 1
            assert page.locator(f"figure img.vt-{theme}").is_visible()
            assert "80 images as points" in pictures.first.get_attribute("alt")
            assert page.locator("figcaption").inner_text() == "The caption."
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/vit-map.js", lambda route: route.fulfill(body="// cut"))
    page.goto(f"{site.as_uri()}/light.html")
    alarm = page.get_by_role("alert")
    alarm.wait_for()
    assert "its script was cut" in alarm.inner_text()
    context.close()


def test_the_notebooks_script_goes_both_ways(chromium: Any, data: MapData, tmp_path: Path) -> None:
    """widget.js with a stand-in for the kernel's side: what the reader does is set there, and what is set there is shown."""
    script = Path(feature_map.__file__).parent / "dist" / "widget.js"
    (tmp_path / "widget.js").write_bytes(script.read_bytes())
    values = {"data": data, "encoder": "pixels", "map": "pca", "chosen": 1}
    (tmp_path / "index.html").write_text(
        f"""<!doctype html><link rel="icon" href="data:,"><div id="el"></div><script type="module">
        import widget from "./widget.js";
        const values = {json.dumps(values)}, heard = {{}};
        globalThis.model = {{
          get: (key) => values[key], set(key, value) {{ values[key] = value; }}, save_changes() {{}}, on(event, f) {{ heard[event] = f; }}, off() {{}},
          python(key, value) {{ values[key] = value; heard["change:" + key](); }},
        }};
        await widget.render({{ model, el: document.getElementById("el") }});
        globalThis.ready = true;
        </script>"""
    )
    with served(tmp_path) as address, opened(chromium, f"{address}/index.html") as page:
        page.wait_for_function("globalThis.ready")
        page.evaluate("model.python('chosen', 7)")
        assert page.locator(".title").inner_text().startswith("image 7, ")
        page.locator(".near").first.click()
        page.wait_for_function(f"model.get('chosen') === {data['encoders'][0]['neighbours'][7][0]}")
        assert page.faults == []
