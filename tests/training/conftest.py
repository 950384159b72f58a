"""Tiny data and encoders for fine-tuning."""

import numpy as np
import pytest
import tensorflow as tf

import keras_mae
from training.data import IndexedSource


@pytest.fixture(scope="session")
def source():
    """Returns a function that makes pictures of three brightnesses, labelled."""

    def make(count=12, side=16, channels=3):
        labels = np.arange(count) % 3
        brightness = 60 + 60 * labels + np.arange(count) // 3
        images = (
            np.ones((count, side, side, channels)) * brightness[:, None, None, None]
        )
        return IndexedSource("tiny", images.astype("uint8"), labels, ["a", "b", "c"])

    return make


@pytest.fixture
def encoder():
    """Returns a function that makes an encoder of two blocks and 2 x 2 patches."""

    def make(**overrides):
        return keras_mae.ViTEncoder(
            **{"image_size": 16, "patch_size": 8, "embed_dim": 16, **overrides},
            depth=2,
            num_heads=2,
        )

    return make


@pytest.fixture(scope="session")
def stripes(tmp_path_factory):
    """A folder of grey pictures of 28 px: rows, columns and squares, as noisy classes.

    64 to train on and 30 to test on, so that batches of 8 do not divide the latter.
    """
    folder, rng = tmp_path_factory.mktemp("stripes"), np.random.default_rng(0)
    lines = np.arange(28) // 4 % 2
    patterns = {
        "rows": np.tile(lines[:, None], (1, 28)),
        "columns": np.tile(lines, (28, 1)),
        "squares": lines[:, None] ^ lines,
    }
    for split, count in {"train": 64, "test": 30}.items():
        for i, name in zip(range(count), 30 * list(patterns), strict=False):
            pixels = 60 + 120 * patterns[name] + rng.normal(0, 30, (28, 28))
            png = tf.io.encode_png(np.uint8(np.clip(pixels, 0, 255))[..., None])
            path = folder / split / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            tf.io.write_file(str(path), png)
    return folder
