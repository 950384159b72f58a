"""The code in export/README.md that users copy."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import export
from export.cases import smooth_pictures
from keras_mae.layers import pool

README = Path(export.__file__).with_name("README.md").read_text()


@pytest.fixture(scope="module")
def extract():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (block,) = (block for block in blocks if "def extract" in block)
    names = {}
    exec(block, names)
    return names["extract"]


@pytest.mark.parametrize("size", [(32, 24), (90, 50), (20, 70)])
def test_onnx_runtime_snippet_returns_the_features(
    extract, encoder, onnx_file, tmp_path, size
):
    pixels = smooth_pictures(np.random.default_rng(0), 1, size, 3)[0]
    Image.fromarray(pixels).save(tmp_path / "a.png")
    features = extract(onnx_file, tmp_path / "a.png")
    images = encoder.preprocessing(pixels)[None]
    np.testing.assert_allclose(features, pool(encoder(images), "gap"), atol=0.02)
