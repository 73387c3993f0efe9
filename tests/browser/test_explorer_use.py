"""What a reader does with the explorer, by mouse, finger and keyboard, and what then changes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_page import Explorer, opened
from PIL import Image


@pytest.fixture(scope="module")
def shared_page(chromium: Any, figures: Path) -> Iterator[Any]:
    with opened(chromium, f"{figures.as_uri()}/one.html") as page:
        yield page
        assert page.faults == []


@pytest.fixture
def explorer(shared_page: Any) -> Explorer:
    """The figure as it was when the page opened: layer 2, head 1, patch 24, the picture "three"."""
    figure = Explorer(shared_page)
    figure.set(
        view="attention", image="three", layer=2, head=1, query=24, show="query", step=0, key="auto", tool="query"
    )
    figure.set(temperature=1, scale=0.5, hide=[], move=None, positions=True, headsOff=[])
    return figure


# ---- attention -------------------------------------------------------------------------------------------------------------


def test_a_click_on_a_patch_makes_it_the_query(explorer: Explorer) -> None:
    before = explorer.map_values()
    explorer.patch(9).click()
    assert explorer.state["query"] == 9
    assert explorer.patch(9).get_attribute("aria-selected") == "true"
    assert "patch 9" in explorer.readout
    assert not np.array_equal(explorer.map_values(), before)


def test_a_click_on_the_map_makes_that_patch_the_query(explorer: Explorer) -> None:
    explorer.patch(10, ".panel.map").click()
    assert explorer.state["query"] == 10


def test_arrow_keys_move_the_query_and_lead_up_to_the_class_token(explorer: Explorer) -> None:
    explorer.patch(8).click()
    for key, query in [
        ("ArrowRight", 9),
        ("ArrowDown", 16),
        ("ArrowLeft", 15),
        ("ArrowUp", 8),
        ("ArrowUp", 1),
        ("ArrowUp", "class"),
    ]:
        explorer.page.keyboard.press(key)
        assert explorer.state["query"] == query
    explorer.page.keyboard.press("ArrowDown")
    assert explorer.state["query"] == 0


def test_sliders_choose_layer_and_head_and_a_switch_their_mean(explorer: Explorer) -> None:
    explorer.figure.get_by_role("slider", name="Layer").focus()
    explorer.page.keyboard.press("ArrowRight")
    assert explorer.state["layer"] == 3
    head = explorer.figure.get_by_role("slider", name="Head")
    head.focus()
    explorer.page.keyboard.press("End")
    assert explorer.state["head"] == 3
    alone = explorer.map_values()
    explorer.figure.get_by_role("switch", name="Mean of heads").check()
    assert explorer.state["head"] == "mean"
    assert not np.array_equal(explorer.map_values(), alone)


def test_dragging_the_slider_changes_the_layer(explorer: Explorer) -> None:
    slider = explorer.figure.get_by_role("slider", name="Layer")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    explorer.page.mouse.move(box["x"] + box["width"] * 0.66, box["y"] + box["height"] / 2)
    explorer.page.mouse.down()
    explorer.page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=5)
    explorer.page.mouse.up()
    assert explorer.state["layer"] == 0


def test_the_mean_of_heads_is_their_mean(explorer: Explorer) -> None:
    heads = []
    for head in range(4):
        explorer.set(head=head)
        heads.append(explorer.map_values())
    explorer.set(head="mean")
    np.testing.assert_allclose(explorer.map_values(), np.mean(heads, axis=0), atol=1.1e-3)


def test_a_head_chosen_among_all_heads_is_shown(explorer: Explorer) -> None:
    explorer.figure.get_by_role("gridcell", name="layer 1, head 3").click()
    assert (explorer.state["layer"], explorer.state["head"]) == (1, 3)
    explorer.page.keyboard.press("ArrowUp")
    assert (explorer.state["layer"], explorer.state["head"]) == (0, 3)


def test_received_attention_and_rollout_are_other_maps(explorer: Explorer) -> None:
    maps = []
    for show in ("query", "received", "rollout"):
        explorer.radio("Whose attention", show)
        maps.append(explorer.map_values())
    assert not np.array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[1], maps[2])


def test_a_high_temperature_makes_all_weights_alike(explorer: Explorer) -> None:
    spread = np.ptp(explorer.map_values())
    slider = explorer.figure.get_by_role("slider", name="Temperature")
    slider.focus()
    explorer.page.keyboard.press("End")
    assert explorer.state["temperature"] == 8
    assert np.ptp(explorer.map_values()) < spread / 2


# ---- the picture ------------------------------------------------------------------------------------------------------------


def test_a_picture_of_the_gallery_is_shown_and_read(explorer: Explorer) -> None:
    before, picture = explorer.probabilities, explorer.canvas(".panel.picture")
    explorer.button("eight").click()
    assert explorer.state["image"] == "eight"
    assert explorer.canvas(".panel.picture") != picture
    assert not np.allclose(explorer.probabilities, before, atol=1e-4)


def test_dragging_hides_patches_and_the_note_puts_them_back(explorer: Explorer) -> None:
    untouched = explorer.probabilities
    explorer.radio("Tool", "hide")
    explorer.drag(23, 24, 25)
    assert explorer.state["hide"] == [23, 24, 25]
    assert explorer.map_values()[[23, 24, 25]].tolist() == [0, 0, 0]
    assert not np.allclose(explorer.probabilities, untouched, atol=1e-4)
    explorer.button("3 patches hidden: undo").click()
    np.testing.assert_array_equal(explorer.probabilities, untouched)


def test_the_space_key_hides_a_patch(explorer: Explorer) -> None:
    explorer.radio("Tool", "hide")
    explorer.patch(30).focus()
    explorer.page.keyboard.press("Space")
    assert explorer.state["hide"] == [30]


def test_a_patch_is_dragged_onto_another_and_they_swap(explorer: Explorer) -> None:
    explorer.radio("Tool", "move")
    explorer.drag(17, 18, 26)
    move = explorer.state["move"]
    assert (move[17], move[26]) == (26, 17)
    assert [i for i, source in enumerate(move) if i != source] == [17, 26]


def test_the_keyboard_swaps_two_patches(explorer: Explorer) -> None:
    explorer.radio("Tool", "move")
    explorer.patch(17).focus()
    for key in ("Space", "ArrowRight", "ArrowDown", "Space"):
        explorer.page.keyboard.press(key)
    assert explorer.state["move"][17] == 25


def test_without_positions_a_shuffle_changes_nothing_and_with_them_it_does(explorer: Explorer) -> None:
    """Attention and FFN are permutation equivariant; only position embeddings tell the patches' places."""
    before = explorer.probabilities
    explorer.radio("Tool", "move")
    explorer.button("Shuffle").click()
    assert np.abs(explorer.probabilities - before).max() > 1e-3
    explorer.radio("View", "positions")
    explorer.figure.get_by_role("switch", name="Position embeddings on").uncheck()
    shuffled = explorer.probabilities
    explorer.radio("Tool", "move")
    explorer.button("Put back").click()
    np.testing.assert_allclose(explorer.probabilities, shuffled, atol=1e-5)


