"""The committed bundle is the one that the readable sources make, is small, is fast, and runs in Firefox too."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import socketserver
import subprocess
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_page import BUNDLE, ENGINE, EnginePage, random_image, random_model
from engine_twin import twin_forward

from vit_tutorial.vit import count_parameters
from vit_tutorial.widgets import build
from vit_tutorial.widgets.models.export import export_onnx, export_page, page_model

DIGIT = {"img_size": 28, "patch_size": 4, "in_chans": 1, "num_classes": 10, "embed_dim": 64, "depth": 4, "num_heads": 4}
PHOTO = {
    "img_size": 32,
    "patch_size": 4,
    "in_chans": 3,
    "num_classes": 10,
    "embed_dim": 128,
    "depth": 7,
    "num_heads": 4,
}


def rebuilt(make: Any, *arguments: Any) -> str:
    """What a build step gives here, or a skip where Node.js or its packages are not to be had."""
    try:
        return make(*arguments)
    except (FileNotFoundError, RuntimeError) as error:
        pytest.skip(f"cannot rebuild here: {str(error).splitlines()[0]}")


def test_the_committed_kernel_is_the_assembled_source() -> None:
    assert rebuilt(build.kernel_module) == (ENGINE / "kernel.wasm.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(("entry", "target"), build.BUNDLES.items(), ids=[t.name for t in build.BUNDLES.values()])
def test_the_committed_bundle_is_made_from_the_sources(entry: Path, target: Path) -> None:
    assert rebuilt(build.bundle, entry) == target.read_text(encoding="utf-8"), (
        "run python -m vit_tutorial.widgets.build"
    )


def test_the_engine_is_at_most_9_kb_gzipped() -> None:
    size = len(gzip.compress(BUNDLE.read_bytes(), 9, mtime=0))
    print(f"engine: {size} bytes gzipped")
    assert size <= 9 * 1024


@pytest.mark.parametrize(("fields", "limit"), [(DIGIT, 16), (PHOTO, 50)], ids=["digits", "photographs"])
@pytest.mark.parametrize("simd", [True, False], ids=["wasm", "plain JavaScript"])
def test_a_forward_pass_takes_milliseconds(
    chromium: Any, tmp_path: Path, fields: dict[str, Any], limit: float, simd: bool
) -> None:
    """The limits are those of an interaction that feels immediate; the fallback gets ten times as long."""
    model, engine = random_model(**fields), EnginePage(chromium, tmp_path)
    page = page_model(model, "int8")
    engine.load(page, simd=simd)
    ready = engine.run(
        "(async () => { const t = performance.now(); await loadViT(manifest, text, { simd }); return performance.now() - t; })()",
        manifest=page.manifest,
        text=base64.b64encode(page.data).decode(),
        simd=simd,
    )
    median, kernel = engine.run(
        "(() => { const times = []; for (let i = 0; i < 60; i++) { const t = performance.now(); vit.forward(image);"
        " times.push(performance.now() - t); } return [times.slice(20).sort((a, b) => a - b)[20], vit.kernel]; })()",
        image=random_image(model),
    )
    print(
        f"{count_parameters(model)} parameters, {kernel}: {median:.1f} ms a forward pass, {ready:.0f} ms from bytes to ready"
    )
    assert median < (limit if simd else 10 * limit)
    engine.page.close()


@pytest.mark.slow
def test_the_engine_equals_onnx_runtime(chromium: Any, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model, engine = random_model(**{**DIGIT, "depth": 2}), EnginePage(chromium, tmp_path)
    image = random_image(model)
    session = onnxruntime.InferenceSession(str(export_onnx(model, tmp_path / "model.onnx")))
    (expected,) = session.run(None, {"images": image[None].numpy()})
    engine.load(model)
    torch.testing.assert_close(engine.forward(image)["logits"], torch.from_numpy(expected[0]), atol=1e-4, rtol=0)
    engine.page.close()


def test_firefox_computes_the_same(tmp_path: Path) -> None:
    """Firefox opens a page that runs the engine and posts the logits back."""
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if firefox is None:
        pytest.skip("no Firefox here: install it (apt-get install firefox-esr)")
    model = random_model(**DIGIT)
    image = random_image(model)
    export_page(model, tmp_path / "digits", "fp32")
    answers: list[dict[str, Any]] = []
    answered = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files = {"/vit-engine.js": BUNDLE, "/digits.js": tmp_path / "digits.js", "/": tmp_path / "page.html"}
            body = files[self.path].read_bytes() if self.path in files else b""
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html" if self.path == "/" else "text/javascript")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            answered.set()

        def log_message(self, *_: Any) -> None:
            pass

    (tmp_path / "page.html").write_text(
        '<!doctype html><script src="vit-engine.js"></script><script src="digits.js"></script><script>'
        "const post = (answer) => fetch('/', { method: 'POST', body: JSON.stringify(answer) });"
        "VitEngine.loadViT(vitTutorialModels.digits).then((vit) => {"
        f" const r = vit.forward(Float32Array.from({json.dumps(image.flatten().tolist())}));"
        " return post({ kernel: vit.kernel, logits: [...r.logits] }); }).catch((e) => post({ error: e.message }));</script>"
    )
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "profile").mkdir()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        command = [firefox, "--headless", "--no-remote", "--profile", str(tmp_path / "profile"), address]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert answered.wait(90), "Firefox did not answer within 90 s"
        finally:
            browser.terminate()
            browser.wait(20)
            server.shutdown()
    assert answers[0].get("kernel") == "wasm-simd", answers[0]
    torch.testing.assert_close(
        torch.tensor(answers[0]["logits"]), twin_forward(model, image)["logits"], atol=1e-4, rtol=0
    )
