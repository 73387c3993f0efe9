"""Official weights: names, shapes and preparation are their publishers', and a download is what was announced."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.testing import assert_close

from vit_tutorial.cli import main
from vit_tutorial.patches import patchify, resize_patch_weight
from vit_tutorial.vit import VisionTransformer, ViTConfig
from vit_tutorial.weights import PRETRAINED, Preparation, load_encoder, load_pretrained, preparation, read_extra
from vit_tutorial.weights import pretrained as module

TIMMS = [name for name, official in PRETRAINED.items() if official.source.startswith("timm/")]
VIT_TINY = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"
TORCHVISIONS = [name for name, official in PRETRAINED.items() if "://" in official.source]


def jitter(model: torch.nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))


def picture(height: int = 180, width: int = 300) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    waves = [127 + 120 * np.sin(x / 9 + c) * np.cos(y / (5 + c)) for c in range(3)]
    return Image.fromarray(np.stack(waves, -1).astype(np.uint8))


def test_every_model_of_timm_has_timms_shape_and_facts() -> None:
    assert len(TIMMS) > 25
    for name in TIMMS:
        official, cfg = PRETRAINED[name], timm.get_pretrained_cfg(name)
        assert cfg.hf_hub_id == official.source
        assert cfg.input_size == (3, *official.prepare.size)
        assert (cfg.mean, cfg.std, cfg.crop_pct) == (official.prepare.mean, official.prepare.std, official.prepare.crop)
        assert (cfg.interpolation, cfg.crop_mode, cfg.num_classes) == ("bicubic", "center", official.config.num_classes)
        assert cfg.license == official.licence
        with torch.device("meta"):
            ours, theirs = VisionTransformer(official.config), timm.create_model(name, pretrained=False)
        assert {k: v.shape for k, v in ours.state_dict().items()} == {
            k: v.shape for k, v in theirs.state_dict().items()
        }, name
        assert theirs.no_embed_class == official.config.no_embed_class


@pytest.mark.parametrize(
    "name", [n for n in TIMMS if n.startswith(("vit_tiny", "deit3_small", "vit_small_patch14_d", "flexivit_small"))]
)
def test_a_picture_is_prepared_as_timm_does(name: str) -> None:
    config = timm.data.resolve_data_config(timm.get_pretrained_cfg(name).to_dict())
    theirs = timm.data.create_transform(**config)(picture())
    assert_close(preparation(name)(picture()), theirs)


@pytest.mark.parametrize("name", TORCHVISIONS)
def test_a_picture_is_prepared_as_torchvision_does(name: str) -> None:
    from torchvision.models import get_model, get_weight

    theirs = get_weight(name)
    assert_close(preparation(name)(picture()), theirs.transforms()(picture()))
    with torch.device("meta"):
        model = get_model(
            theirs.__class__.__name__.removesuffix("_Weights").lower(), image_size=theirs.meta["min_size"][0]
        )
    config = PRETRAINED[name].config
    assert sum(p.numel() for p in model.parameters()) == theirs.meta["num_params"]
    with torch.device("meta"):
        assert sum(p.numel() for p in VisionTransformer(config).parameters()) == theirs.meta["num_params"]


def test_a_picture_is_prepared_as_hugging_faces_processor_does() -> None:
    from transformers import ViTImageProcessor

    theirs = ViTImageProcessor()(picture(), return_tensors="pt")["pixel_values"][0]
    # It resizes tensors, and Pillow resizes pictures: here and there a level of 256 apart.
    assert_close(preparation("google/vit-base-patch16-224")(picture()), theirs, atol=1.01 / 127.5, rtol=0)


def test_pixels_of_an_unknown_range_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"a picture or uint8 \[3, H, W\] is wanted, this is torch.float32 \(3, 8, 8\)"
    ):
        Preparation((8, 8))(torch.rand(3, 8, 8))


def test_a_tensor_and_a_picture_are_prepared_alike() -> None:
    pixels = torch.from_numpy(np.array(picture())).permute(2, 0, 1)
    name = TIMMS[0]
    assert (preparation(name)(pixels) - preparation(name)(picture())).abs().max() < 0.03  # a few levels of 256
    assert preparation(name, img_size=64)(pixels).shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("name", "shows"),
    [
        ("vit_small_patch16_dinov3.lvd1689m", lambda m: m.rope is not None),
        ("eva02_small_patch14_224.mim_in22k", lambda m: m.rope is not None),
        ("vit_base_patch16_clip_224.openai", lambda m: isinstance(m.norm_pre, torch.nn.LayerNorm)),
        ("vit_base_patch16_siglip_224.webli", lambda m: m.attn_pool is not None),
        (
            "vit_giant_patch14_dinov2.lvd142m",
            lambda m: "GluMlp" in type(m.blocks[0].mlp).__name__ or "SwiGLU" in type(m.blocks[0].mlp).__name__,
        ),
        (
            "beit_base_patch16_224.in22k_ft_in22k_in1k",
            lambda m: m.blocks[0].attn.relative_position_bias_table is not None,
        ),
        ("deit_tiny_distilled_patch16_224.fb_in1k", lambda m: m.head_dist is not None),
    ],
)
def test_a_model_that_is_no_plain_vit_is_refused_with_what_it_has(name: str, shows: Any) -> None:
    with torch.device("meta"):
        assert shows(timm.create_model(name, pretrained=False))
    with pytest.raises(ValueError, match="which VisionTransformer has not, so its weights do not fit"):
        load_pretrained(name)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown pre-trained model 'vit_huge'; known: vit_tiny_patch16_224"):
        load_pretrained("vit_huge")


# Patches of another size


@pytest.mark.parametrize("size", [4, 5, 8, 12, 16, 30])
def test_a_patch_map_is_resized_as_timm_does(size: int) -> None:
    from timm.layers.patch_embed import resample_patch_embed

    weight = torch.randn(6, 3, 8, 8)
    assert_close(resize_patch_weight(weight, size), resample_patch_embed(weight, [size, size]), atol=1e-4, rtol=1e-4)


def test_a_resized_patch_keeps_its_token_where_it_grows_and_nearly_where_it_is_smooth() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(6, 3, 8, 8, generator=generator)
    patch = torch.rand(1, 3, 8, 8, generator=generator)
    token = (patchify(patch, 8) @ weight.flatten(1).T).flatten()

    def resized(size: int) -> torch.Tensor:
        x = torch.nn.functional.interpolate(patch, size=(size, size), mode="bicubic", antialias=True)
        return (patchify(x, size) @ resize_patch_weight(weight, size).flatten(1).T).flatten()

    assert_close(resized(16), token, atol=1e-4, rtol=1e-4)
    assert_close(resized(11), token, atol=1e-4, rtol=1e-4)
    assert (resized(4) - token).abs().max() > 0.1  # what was finer than the new pixels is lost
    with pytest.raises(ValueError, match=r"patches of 8x8 pixels cannot be resized to 0x0"):
        resize_patch_weight(weight, 0)


# Downloads


class HubHandler(BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download needs: one repository with one file."""

    file: bytes = b""
    etag = ""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        found = self.path == "/timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k/resolve/main/model.safetensors"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(self.file) if found else 0))
        self.send_header("ETag", f'"{self.etag}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if body and found:
            self.wfile.write(self.file)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A hub of this machine in place of Hugging Face's, with an empty cache, for this process; its address."""
    with HTTPServer(("127.0.0.1", 0), HubHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        settings = {
            "ENDPOINT": address,
            "HUGGINGFACE_CO_URL_TEMPLATE": f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
            "HF_HUB_CACHE": str(tmp_path / "hub"),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
        }
        for name, value in settings.items():
            monkeypatch.setattr(huggingface_hub.constants, name, value)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield address
        server.shutdown()


def serve(model: torch.nn.Module, folder: Path, etag: str | None = None) -> None:
    """Put a model's weights on the hub; without an `etag` under their SHA-256."""
    save_file(model.state_dict(), folder / "served.safetensors")
    HubHandler.file = (folder / "served.safetensors").read_bytes()
    HubHandler.etag = etag or hashlib.sha256(HubHandler.file).hexdigest()


def test_a_named_model_is_downloaded_once_and_gives_the_librarys_logits(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = timm.create_model("vit_tiny_patch16_224", pretrained=False).eval()
    jitter(theirs)
    serve(theirs, tmp_path, etag="0123456789abcdef0123456789abcdef01234567")  # as of a file that is no Git LFS object
    images = torch.randn(1, 3, 224, 224)
    logits = theirs(images).detach()
    for offline in (False, True):  # then from the cache
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
        assert_close(load_pretrained(VIT_TINY)(images), logits, atol=1e-5, rtol=0)
        resized = load_pretrained(VIT_TINY, num_classes=10, img_size=64)
        assert resized(torch.randn(1, 3, 64, 64)).shape == (1, 10)


def test_the_environment_of_a_process_says_where_the_hub_and_its_cache_are(hub: str, tmp_path: Path) -> None:
    """The library's variables, as a reader sets them before Python starts."""
    serve(timm.create_model("vit_tiny_patch16_224", pretrained=False), tmp_path)
    code = f"from vit_tutorial.weights import load_pretrained; print(load_pretrained({VIT_TINY!r}).grid_size)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={"HF_ENDPOINT": hub, "HF_HUB_CACHE": str(tmp_path / "other"), "HF_HUB_DISABLE_XET": "1", "PATH": ""},
    )
    assert done.stdout == "(14, 14)\n", done.stderr
    assert len(list((tmp_path / "other").rglob("model.safetensors"))) == 1
    assert not (tmp_path / "hub").exists()


def test_without_a_network_the_error_says_what_to_do(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        ConnectionError, match=r"could not get the weights of vit_tiny_patch16_224.*load_weights\(model, path\)"
    ):
        load_pretrained(VIT_TINY)


def test_a_download_that_is_not_what_was_announced_is_removed(hub: str, tmp_path: Path) -> None:
    theirs = timm.create_model("vit_tiny_patch16_224", pretrained=False)
    small = {"patch_size": 8, "img_size": 32, "num_classes": 0}
    serve(theirs, tmp_path, etag="0" * 64)
    with pytest.raises(ValueError, match=r"0000000000000000\.\.\. was announced; it was removed: try again"):
        load_pretrained(VIT_TINY, **small)
    serve(theirs, tmp_path)
    assert load_pretrained(VIT_TINY, **small).grid_size == (4, 4)  # nothing of the first try is left in the way


def test_a_file_of_torchvisions_is_fetched_once_and_held_against_the_hash_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.models import VisionTransformer as Theirs

    theirs = Theirs(32, 16, 2, 2, 24, 48, num_classes=5).eval()
    jitter(theirs)
    torch.save(theirs.state_dict(), tmp_path / "file.pth")
    digest = hashlib.sha256((tmp_path / "file.pth").read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    name = "ViT_B_16_Weights.IMAGENET1K_V1"
    config = ViTConfig(32, 16, num_classes=5, embed_dim=24, depth=2, num_heads=2, mlp_ratio=2)
    for prefix in (digest, "00000000"):
        served = tmp_path / f"tiny-{prefix}.pth"
        served.write_bytes((tmp_path / "file.pth").read_bytes())
        monkeypatch.setitem(module.PRETRAINED, name, replace(PRETRAINED[name], config=config, source=served.as_uri()))
        if prefix == digest:
            images = torch.randn(2, 3, 32, 32)
            assert_close(load_pretrained(name)(images), theirs(images), atol=1e-5, rtol=0)
            served.unlink()
            load_pretrained(name)  # from the cache
        else:
            with pytest.raises(ValueError, match=r"invalid hash value.*nothing was kept"):
                load_pretrained(name)
            assert not (tmp_path / "hub" / "checkpoints" / served.name).exists()
            served.unlink()
            with pytest.raises(ConnectionError, match=r"could not get the weights of ViT_B_16.*copy file:"):
                load_pretrained(name)


def test_fine_tuning_takes_official_weights_and_their_normalisation_and_keeps_it(
    hub: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    serve(timm.create_model("vit_tiny_patch16_224", pretrained=False), tmp_path)
    for n in range(24):
        folder = tmp_path / "images" / ("cat", "dog")[n % 2]
        folder.mkdir(parents=True, exist_ok=True)
        picture(40, 40 + n).save(folder / f"{n}.png")
    changes = ("batch_size=4", "model.img_size=32", "warmup_epochs=0", f"threads={torch.get_num_threads()}")
    options = [word for change in changes for word in ("--set", change)]
    where = ["--data", str(tmp_path / "images"), "--out", str(tmp_path / "run")]
    assert main(["train", "fine_tuning", *where, "--epochs", "1", *options, "--quiet"]) == 0
    assert "the encoder has official weights, so images are normalised by" in capfd.readouterr().out
    assert read_extra(tmp_path / "run" / "seed-0" / "model.safetensors")["mean"] == [0.5, 0.5, 0.5]


def test_a_recipe_of_another_shape_than_the_official_weights_is_told_what_to_set() -> None:
    model = VisionTransformer(ViTConfig(32, 16, num_classes=2, embed_dim=24, depth=2, num_heads=2))
    with pytest.raises(
        ValueError, match=r"the encoder in deit_tiny.* has model.embed_dim=192, .*give the recipe the encoder's"
    ):
        load_encoder(model, "deit_tiny_patch16_224.fb_in1k")
