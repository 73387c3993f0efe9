"""What the map shows: two coordinates an image for each encoder, and who its nearest neighbours are, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from vit_tutorial.widgets.models.page_model import data_address

MAPS, MOST, ACROSS = ("pca", "tsne"), 600, 20  # kinds of map; images; images in a row of the sheet
Array = NDArray[np.float64]


class Encoder(TypedDict):
    """One encoder's maps: places from 0 to 1000, and how many of the nearest neighbours are near in the map, too."""

    name: str
    maps: dict[str, list[list[int]]]
    kept: dict[str, float]
    variance: float  # share that the first two principal components hold
    neighbours: list[list[int]]
    agreement: float | None  # share of the neighbours that have the image's class


class MapData(TypedDict):
    sheet: str  # all images side by side, as a data address
    size: list[int]  # height and width of an image in pixels
    across: int
    labels: list[int] | None
    classes: list[str]
    encoders: list[Encoder]


def map_data(
    images: Any,
    features: Mapping[str, Any],
    labels: Any = None,
    classes: Sequence[str] | None = None,
    neighbours: int = 8,
    maps: Sequence[str] = MAPS,
    seed: int = 0,
) -> MapData:
    """Images [N, C, H, W] and, by the name of its encoder, features [N, D] -> what the page gets.

    Features are divided by their length, so that z_i . z_j is a cosine; an image's neighbours are those of the largest cosines.

    Raises:
        ValueError: the numbers of images, features or labels do not agree, or something in them cannot be shown.
    """
    pixels = np.asarray(images)
    check(pixels, features, neighbours, maps)
    kinds = None if labels is None else np.asarray(labels).astype(int)
    if kinds is not None and kinds.shape != (len(pixels),):
        raise ValueError(f"{len(pixels)} images need as many labels, got an array of {list(kinds.shape)}")
    names = [str(k) for k in range(kinds.max() + 1)] if classes is None and kinds is not None else list(classes or [])
    if kinds is not None and not 0 <= kinds.min() <= kinds.max() < len(names):
        raise ValueError(f"labels go from {kinds.min()} to {kinds.max()}, and there are {len(names)} classes")
    encoders = [encoder(name, np.asarray(z, np.float64), kinds, neighbours, maps, seed) for name, z in features.items()]
    return {
        "sheet": sheet(pixels),
        "size": list(pixels.shape[2:]),
        "across": ACROSS,
        "labels": None if kinds is None else kinds.tolist(),
        "classes": names,
        "encoders": encoders,
    }


def check(pixels: NDArray[Any], features: Mapping[str, Any], neighbours: int, maps: Sequence[str]) -> None:
    """Raises ValueError for what cannot be shown."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
        raise ValueError(f"images must be uint8 [N, 1 or 3, H, W], got {pixels.dtype} {list(pixels.shape)}")
    N = len(pixels)
    if not neighbours < N <= MOST:
        raise ValueError(f"{N} images; a map shows more than its {neighbours} neighbours and at most {MOST}")
    if not features:
        raise ValueError("no features to show; give those of one encoder or more, as {'DINO': z} with z [N, D]")
    if unknown := [name for name in maps if name not in MAPS] or ([] if maps else ["none"]):
        raise ValueError(f"unknown map {unknown[0]!r}; choose of {', '.join(MAPS)}")
    for name, z in features.items():
        array = np.asarray(z)
        if array.ndim != 2 or len(array) != N or array.shape[1] < 2:
            raise ValueError(
                f"the features of {name} are {list(array.shape)}; {N} images need [{N}, D] with D of at least 2"
            )
        if not np.isfinite(array).all() or not (np.linalg.norm(array.astype(float), axis=1) > 0).all():
            raise ValueError(f"the features of {name} hold a vector of length 0 or a number that is not finite")


def encoder(
    name: str, z: Array, labels: NDArray[Any] | None, neighbours: int, maps: Sequence[str], seed: int
) -> Encoder:
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    near = nearest(z @ z.T, neighbours)
    pca = PCA(2, random_state=seed).fit(z)
    places = {"pca": pca.transform(z)} if "pca" in maps else {}
    if "tsne" in maps:
        perplexity = min(30.0, (len(z) - 1) / 3)
        places["tsne"] = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(z)
    kept = {}
    for kind, place in places.items():
        on_map = nearest(-((place[:, None] - place[None]) ** 2).sum(-1), neighbours)
        kept[kind] = float(np.mean([len(set(a) & set(b)) / neighbours for a, b in zip(near.tolist(), on_map.tolist())]))
    return {
        "name": name,
        "maps": {kind: scaled(place).tolist() for kind, place in places.items()},
        "kept": kept,
        "variance": float(pca.explained_variance_ratio_.sum()),
        "neighbours": near.tolist(),
        "agreement": None if labels is None else float((labels[near] == labels[:, None]).mean()),
    }


def nearest(similarity: Array, count: int) -> NDArray[Any]:
    """Of each row the ``count`` largest entries off the diagonal, the largest first: indices [N, count]."""
    similarity = similarity.copy()
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :count]


def scaled(places: Array) -> NDArray[Any]:
    """Places [N, 2] -> whole numbers from 0 to 1000, both directions on one scale, in the middle."""
    low, high = places.min(0), places.max(0)
    return np.rint(500 + 1000 * (places - (low + high) / 2) / max((high - low).max(), 1e-12)).astype(int)


def sheet(pixels: NDArray[Any]) -> str:
    """All images in rows of ACROSS, as a data address."""
    N, C, H, W = pixels.shape
    whole = np.zeros((-(-N // ACROSS) * H, ACROSS * W, C), np.uint8)
    for i, image in enumerate(pixels):
        row, column = divmod(i, ACROSS)
        whole[row * H : (row + 1) * H, column * W : (column + 1) * W] = image.transpose(1, 2, 0)
    return data_address(Image.fromarray(whole.squeeze(-1) if C == 1 else whole), "PNG", optimize=True)
