"""MNIST, Fashion-MNIST and CIFAR-10: found where they lie, and a message with a remedy where they do not."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from vit_tutorial.data import MissingData, cifar10, data_root, fashion_mnist, find_leaks, mnist, mnist_10k
from vit_tutorial.data.vision import DEBIAN_FASHION_MNIST, read_idx


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def write_mnist(folder: Path, splits=("train", "t10k"), n: int = 120, packed: bool = True) -> None:
    """Files named as MNIST's, with n random 5x4 images a split."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(0)
    for split in splits:
        images = random.randint(0, 256, (n, 5, 4)).astype(np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            name = f"{split}-{kind}-ubyte"
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
            else:
                (folder / name).write_bytes(idx(array))


@pytest.fixture(autouse=True)
def empty_root(tmp_path_factory, monkeypatch) -> Path:
    """No test sees the user's own data."""
    root = tmp_path_factory.mktemp("vit_data")
    monkeypatch.setenv("VIT_DATA", str(root))
    monkeypatch.setattr("vit_tutorial.data.vision.DEBIAN_FASHION_MNIST", root / "usr")
    return root


@pytest.fixture
def no_network(monkeypatch) -> None:
    def refuse(*args, **kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def test_the_data_root_is_vit_data_or_the_users_cache(monkeypatch, empty_root):
    assert data_root() == empty_root
    monkeypatch.delenv("VIT_DATA")
    assert data_root() == Path.home() / ".cache" / "vit_tutorial"


# Where the files are looked for


@pytest.mark.parametrize("place", ["", "MNIST/raw", "mnist", "mnist/MNIST/raw"])
@pytest.mark.parametrize("packed", [True, False])
def test_mnist_is_found_below_the_data_root_packed_or_not(empty_root, place, packed):
    write_mnist(empty_root / place, packed=packed)
    splits = mnist()
    assert [len(split) for split in splits] == [110, 10, 120]  # 1/12 of the training images is kept for validation
    assert splits.train.images.shape == (110, 1, 5, 4)


@pytest.mark.parametrize("load", [mnist, mnist_10k, fashion_mnist, cifar10])
def test_missing_data_is_an_error_that_says_where_was_looked_and_what_to_do(load, empty_root, tmp_path):
    with pytest.raises(MissingData, match=r"Set VIT_DATA to the folder .* or pass download=True") as caught:
        load()
    assert str(empty_root) in str(caught.value)
    with pytest.raises(MissingData, match=tmp_path.name):
        load(tmp_path)


def test_nothing_is_downloaded_unless_asked(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("a download was tried")

    monkeypatch.setattr("urllib.request.urlopen", fail)
    for load in (mnist, mnist_10k, fashion_mnist, cifar10):
        with pytest.raises(MissingData):
            load()


@pytest.mark.parametrize("load", [mnist, mnist_10k, fashion_mnist, cifar10])
def test_a_download_without_a_network_says_why_it_failed(load, no_network):
    with pytest.raises(MissingData, match=r"The download failed \(.*Name or service not known.*check the network"):
        load(download=True)


def test_fashion_mnist_names_its_debian_package():
    with pytest.raises(MissingData, match="apt-get install dataset-fashion-mnist"):
        fashion_mnist()


def test_mnist_with_only_its_test_file_points_to_mnist_10k(empty_root):
    write_mnist(empty_root / "mnist", splits=("t10k",))
    with pytest.raises(MissingData, match=r"The test files are here, so mnist_10k\(\) works"):
        mnist()
    splits = mnist_10k()
    assert [len(split) for split in splits] == [96, 12, 12]
    assert "MNIST-10k" in splits.variant


# IDX files


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\x08", b"<html>404</html>", idx(np.zeros((3, 5), np.uint8))[:-1], b"\0\0\x0d\1\0\0\0\1" + b"\0" * 4],
    ids=["empty", "cut in the header", "web page", "cut", "floats"],
)
def test_a_file_that_is_not_a_whole_idx_file_is_named(tmp_path, content):
    (tmp_path / "images-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=r"images-ubyte is not a whole IDX file .*get it again"):
        read_idx(tmp_path / "images-ubyte")


def test_a_cut_gzip_file_is_named(tmp_path):
    (tmp_path / "images-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(200, dtype=np.uint8)))[:-30])
    with pytest.raises(ValueError, match=r"images-ubyte.gz cannot be read .*get it again"):
        read_idx(tmp_path / "images-ubyte.gz")


def test_idx_files_are_read_as_torchvision_reads_them(tmp_path):
    write_mnist(tmp_path / "MNIST" / "raw", packed=False)
    theirs = datasets.MNIST(tmp_path, train=False)
    ours = mnist(tmp_path).test
    assert torch.equal(ours.images[:, 0], theirs.data)
    assert torch.equal(ours.labels, theirs.targets)


# CIFAR-10


@pytest.fixture
def small_cifar(tmp_path, monkeypatch) -> Path:
    """CIFAR-10's files with 20 random images each, and torchvision told their MD5s."""
    folder = tmp_path / "cifar10" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    random = np.random.RandomState(0)

    def write(name: str, content: dict) -> str:
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    def batch() -> dict:
        return {"data": random.randint(0, 256, (20, 3072)).astype(np.uint8), "labels": [i % 10 for i in range(20)]}

    names = [f"data_batch_{i}" for i in range(1, 6)]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[name, write(name, batch())] for name in names])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", write("test_batch", batch())]])
    meta = {"filename": "batches.meta", "key": "label_names"}
    meta["md5"] = write("batches.meta", {"label_names": [f"class {k}" for k in range(10)]})
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    return tmp_path


def test_cifar_10_is_read_by_torchvision_and_split_by_class(small_cifar):
    splits = cifar10(small_cifar)
    assert [len(split) for split in splits] == [90, 10, 20]
    image, label = datasets.CIFAR10(small_cifar / "cifar10", train=False)[13]
    assert np.array_equal(splits.test.images[13].permute(1, 2, 0), image)
    assert splits.test[13][1] == label
    assert splits.classes[3] == "class 3"


def test_a_damaged_cifar_10_is_an_error(small_cifar):
    file = small_cifar / "cifar10" / "cifar-10-batches-py" / "data_batch_3"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(MissingData, match="no complete CIFAR-10"):
        cifar10(small_cifar)


# The real files


@pytest.mark.needs_data
def test_the_real_mnist_test_file_is_split_8000_1000_1000(shared_data):
    splits = mnist_10k(shared_data)
    assert [len(split) for split in splits] == [8000, 1000, 1000]
    assert splits.train.images.shape[1:] == (1, 28, 28)
    assert splits.mean == pytest.approx((0.1325,), abs=0.001)  # the test file's own; the training file's is 0.1307
    assert find_leaks(splits) == []


@pytest.mark.needs_data
def test_fashion_mnist_of_the_debian_package_has_the_published_mean_and_deviation(empty_root):
    if not DEBIAN_FASHION_MNIST.is_dir():
        pytest.skip(f"{DEBIAN_FASHION_MNIST} is not there; apt-get install dataset-fashion-mnist")
    shutil.copytree(DEBIAN_FASHION_MNIST, empty_root / "usr")  # where the fixture above points the search
    splits = fashion_mnist()
    assert [len(split) for split in splits] == [55_000, 5_000, 10_000]
    assert splits.mean == pytest.approx((0.2860,), abs=5e-4)
    assert splits.std == pytest.approx((0.3530,), abs=5e-4)
    assert splits.classes[splits.test[0][1]] == "Ankle boot"