def test_a_digit_is_drawn_with_the_mouse_and_read(explorer: Explorer) -> None:
    explorer.radio("Tool", "draw")
    blank = explorer.probabilities
    explorer.drag(10, 17, 24, 31, 38)
    assert explorer.state["image"] == "drawn"
    assert not np.allclose(explorer.probabilities, blank, atol=1e-4)
    drawn = explorer.probabilities
    explorer.button("Clear").click()
    np.testing.assert_array_equal(explorer.probabilities, blank)
    assert not np.array_equal(drawn, blank)


def test_the_keyboard_draws(explorer: Explorer) -> None:
    explorer.radio("Tool", "draw")
    explorer.button("Clear").click()
    blank = explorer.probabilities
    explorer.patch(10).focus()
    for key in ["Space", *["ArrowDown"] * 12, "Space"]:
        explorer.page.keyboard.press(key)
    assert not np.allclose(explorer.probabilities, blank, atol=1e-4)


def picture_bytes(kind: str, size: tuple[int, int], mode: str = "RGB") -> bytes:
    y, x = np.mgrid[: size[1], : size[0]]
    pixels = np.stack(
        [x * 255 / size[0], y * 255 / size[1], np.full(x.shape, 90.0), np.full(x.shape, 255.0)], -1
    ).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind)
    return buffer.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><circle cx="5" cy="5" r="4"/></svg>'


