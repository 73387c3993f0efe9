"""The built book to take along: all of it in one PDF, or its pages in a zip that open from a folder.

    python -m book.offline pdf [PAGE ...]     _build/vision-transformers.pdf; of some pages only where they are named
    python -m book.offline zip                _build/vision-transformers.zip

The PDF is what Chromium prints by the book's own rules for paper (`@media print` in ``assets/book.css``): folded cells and solutions are open,
live figures stand as they start. It has the headings as its outline, links between pages lead to pages of it, and numbers run through.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from playwright.sync_api import Browser, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import ArrayObject, DictionaryObject, Fit, NameObject, TextStringObject

from book.built import HTML, ROOT, page_names, up_to_date

NAME = "vision-transformers"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--allow-file-access-from-files")
PAPER = """
@page { size: A4; margin: 16mm 15mm 18mm; @bottom-center { content: counter(page); font: 9pt sans-serif; color: #5a6270; } }
html { counter-reset: page %d; }
"""


def find_chromium() -> str:
    """The browser that prints: $CHROMIUM, or one on the path. Raises FileNotFoundError where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not path:
        raise FileNotFoundError(
            "no Chromium here to print with: install it (apt-get install chromium) or set CHROMIUM to its path"
        )
    return path


def print_page(browser: Browser, page: Path, target: Path, before: int) -> list[str]:
    """One built page as a PDF whose numbers begin after `before`. Returns its headings."""
    tab = browser.new_page(viewport={"width": 1000, "height": 1400}, color_scheme="light", reduced_motion="reduce")
    tab.goto(page.as_uri(), wait_until="load")
    tab.add_style_tag(content=PAPER % before)
    tab.emulate_media(media="print")
    # Pictures that wait for a reader to come near, and figures that draw themselves, have to be there before the paper is.
    tab.evaluate("for (const picture of document.images) picture.loading = 'eager'")
    tab.evaluate("Promise.all([...document.images].map((picture) => picture.decode().catch(() => 0)))")
    tab.wait_for_timeout(300)
    headings = tab.eval_on_selector_all(
        "article :is(h1, h2, h3, h4, h5)",
        "(all) => all.map((h) => { h = h.cloneNode(true); h.querySelectorAll('.headerlink').forEach((a) => a.remove()); return h.textContent; })",
    )
    tab.pdf(path=target, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    tab.close()
    return [" ".join(heading.split()) for heading in headings]


def make_pdf(html: Path, names: Sequence[str], target: Path) -> int:
    """Print the pages and bind them.

    Args:
        html: the folder of the built book. names: pages in reading order, as ``book/index``. target: the file.

    Returns:
        The number of sheets.

    Raises:
        FileNotFoundError: a page that is not built, or no Chromium.
    """
    missing = [name for name in names if not (html / f"{name}.html").is_file()]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]} is no page of the built book in {html}; pages are {', '.join(page_names()[:3])}, ..."
        )
    writer, first, headings = PdfWriter(), dict.fromkeys(names, 0), list[str]()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        for number, name in enumerate(names):
            file, first[name] = Path(folder) / f"{number}.pdf", len(writer.pages)
            headings += print_page(browser, html / f"{name}.html", file, first[name])
            writer.append(PdfReader(file))
            print(f"[{number + 1}/{len(names)}] {name}: {len(writer.pages) - first[name]} sheets", file=sys.stderr)
        browser.close()
    mend_outline(writer, headings)
    bind_links(writer, html, first)
    facts = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    writer.add_metadata({"/Title": facts["title"], "/Author": facts["author"]})
    writer.compress_identical_objects(remove_duplicates=True, remove_unreferenced=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    writer.write(target)
    return len(writer.pages)


def mend_outline(writer: PdfWriter, headings: Sequence[str]) -> None:
    """Entries of the outline get the words of their headings: Chromium leaves out the space where a heading goes on in the next line."""
    known = {heading.replace(" ", ""): heading for heading in headings}
    entries = [writer.root_object["/Outlines"].get_object()]
    while entries:
        entry = entries.pop()
        entries += [entry[key].get_object() for key in ("/First", "/Next") if key in entry]
        title = "".join(str(entry.get("/Title", "")).split())
        if title in known:
            entry[NameObject("/Title")] = TextStringObject(known[title])


def bind_links(writer: PdfWriter, html: Path, first: dict[str, int]) -> None:
    """Links to other pages, which Chromium prints as addresses of files on this machine, lead to sheets; the rest of such addresses goes."""
    for number, sheet in enumerate(writer.pages):
        kept, inner = ArrayObject(), []
        for reference in sheet.get("/Annots", ArrayObject()):
            annotation: DictionaryObject = reference.get_object()
            action = annotation.get("/A", DictionaryObject()).get_object()
            address = str(action.get("/URI", ""))
            if not address.startswith("file:"):
                kept.append(reference)
                continue
            path = Path(unquote(urlsplit(address).path))
            name = path.relative_to(html).with_suffix("").as_posix() if path.is_relative_to(html) else ""
            if name in first:
                inner.append(Link(rect=annotation["/Rect"], target_page_index=first[name], fit=Fit.fit_horizontally()))
        if "/Annots" in sheet:
            sheet[NameObject("/Annots")] = kept
        for link in inner:
            writer.add_annotation(number, link)


def make_zip(html: Path, target: Path) -> int:
    """The built book as one folder in a zip; its index.html opens without a server. Returns the number of files."""
    files = sorted(p for p in html.rglob("*") if p.is_file() and p.name != ".buildinfo" and "_sources" not in p.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            facts = zipfile.ZipInfo(
                f"{NAME}/{file.relative_to(html).as_posix()}"
            )  # without a date: equal books are equal files
            facts.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(facts, file.read_bytes())
    return len(files)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m book.offline", description=__doc__.splitlines()[0])
    parser.add_argument("form", choices=("pdf", "zip"))
    parser.add_argument(
        "pages",
        nargs="*",
        metavar="PAGE",
        help="pages of the PDF, as chapters/01_overview/index; all where none is named",
    )
    parser.add_argument("--out", type=Path, help=f"the file (default: _build/{NAME}.pdf or .zip)")
    options = parser.parse_args(arguments)
    html, target = up_to_date(), options.out or HTML.parent / f"{NAME}.{options.form}"
    try:
        count = (
            make_pdf(html, options.pages or page_names(), target) if options.form == "pdf" else make_zip(html, target)
        )
    except FileNotFoundError as error:
        print(f"python -m book.offline: {error}", file=sys.stderr)
        return 2
    what = "sheets" if options.form == "pdf" else "files"
    print(f"{target}: {count} {what}, {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
