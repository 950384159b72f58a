import json

import numpy as np
import pytest
import tensorflow as tf

from keras_mae import Preprocessing
from training.benchmark import input_pipeline
from training.benchmark.__main__ import main
from training.benchmark.input_pipeline import PilPipeline
from training.data import load_source
from training.data.decoding import crop_of
from training.data.resizing import resize

PREPROCESSING = Preprocessing((96, 128))


@pytest.fixture(scope="module")
def pil():
    return PilPipeline(load_source("photos"), PREPROCESSING, batch_size=4)


def cropped(encoded, window):
    crop = crop_of(tf.constant(encoded), lambda *size: window, PREPROCESSING)
    return resize(crop, PREPROCESSING.image_size).numpy()


def test_pil_does_the_same_work(pil):
    for index, encoded in enumerate(pil.encoded):
        ours = cropped(encoded, pil.windows[index])
        theirs = pil.image(index, flip=False)
        # Of 255. PIL rounds twice, and decodes JPEG by a more exact cosine transform.
        assert np.abs(ours - theirs).mean() < 1.5
        np.testing.assert_array_equal(pil.image(index, flip=True), theirs[:, ::-1])


def test_pil_gives_normalised_batches(pil):
    batches = list(pil.batches(3))
    assert [batch.shape for batch in batches] == [(4, 96, 128, 3)] * 3
    expected = PREPROCESSING.normalise(pil.image(8, flip=False))
    np.testing.assert_allclose(batches[2][0], expected, atol=1e-5)
    expected = PREPROCESSING.normalise(pil.image(0, flip=True))  # from the start again
    np.testing.assert_allclose(batches[2][1], expected, atol=1e-5)


def test_rates_and_their_ratio_are_told(monkeypatch, capsys):
    monkeypatch.setattr(input_pipeline, "IMAGES", 18)
    results = main(["--input", "--rounds", "2", "--set", "image_size=32"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == results
    assert (results["rounds"], results["images_a_round"]) == (2, 18)
    assert results["image_size"] == [32, 32]
    for name in ("images_per_second", "pil_images_per_second", "times_pil"):
        lowest, highest = results[f"{name}_slowest"], results[f"{name}_fastest"]
        assert 0 < lowest <= results[name] <= highest


def test_pixels_are_an_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--input", "--data", "demo"])
    assert "demo (train) are pixels; timing input needs" in capsys.readouterr().err


def test_input_has_no_peers_to_choose(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--input", "--peers", "plain"])
    assert "--input has one peer, PIL" in capsys.readouterr().err