@pytest.mark.parametrize(
    ("name", "mime", "data"),
    [
        ("wide.png", "image/png", picture_bytes("PNG", (640, 90))),
        ("high.jpg", "image/jpeg", picture_bytes("JPEG", (200, 1500))),
        ("one.png", "image/png", picture_bytes("PNG", (1, 1))),
        ("large.jpg", "image/jpeg", picture_bytes("JPEG", (4000, 3000))),
        ("grey.gif", "image/gif", picture_bytes("GIF", (60, 60), "L")),
        ("see-through.webp", "image/webp", picture_bytes("WEBP", (90, 60), "RGBA")),
        ("drawing.svg", "image/svg+xml", SVG),
    ],
)
def test_a_photo_of_any_size_and_format_is_fitted(explorer: Explorer, name: str, mime: str, data: bytes) -> None:
    explorer.figure.locator("input[type=file]").set_input_files({"name": name, "mimeType": mime, "buffer": data})
    explorer.page.wait_for_function("() => document.querySelector('figure').explorer.state.image === 'photo'")
    assert explorer.figure.locator(".alarm").is_hidden()
    assert abs(explorer.probabilities.sum() - 1) < 1e-5


def test_a_broken_picture_gives_a_plain_message_and_the_figure_goes_on(explorer: Explorer) -> None:
    before = explorer.probabilities
    explorer.figure.locator("input[type=file]").set_input_files(
        {"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": b"not a picture"}
    )
    explorer.figure.locator(".alarm").wait_for()
    assert "cat.jpg is not a picture" in explorer.figure.locator(".alarm").inner_text()
    np.testing.assert_array_equal(explorer.probabilities, before)
    explorer.patch(3).click()
    assert explorer.state["query"] == 3


