"""The real transformers loads what is written for it, and computes the same.

Neither it nor PyTorch is a requirement of anything here. Skipped without them, but
`TORCH_PYTHON` may name another environment's Python that has both.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_mae

from ..weights.models import autoencoder, classifier, encoder, images_for

READER = Path(__file__).with_name("transformers_reader.py")
PYTHON = os.environ.get("TORCH_PYTHON", sys.executable)
NEEDED = ("torch", "transformers")

pytestmark = pytest.mark.skipif(
    "TORCH_PYTHON" not in os.environ and not all(map(importlib.util.find_spec, NEEDED)),
    reason="needs torch and transformers, or TORCH_PYTHON=python that has both",
)

AUTOENCODERS = {
    "tiny": {},
    "normalised": {"norm_pix_loss": True, "mask_ratio": 0.5},
    "patch7": {"patch_size": 7, "image_size": 21, "num_channels": 4, "mlp_ratio": 2.7},
    "patch10": {"patch_size": 10, "image_size": 40, "depth": 1, "decoder_depth": 3},
    "patch14": {"patch_size": 14, "image_size": 28, "layer_norm_eps": 1e-3},
    "wide": {"embed_dim": 20, "num_heads": 5, "decoder_embed_dim": 12},
}
ENCODERS = {"encoder": encoder, "classifier": classifier}


def make(name):
    if name in ENCODERS:
        return ENCODERS[name]()
    return autoencoder(**AUTOENCODERS[name])


def inputs_of(model):
    inputs = {"images": images_for(model)}
    if isinstance(model, keras_mae.MaskedAutoencoder):
        noise = np.random.default_rng(2).random((2, model.num_patches), "float32")
        inputs["noise"] = noise
    return inputs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder a model, with what transformers made of it."""
    folder = tmp_path_factory.mktemp("transformers")
    for name in (*AUTOENCODERS, *ENCODERS):
        model = make(name)
        keras_mae.save(model, folder / name / "hf")
        inputs = inputs_of(model)
        inputs["images"] = inputs["images"].transpose(0, 3, 1, 2)
        np.savez(folder / name / "inputs.npz", **inputs)
    subprocess.run([PYTHON, READER, *sorted(folder.iterdir())], check=True)
    return folder


def outputs_in(folder):
    with np.load(folder / "outputs.npz") as arrays:
        return dict(arrays)


def assert_close(received, expected):
    """Float32 of another order of summation: 1e-5 of the largest value."""
    expected = np.asarray(expected)
    atol = 1e-5 * max(1, np.abs(expected).max())
    np.testing.assert_allclose(received, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("name", [*AUTOENCODERS, *ENCODERS])
def test_no_name_is_missing_or_too_much(folder, name):
    info = json.loads((folder / name / "info.json").read_text())
    assert {"missing_keys", "unexpected_keys", "mismatched_keys"} <= set(info)
    assert not any(info.values()), info


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_autoencoders_predict_the_same(folder, name):
    model, theirs = make(name), outputs_in(folder / name)
    inputs = inputs_of(model)
    ours = model(inputs)
    np.testing.assert_array_equal(theirs["mask"], ours["mask"])
    assert_close(theirs["logits"], ours["pred"])
    assert_close(theirs["loss"], model.compute_loss(x=inputs, y_pred=ours))


def test_encoders_make_the_same_tokens(folder):
    model = make("encoder")
    theirs = outputs_in(folder / "encoder")["last_hidden_state"]
    assert_close(theirs, model(images_for(model)))


def test_classifiers_make_the_same_logits(folder):
    model = make("classifier")
    theirs = outputs_in(folder / "classifier")["logits"]
    assert_close(theirs, model(images_for(model)))
