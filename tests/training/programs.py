"""What programs do with the file of any system, whatever its encoder is."""

import numpy as np
import tensorflow as tf

import keras_mae
from export import to_saved_model
from training import knn, reconstruct


def check_programs_take(file, images, folder):
    """Judges, draws and exports a model of 28 px digits, and compares the export."""
    model = ["--model", str(file)]
    of_data = [*model, "--data", "demo"]
    results = knn.main([*of_data, "--set", "max_images=64", "--no_baselines"])
    assert 0 < results["encoder"]["accuracy_k20"] <= 1
    picture = folder / "r.png"
    reconstruct.main([*of_data, "--num", "2", "--output", str(picture)])
    assert picture.exists()
    to_saved_model.main([*model, "--output", str(folder / "encoder")])
    served = tf.saved_model.load(str(folder / "encoder" / "1"))
    features = served.signatures["serving_default"](tf.constant(images))["features"]
    encoder = keras_mae.load(file).encoder
    np.testing.assert_allclose(features, encoder.features(images), atol=1e-5)
