"""The built pages: every link leads somewhere, every picture has words, nothing comes from another host."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from bs4 import BeautifulSoup

from book.extension.pages import LONG

Page = tuple[Path, BeautifulSoup]
LOADING = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
}
LOADING_LINKS = {
    "stylesheet",
    "preload",
    "modulepreload",
    "icon",
    "shortcut",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "manifest",
}


@cache
def anchors(path: Path) -> frozenset[str]:
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    return frozenset(str(tag["id"]) for tag in soup.find_all(id=True)) | {"", "main-content"}


def is_remote(url: str) -> bool:
    return bool(urlsplit(url).netloc) or urlsplit(url).scheme in ("http", "https")


def test_internal_links_and_their_anchors_exist(page: Page) -> None:
    path, soup = page
    broken = []
    for link in soup.find_all("a", href=True):
        address, anchor = urldefrag(str(link["href"]))
        if is_remote(address) or urlsplit(address).scheme:
            continue
        target = (path.parent / unquote(address)).resolve() if address else path
        if not target.is_file() or (target.suffix == ".html" and unquote(anchor) not in anchors(target)):
            broken.append(link["href"])
    assert broken == []


def test_ids_are_unique(page: Page) -> None:
    ids = [str(tag["id"]) for tag in page[1].find_all(id=True)]
    assert sorted({name for name in ids if ids.count(name) > 1}) == []


def test_every_picture_has_alternative_text(page: Page) -> None:
    """At least ten characters that are not a file name; a decoration says so with an empty alt and role presentation."""
    for image in page[1].find_all("img"):
        alt = str(image.get("alt", "")).strip()
        assert image.get("role") == "presentation" or (
            len(alt) >= 10 and not re.search(r"\.(png|svg|jpe?g)$|_images/", alt)
        ), f"no words for {image.get('src', '')[:80]}: give the cell mystnb.image.alt, or the directive :alt:"
    for drawing in page[1].select("article svg:not([aria-hidden=true])"):
        if drawing.find_parent(attrs={"aria-hidden": "true"}) is None and drawing.find_parent("button") is None:
            assert len(str(drawing.get("aria-label", ""))) >= 10


def test_every_plot_has_a_dark_twin_with_the_same_words_and_size(page: Page) -> None:
    path, soup = page
    for image in soup.select("div.cell_output img"):
        if image.find_parent("figure", attrs={"data-vt-figure": ["scene_segmenter", "patch_masker"]}):
            continue  # stills of figures that draw themselves in the page's colours: images of the data
        box = image.find_parent(class_=["vt-plot", "vt-still"])
        assert box is not None, f"{image['src']} has none: draw it with vit_tutorial.figures.figure"
        light, dark = box.find_all("img")
        assert (light["class"], dark["class"]) == (["vt-light"], ["vt-dark"])
        assert [light.get(name) for name in ("alt", "style")] == [dark.get(name) for name in ("alt", "style")]
        assert "--width: " in light["style"]
        sources = [str(twin["src"]) for twin in (light, dark)]
        assert sources[0] != sources[1]
        if not sources[0].startswith("data:"):  # else the picture is the address
            files = [(path.parent / source).resolve() for source in sources]
            assert files[0].read_bytes() != files[1].read_bytes()


def test_nothing_is_loaded_from_another_host(page: Page) -> None:
    soup = page[1]
    loaded = [str(tag.get(attribute, "")) for name, attribute in LOADING.items() for tag in soup.find_all(name)]
    loaded += [
        str(link["href"]) for link in soup.find_all("link", href=True) if LOADING_LINKS & set(link.get("rel") or [])
    ]
    assert [url for url in loaded if is_remote(url)] == []
    inline = " ".join(script.get_text() for script in soup.find_all("script", src=False))
    assert re.findall(r"https?://(?!www\.w3\.org)[^\s'\"`]+", inline) == []


def test_style_sheets_and_scripts_of_the_page_exist_and_load_nothing_remote(page: Page) -> None:
    path, soup = page
    names = [str(link["href"]) for link in soup.find_all("link", rel="stylesheet")]
    names += [str(script["src"]) for script in soup.find_all("script", src=True)]
    for name in names:
        file = (path.parent / urlsplit(name).path).resolve()
        assert file.is_file(), name
        if file.suffix == ".css":
            assert re.findall(r"url\(['\"]?(?:https?:)?//[^)]*", file.read_text(encoding="utf-8")) == [], name


def test_citations_and_terms_are_resolved(page: Page) -> None:
    """What Sphinx could not resolve stays as text in a `xref` or as a problematic mark."""
    article = page[1].select_one("article")
    assert article is not None
    unresolved = [tag for tag in article.select("span.xref") if tag.find_parent("a") is None]
    assert [tag.get_text() for tag in [*unresolved, *article.select(".problematic, .system-message")]] == []
    assert (
        re.findall(r"\[\?\]|\{(?:cite|term|ref|result)[^}]*\}`", BeautifulSoup(str(article), "html.parser").get_text())
        == []
    )


def test_formulas_are_typeset_in_the_page(page: Page) -> None:
    for formula in page[1].select("article .math"):
        assert formula.select_one(".katex-html") is not None
        assert formula.select_one("math") is not None, "screen readers read the MathML"


def test_no_output_says_that_something_failed(page: Page) -> None:
    outputs = " ".join(cell.get_text() for cell in page[1].select(".cell_output"))
    assert "Traceback" not in outputs
    assert page[1].select(".cell_output .stderr") == []


def test_headings_do_not_skip_a_level(page: Page) -> None:
    levels = [int(tag.name[1]) for tag in page[1].select("article :is(h1, h2, h3, h4, h5)")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_the_set_up_cell_is_not_shown(page: Page) -> None:
    assert "VIT_TUTORIAL_SOURCE" not in page[1].get_text()


def test_a_long_page_offers_a_short_path(page: Page) -> None:
    line = page[1].select_one(".vt-time")
    if line is None:
        return
    minutes = [int(number) for number in re.findall(r"bout (\d+)", line.get_text())]
    assert minutes[0] <= LONG or len(minutes) == 2
    assert len(minutes) == 1 or minutes[1] < minutes[0] * 2 / 3


def test_plumbing_is_folded_away(page: Page) -> None:
    """The call that makes a figure with controls says nothing about its subject."""
    for cell in page[1].select("div.cell:has([data-vt-figure=live])"):
        assert cell.select_one("details.hide.above-input") is not None
