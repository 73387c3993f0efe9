"""Rebuild the committed files that the figures load from their readable sources: ``python -m vit_tutorial.widgets.build``.

    engine/kernel.wat            ->  engine/kernel.wasm.js                    the matrix product, assembled by wabt's wat2wasm, as base64
    engine/page.js               ->  engine/dist/vit-engine.js                one minified classic script, by esbuild: a page loads it from http or from a file
    attention_explorer/page.js   ->  attention_explorer/dist/vit-explorer.js  the attention explorer for a built page
    attention_explorer/loader.js ->  attention_explorer/dist/vit-figures.js   what a page with figures starts with
    attention_explorer/widget.js ->  attention_explorer/dist/widget.js        the explorer and its engine as one ES module, for notebooks (anywidget)
    cost_calculator/page.js      ->  cost_calculator/dist/vit-cost.js         what a training step costs, for a built page
    cost_calculator/widget.js    ->  cost_calculator/dist/widget.js           the same for notebooks
    feature_map/page.js          ->  feature_map/dist/vit-map.js              features of encoders as maps, for a built page
    feature_map/widget.js        ->  feature_map/dist/widget.js               the same for notebooks
    mask_viewer/page.js          ->  mask_viewer/dist/vit-masks.js            pictures of one's own and their masks, for a page of its own
    patch_masker/page.js         ->  patch_masker/dist/vit-masking.js         hidden patches and how they are painted, with an engine for masked autoencoders
    patch_masker/widget.js       ->  patch_masker/dist/widget.js              the same for notebooks
    scene_segmenter/page.js      ->  scene_segmenter/dist/vit-scenes.js       scenes and their masks, with an engine for segmenters, for a built page
    scene_segmenter/widget.js    ->  scene_segmenter/dist/widget.js           the same for notebooks
    sliders/page.js              ->  sliders/dist/vit-live.js                 the controls of pre-rendered figures for a built page
    sliders/widget.js            ->  sliders/dist/widget.js                   the same for notebooks

Whoever builds the book needs none of this: the results are committed, and a test rebuilds and compares them where the tools are. The
tools come from npm, in these exact versions, so that the same sources give the same bytes; ``npx`` fetches them when they are missing.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
from pathlib import Path

WABT = "wabt@1.0.39"
ESBUILD = "esbuild@0.28.2"
HERE = Path(__file__).parent
KERNEL = HERE / "engine" / "kernel.wat"
BUNDLES = {  # entry: bundle
    HERE / "engine" / "page.js": HERE / "engine" / "dist" / "vit-engine.js",
    HERE / "attention_explorer" / "page.js": HERE / "attention_explorer" / "dist" / "vit-explorer.js",
    HERE / "attention_explorer" / "loader.js": HERE / "attention_explorer" / "dist" / "vit-figures.js",
    HERE / "attention_explorer" / "widget.js": HERE / "attention_explorer" / "dist" / "widget.js",
    HERE / "cost_calculator" / "page.js": HERE / "cost_calculator" / "dist" / "vit-cost.js",
    HERE / "cost_calculator" / "widget.js": HERE / "cost_calculator" / "dist" / "widget.js",
    HERE / "feature_map" / "page.js": HERE / "feature_map" / "dist" / "vit-map.js",
    HERE / "feature_map" / "widget.js": HERE / "feature_map" / "dist" / "widget.js",
    HERE / "mask_viewer" / "page.js": HERE / "mask_viewer" / "dist" / "vit-masks.js",
    HERE / "patch_masker" / "page.js": HERE / "patch_masker" / "dist" / "vit-masking.js",
    HERE / "patch_masker" / "widget.js": HERE / "patch_masker" / "dist" / "widget.js",
    HERE / "scene_segmenter" / "page.js": HERE / "scene_segmenter" / "dist" / "vit-scenes.js",
    HERE / "scene_segmenter" / "widget.js": HERE / "scene_segmenter" / "dist" / "widget.js",
    HERE / "sliders" / "page.js": HERE / "sliders" / "dist" / "vit-live.js",
    HERE / "sliders" / "widget.js": HERE / "sliders" / "dist" / "widget.js",
}


def kernel_module(source: Path = KERNEL) -> str:
    """The text of ``kernel.wasm.js``: the assembled kernel as a default export in base64."""
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "kernel.wasm"
        run_tool(WABT, "wat2wasm", str(source), "-o", str(binary))
        text = base64.b64encode(binary.read_bytes()).decode()
    return f"// Made from {source.name} by python -m vit_tutorial.widgets.build\nexport default '{text}';\n"


def bundle(entry: Path) -> str:
    """An ES module and all that it imports, minified, as one classic script (``widget.js``: as one ES module, which anywidget loads)."""
    form = "esm" if entry.name == "widget.js" else "iife"
    options = [
        "--bundle",
        "--minify",
        f"--format={form}",
        "--target=es2022",
        "--charset=utf8",
        "--legal-comments=none",
        "--loader:.css=text",
    ]
    return run_tool(ESBUILD, "esbuild", str(entry), *options)


def run_tool(package: str, command: str, *arguments: str) -> str:
    """The standard output of a command of an npm package, run through npx.

    Raises:
        FileNotFoundError: no Node.js here.
        RuntimeError: npx could not fetch the package, or the command failed; with what it wrote.
    """
    npx = shutil.which("npx")
    if npx is None:
        raise FileNotFoundError(
            "npx is missing: install Node.js 18 or newer (only needed to rebuild the figures' scripts)"
        )
    call = [npx, "--yes", "--prefer-offline", "--package", package, command, *arguments]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} ({package}) failed: {done.stderr.strip()}")
    return done.stdout


def main() -> None:
    (HERE / "engine" / "kernel.wasm.js").write_text(kernel_module(), encoding="utf-8")
    for entry, target in BUNDLES.items():
        target.parent.mkdir(exist_ok=True)
        target.write_text(bundle(entry), encoding="utf-8")
        print(f"{target.relative_to(HERE)}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
