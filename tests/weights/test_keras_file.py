import zipfile

import numpy as np
import pytest

import keras_mae
from keras_mae.program import InputError
from keras_mae.weights.keras_file import read_keras, write_keras

from .models import autoencoder, images_for


@pytest.fixture(scope="module")
def trained():
    model = autoencoder()
    model.compile(optimizer="adam", run_eagerly=True)
    model.train_on_batch(images_for(model))
    return model


def test_the_optimizer_survives(trained, tmp_path):
    write_keras(trained, tmp_path / "a.keras")
    loaded = read_keras(tmp_path / "a.keras")
    for ours, expected in (
        (loaded.weights, trained.weights),
        (loaded.optimizer.variables, trained.optimizer.variables),
    ):
        for variable, other in zip(ours, expected, strict=True):
            np.testing.assert_array_equal(variable, other)


def test_what_keras_writes_is_read(trained, tmp_path):
    trained.save(tmp_path / "a.keras")
    loaded = read_keras(tmp_path / "a.keras", compile=False)
    np.testing.assert_array_equal(loaded.weights[-1], trained.weights[-1])
    assert getattr(loaded, "optimizer", None) is None


def test_zips_that_keras_did_not_write_are_left_to_it(trained, tmp_path):
    trained.save(tmp_path / "a.keras")
    with (
        zipfile.ZipFile(tmp_path / "a.keras") as source,
        zipfile.ZipFile(tmp_path / "b.keras", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    loaded = read_keras(tmp_path / "b.keras")
    np.testing.assert_array_equal(loaded.weights[-1], trained.weights[-1])


def test_a_damaged_byte_is_noticed(trained, tmp_path):
    path = tmp_path / "a.keras"
    write_keras(trained, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.keras cannot be read.*CRC"):
        keras_mae.load(path)
