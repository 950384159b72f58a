"""The checks catch what they are there to catch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from .checks import check_config, check_layer

INPUTS = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")


@keras.saving.register_keras_serializable(package="keras_mae_tests")
class Scale(keras.layers.Layer):
    """A layer without faults, for others to break."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.weight = self.add_weight(shape=(input_shape[-1],), name="weight")

    def call(self, inputs):
        return inputs * tf.convert_to_tensor(self.weight) * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="keras_mae_tests")
class ForgetsArgument(Scale):
    def get_config(self):
        return {**super().get_config(), "factor": 1.0}


@keras.saving.register_keras_serializable(package="keras_mae_tests")
class SavesNoWeight(Scale):
    def load_own_variables(self, store):
        pass


@keras.saving.register_keras_serializable(package="keras_mae_tests")
class StaysFloat32(Scale):
    def call(self, inputs):
        return tf.cast(super().call(inputs), tf.float32)


@keras.saving.register_keras_serializable(package="keras_mae_tests")
class TrainsNothing(Scale):
    def call(self, inputs):
        return tf.stop_gradient(super().call(inputs))


@keras.saving.register_keras_serializable(package="keras_mae_tests")
class AnnouncesAnotherShape(Scale):
    def compute_output_shape(self, input_shape):
        return (*input_shape, 1)


@keras.saving.register_keras_serializable(package="keras_mae_tests")
class NeedsPython(Scale):
    def call(self, inputs):
        return tf.ensure_shape(
            tf.py_function(super().call, [inputs], inputs.dtype), inputs.shape
        )


def test_layer_without_faults_passes():
    check_layer(Scale, {"factor": 2.0}, INPUTS)
    check_layer(StaysFloat32, {"factor": 2.0}, INPUTS, stays_float32=("output",))


@pytest.mark.parametrize(
    ("layer_class", "error"),
    [
        (ForgetsArgument, AssertionError),
        (SavesNoWeight, AssertionError),
        (StaysFloat32, AssertionError),
        (TrainsNothing, ValueError),
        (AnnouncesAnotherShape, AssertionError),
        (NeedsPython, tf.errors.InvalidArgumentError),
    ],
)
def test_faults_are_caught(layer_class, error):
    with pytest.raises(error):
        check_layer(layer_class, {"factor": 2.0}, INPUTS)


def test_configuration_that_json_cannot_hold_is_caught():
    with pytest.raises(TypeError):
        check_config(Scale(factor=object()))
