"""The directive ``{live-figure}``, and the files that figures load.

    ```{live-figure} explorer
    :model: digits28
    :layer: 2
    :head: mean
    :steps: look_inside.yml
    The caption.
    ```

The options are those of ``vit_tutorial.widgets.explorer``; ``steps`` names a YAML file beside the page. The other figure is
``scene_mask``, with the options of ``vit_tutorial.widgets.scene_mask``. Notebook cells call these functions. Either way the page carries a
picture and a caption; a small script makes the figure live when it comes near the screen. All scripts, models and galleries lie once in
``_figures`` beside the pages: in ``_static`` Jupyter Book would put each .js into every page.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, ClassVar, cast

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import CONFIG_OK
from sphinx.util.docutils import SphinxDirective

FOLDER = "_figures"
LOADER = "vit-figures.js"  # what a page with figures starts with; the figures name the rest
LIST_OPTIONS = ("hide", "move", "heads_off")
SCENE_OPTIONS = ("decoder", "digits", "opacity")  # and ``show``, which the explorer has too
OPTIONS = (
    "image",
    "view",
    "show",
    "layer",
    "head",
    "query",
    "step",
    "key",
    "temperature",
    "scale",
    "positions",
    *LIST_OPTIONS,
)


class live_figure(nodes.General, nodes.Element):
    """``html``: the figure up to its caption. ``picture``: PNG bytes. Children: the caption."""


class LiveFigure(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {
        name: directives.unchanged_required for name in (*OPTIONS, *SCENE_OPTIONS, "model", "steps", "name")
    }

    def run(self) -> list[nodes.Node]:
        parts = {"explorer": self.explorer, "scene_mask": self.scene_mask}.get(self.arguments[0])
        if parts is None:
            raise self.error(f"no live figure {self.arguments[0]!r}; there are: explorer, scene_mask")
        # Imported here, so that a build which reads no page with a figure does not import torch.
        from vit_tutorial.widgets.assets import needed, sources

        try:
            html, png = parts()
        except (ValueError, OSError) as error:
            raise self.error(str(error)) from error
        for name in needed(html):
            for path in sources(name):
                self.env.note_dependency(str(path))
        node = live_figure("", html=html.split("<figcaption>")[0], picture=png)
        caption, messages = self.parse_inline(" ".join(self.content), lineno=self.lineno)
        node += [nodes.inline("", "", *caption)] if caption else []  # a reference in the caption needs text around it
        return [node, *messages]

    def explorer(self) -> tuple[str, bytes]:
        """The figure as HTML, with a caption to be filled in, and its picture (PNG)."""
        from vit_tutorial.widgets.attention_explorer.page import page_element
        from vit_tutorial.widgets.attention_explorer.state import check_steps, start_state
        from vit_tutorial.widgets.attention_explorer.still import draw

        state = self.given(*OPTIONS, *SCENE_OPTIONS)
        state.update(
            {name: [state[name]] for name in LIST_OPTIONS if name in state and not isinstance(state[name], list)}
        )
        state.update({"heads_off": [str(head) for head in state["heads_off"]]} if "heads_off" in state else {})
        steps = self.read_steps()
        check_steps(steps)
        start = start_state(self.options.get("model", "digits28"), steps, state)
        still = draw(start)
        return page_element(start, still.svg, "<caption>", self.options.get("name", "")), still.png

    def scene_mask(self) -> tuple[str, bytes]:
        """The same of a scene and its mask."""
        from vit_tutorial.widgets.scene_segmenter.page import page_element
        from vit_tutorial.widgets.scene_segmenter.state import start_state
        from vit_tutorial.widgets.scene_segmenter.still import draw

        start = start_state(self.given(*OPTIONS, *SCENE_OPTIONS, "model", "steps"))
        still = draw(start)
        return page_element(start, still.html, "<caption>", self.options.get("name", "")), still.png

    def given(self, *names: str) -> dict[str, Any]:
        return {name: yaml.safe_load(self.options[name]) for name in names if name in self.options}

    def read_steps(self) -> list[dict[str, Any]]:
        if "steps" not in self.options:
            return []
        relative, path = self.env.relfn2path(self.options["steps"])
        self.env.note_dependency(relative)
        return cast("list[dict[str, Any]]", yaml.safe_load(Path(path).read_text(encoding="utf-8")))


def visit_html(translator: Any, node: live_figure) -> None:
    translator.body.append(node["html"] + ("<figcaption>" if node.children else ""))


def depart_html(translator: Any, node: live_figure) -> None:
    translator.body.append(("</figcaption>" if node.children else "") + "</figure>\n")


def visit_latex(translator: Any, node: live_figure) -> None:
    name = f"live-figure-{id(node)}.png"
    Path(translator.builder.outdir, name).write_bytes(node["picture"])
    translator.body.append(rf"\begin{{figure}}[htbp]\centering\includegraphics[width=\linewidth]{{{name}}}\caption{{")


def depart_latex(translator: Any, node: live_figure) -> None:
    translator.body.append("}\\end{figure}\n")


def start_figures(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """A page with figures gets the script that starts them, and what they load; its pre-rendered pictures become files."""
    body = context.get("body", "")
    if "data-vt-figure=" not in body:
        return
    folder, base = Path(app.outdir) / FOLDER, context["pathto"](FOLDER, resource=True)
    if 'data-vt-figure="live"' in body:
        from vit_tutorial.widgets.sliders.page import to_files

        body = to_files(body, folder / "live", f"{base}/live")
    names = {LOADER, *" ".join(re.findall(r'data-vt-needs="([^"]+)"', body)).split()}
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:  # else torch, which takes seconds to import, is not needed to write this page
        from vit_tutorial.widgets.assets import write_assets

        write_assets(folder, missing)
    context["body"] = f'{body}\n<script src="{base}/{LOADER}" defer></script>'


def remove_old_files(app: Sphinx) -> None:
    """Where all pages are made again, as after a change of the package (freshness), so are the files that they load."""
    if app.env.config_status != CONFIG_OK:
        shutil.rmtree(Path(app.outdir) / FOLDER, ignore_errors=True)


def setup(app: Sphinx) -> None:
    app.add_node(live_figure, html=(visit_html, depart_html), latex=(visit_latex, depart_latex))
    app.add_directive("live-figure", LiveFigure)
    app.connect("builder-inited", remove_old_files)
    app.connect("html-page-context", start_figures, priority=950)
