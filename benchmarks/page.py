"""`python -m benchmarks.page`: the page's engine beside ONNX Runtime Web (wasm, one thread), in the same page, in Chromium and Firefox.

Both take one image through the same model with the same weights, those that int8 leaves; the engine keeps every intermediate. It runs
twice: as it is, and as in a browser without fused multiply-add (relaxed SIMD). Times are ratios within rounds (see `benchmarks.timing`), of
the time that the page's thread had a processor, where the system says (Linux): what else the machine does counts less. onnxruntime-web
comes from npm.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.timing import compare
from vit_tutorial.training.environment import environment
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.widgets.models.export import export_onnx, export_page

ORT, ORT_FILES = (
    "onnxruntime-web@1.30.0",
    ("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
)
BASELINE = "ONNX Runtime Web"  # as page.js names it
ENGINE = Path(__file__).parents[1] / "vit_tutorial" / "widgets" / "engine" / "dist" / "vit-engine.js"
RECORD = Path(__file__).parent / "records" / "page" / "engine.json"
MODELS = {
    "digits": ViTConfig(img_size=28, patch_size=4, in_chans=1, num_classes=10, embed_dim=64, depth=4, num_heads=4),
    "photographs": ViTConfig(img_size=32, patch_size=4, num_classes=10, embed_dim=128, depth=4, num_heads=4),
    "ViT-Tiny-16": ViTConfig.named("tiny"),
}
BROWSERS = {  # programs, their options, and what marks the process of a page
    "Chromium": (
        ("chromium", "chromium-browser", "google-chrome"),
        "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --user-data-dir={}",
        "--type=renderer",
    ),
    "Firefox": (("firefox-esr", "firefox"), "--headless --no-remote --profile {}", "-contentproc"),
}
PREFERENCES = 'user_pref("app.update.enabled", false); user_pref("datareporting.policy.dataSubmissionEnabled", false);'


def write_site(folder: Path, models: list[str], rounds: int, milliseconds: float, engine: Path) -> None:
    """The page, the two runtimes and the models, as files."""
    subprocess.run(["npm", "install", "--silent", "--prefix", str(folder / "npm"), ORT], check=True)
    for file in ORT_FILES:
        shutil.copy(folder / "npm" / "node_modules" / "onnxruntime-web" / "dist" / file, folder)
    shutil.copy(engine, folder / "vit-engine.js")
    shutil.copy(Path(__file__).with_suffix(".js"), folder)
    scripts = "".join(f'<script src="{file}"></script>' for file in (ORT_FILES[0], "vit-engine.js", "page.js"))
    (folder / "index.html").write_text(f'<!doctype html><meta charset="utf-8">{scripts}', encoding="utf-8")
    settings = {"models": models, "rounds": rounds, "milliseconds": milliseconds}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    for name in models:
        write_model(folder, name, MODELS[name])


def write_model(folder: Path, name: str, config: ViTConfig) -> None:
    """A model with random weights, all of them numbers that int8 can hold: for the page, and as ONNX."""
    torch.manual_seed(0)
    model = VisionTransformer(config).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.ndim > 1 and key.endswith("weight"):
                rows = parameter.normal_(std=parameter[0].numel() ** -0.5).flatten(1)
                scale = rows.abs().amax(1, keepdim=True) / 127
                rows.copy_((rows / scale).round() * scale)
            else:
                parameter.copy_((parameter + 0.02 * torch.randn_like(parameter)).half())
    export_page(model, folder / name, "int8")
    export_onnx(model, folder / f"{name}.onnx")
    image = torch.randn(config.in_chans, *model.patch_embed.img_size)
    (folder / f"{name}.image").write_bytes(image.numpy().tobytes())


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and the clock, and takes answers. With the two headers a page's own clock is finer."""

    answers: queue.Queue[dict[str, Any]]
    mark: str
    browser: list[subprocess.Popen[bytes]]

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def do_GET(self) -> None:
        if self.path != "/clock":
            return super().do_GET()
        self.reply(json.dumps(processor_milliseconds(self.browser[0].pid, self.mark)))

    def do_POST(self) -> None:
        self.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.reply("null")

    def reply(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def processor_milliseconds(root: int, mark: str) -> float | None:
    """What the main threads of the processes below `root` whose command has `mark` have had of a processor; None without Linux's /proc."""
    parents, spent = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if mark in (folder / "cmdline").read_text():
                spent[int(folder.name)] = int((folder / "schedstat").read_text().split()[0]) / 1e6
        except OSError:  # it has ended
            continue

    def below(process: int) -> bool:
        return process == root or (process in parents and below(parents[process]))

    return sum(time for process, time in spent.items() if below(process)) if spent else None


@contextmanager
def opened(browser: str, address: str, running: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    """The browser shows the address while the context is open."""
    names, options, _ = BROWSERS[browser]
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        raise FileNotFoundError(f"there is no {browser} here: install one of {', '.join(names)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        Path(profile, "user.js").write_text(PREFERENCES, encoding="utf-8")
        command = [program, *options.format(profile).split(), address]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        try:
            yield
        finally:
            running[0].terminate()
            running[0].wait(20)


def measure(browser: str, folder: Path, patience: float = 900) -> Iterator[dict[str, Any]]:
    """What the page answers in a browser, one dict a model."""
    answers: queue.Queue[dict[str, Any]] = queue.Queue()
    running: list[subprocess.Popen[bytes]] = []
    handler = type("Answering", (Handler,), {"answers": answers, "browser": running, "mark": BROWSERS[browser][2]})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with opened(browser, f"http://127.0.0.1:{server.server_address[1]}/index.html", running):
            while not (answer := answers.get(timeout=patience)).get("done"):
                if "error" in answer:
                    raise RuntimeError(f"{browser}: {answer['error']}")
                yield answer
        server.shutdown()


def rows(browser: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each candidate: its time as a ratio, and how far its logits are from those of ONNX Runtime Web."""
    expected = torch.tensor(answer["logits"][BASELINE])
    found = []
    for name, row in compare(answer["times"], BASELINE).items():
        difference = (torch.tensor(answer["logits"][name]) - expected).abs().max().item()
        about = {"model": answer["model"], "browser": browser, "candidate": name, "processor_time": answer["processor"]}
        found.append({**about, "ratio": row["ratio"], "ratio_iqr": row["ratio_iqr"], "rounds": row["rounds"]})
        found[-1] |= {"median_ms": row["median_s"], "logits_differ_by": difference}  # the page's times are milliseconds
    return found


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Measure, print, and with --record keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--browsers", nargs="+", default=list(BROWSERS), choices=list(BROWSERS))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--milliseconds", type=float, default=100, help="of a candidate in a round, at least one call")
    parser.add_argument("--engine", type=Path, default=ENGINE, help="another bundle, such as that of an older commit")
    parser.add_argument("--record", action="store_true", help="keep the result for the results page")
    options = parser.parse_args(arguments)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        write_site(Path(folder), options.models, options.rounds, options.milliseconds, options.engine)
        for browser in options.browsers:
            for answer in measure(browser, Path(folder)):
                found += rows(browser, answer)
                print(f"{answer['model']}, {browser}")
                for row in found[-len(answer["times"]) :]:
                    low, high = row["ratio_iqr"]
                    print(
                        f"  {row['candidate']:30} {row['ratio']:.2f} ({low:.2f} to {high:.2f}), logits differ by {row['logits_differ_by']:.0e}, {row['median_ms']:.2f} ms",
                        flush=True,
                    )
    if options.record:
        command = " ".join(["python -m benchmarks.page", *(sys.argv[1:] if arguments is None else arguments)])
        about = environment(torch.device("cpu")) | {"command": command, "runtime": ORT}
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        RECORD.write_text(json.dumps({**about, "rows": found}, indent=1) + "\n", encoding="utf-8")
    return found


if __name__ == "__main__":
    main()