def test_a_photo_is_dropped_on_the_figure(explorer: Explorer) -> None:
    drop = """(figure, text) => {
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), data = new DataTransfer();
      data.items.add(new File([bytes], 'dropped.png', { type: 'image/png' }));
      const target = figure.querySelector('[data-ready]').shadowRoot.querySelector('.figure');
      target.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    explorer.set(image="three")
    explorer.figure.evaluate(drop, base64.b64encode(picture_bytes("PNG", (50, 40))).decode())
    explorer.page.wait_for_function("() => document.querySelector('figure').explorer.state.image === 'photo'")


# ---- steps, positions, prediction --------------------------------------------------------------------------------------------


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_the_steps_show_the_numbers_of_one_row_of_attention(explorer: Explorer) -> None:
    explorer.radio("View", "steps")
    for _ in range(3):
        explorer.button("Next step").click()
    rows = explorer.figure.locator(".numbers tbody tr").evaluate_all(
        "rows => rows.map(r => [...r.querySelectorAll('td')].map(c => c.textContent))"
    )
    values = np.array([[number(cell) for cell in row] for row in rows])
    np.testing.assert_allclose(values[:, 0] / 4, values[:, 1], atol=0.006)  # heads are 16 wide
    ratio = np.log(values[1:, 2] / values[0, 2])
    np.testing.assert_allclose(
        ratio, values[1:, 1] - values[0, 1], atol=0.05
    )  # softmax: differences of scores are log ratios
    assert explorer.button("Next step").is_disabled()


def test_the_softmax_step_says_that_the_weights_add_up_to_one(explorer: Explorer) -> None:
    explorer.set(view="steps", step=2)
    assert "add up to 1.000" in explorer.figure.locator(".strips").inner_text()


def test_a_click_on_the_map_chooses_the_key_of_the_steps(explorer: Explorer) -> None:
    explorer.set(view="steps")
    explorer.patch(12, ".panel.map").click()
    assert (explorer.state["key"], explorer.state["query"]) == (12, 24)
    assert "key patch 12" in explorer.readout


def test_the_scores_are_divided_by_what_the_reader_chooses(explorer: Explorer) -> None:
    explorer.set(view="steps", step=1)
    scaled = explorer.map_values()
    explorer.radio("Divide the scores by", "0")
    assert explorer.state["scale"] == 0
    assert np.abs(explorer.map_values()).max() > 2 * np.abs(scaled).max()


def test_a_position_is_most_like_itself(explorer: Explorer) -> None:
    explorer.radio("View", "positions")
    values = explorer.map_values()
    assert values.argmax() == 24
    assert values[24] == pytest.approx(1, abs=1e-3)


def test_the_last_reading_is_the_prediction(explorer: Explorer) -> None:
    explorer.radio("View", "prediction")
    last = explorer.figure.locator(".lens tbody tr").last.locator("td").all_inner_texts()
    np.testing.assert_allclose([int(x) for x in last], 100 * explorer.probabilities, atol=0.51)


def test_a_head_is_switched_off_and_on_again(explorer: Explorer) -> None:
    untouched = explorer.probabilities
    explorer.radio("View", "prediction")
    head = explorer.figure.get_by_role("button", name="layer 1, head 2")
    head.click()
    assert explorer.state["headsOff"] == ["1.2"]
    assert head.get_attribute("aria-pressed") == "false"
    assert not np.array_equal(explorer.probabilities, untouched)
    head.click()
    np.testing.assert_array_equal(explorer.probabilities, untouched)


def test_the_measured_effect_of_a_head_is_what_switching_it_off_does(explorer: Explorer) -> None:
    explorer.set(view="prediction")
    untouched = explorer.probabilities
    best = untouched.argmax()
    explorer.button("Measure each head").click()
    explorer.button("Measure each head").wait_for(state="hidden")
    heads = explorer.figure.locator(".head-switch")
    measured = [number(text) for text in heads.all_inner_texts()]
    explorer.set(layer=3)
    assert [number(text) for text in heads.all_inner_texts()] == measured  # they stay while nothing is computed anew
    for i in (1, 14):
        explorer.set(headsOff=[f"{i // 4}.{i % 4}"])
        change = 100 * (explorer.probabilities[best] - untouched[best])
        assert measured[i] == pytest.approx(change, abs=0.06 if abs(change) < 9 else 0.6)


def test_ticks_mark_where_the_untouched_model_s_bars_end(explorer: Explorer) -> None:
    untouched = explorer.probabilities
    explorer.set(hide=list(range(0, 48, 2)), temperature=4)
    moved = np.abs(explorer.probabilities - untouched) >= 0.005
    ticks = explorer.figure.locator(".before").evaluate_all(
        "ticks => ticks.map(t => t.hidden ? null : parseFloat(t.style.left))"
    )
    assert moved.any()
    assert [tick is not None for tick in ticks] == moved.tolist()
    np.testing.assert_allclose([t for t in ticks if t is not None], 100 * untouched[moved], atol=1e-3)


def test_reset_brings_back_the_author_s_state(explorer: Explorer) -> None:
    explorer.set(layer=0, head="mean", query="class", view="prediction", hide=[1], positions=False)
    explorer.button("Reset").click()
    state = explorer.state
    assert (state["layer"], state["head"], state["query"], state["view"], state["hide"], state["positions"]) == (
        2,
        1,
        24,
        "attention",
        [],
        True,
    )


def test_two_figures_of_one_page_keep_their_own_states_and_numbers(chromium: Any, figures: Path) -> None:
    with opened(chromium, f"{figures.as_uri()}/two.html") as page:
        first, second = Explorer(page, 0), Explorer(page, 1)
        before = first.map_values()
        second.set(image="eight", layer=3)
        assert first.state["image"] == "three"
        first.set(layer=1)
        first.set(layer=2)
        np.testing.assert_array_equal(first.map_values(), before)
        assert len([url for url in page.asked if "model-digits28" in url]) == 1
