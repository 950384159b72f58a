"""Beam's handler of TensorFlow models, for SavedModels that Keras 3 cannot load."""

import tensorflow as tf
from apache_beam.ml.inference.tensorflow_inference import TFModelHandlerNumpy


class SavedModelHandler(TFModelHandlerNumpy):
    """Opens a SavedModel as TensorFlow does; the rest is Beam's.

    Beam asks Keras to, and Keras 3 reads SavedModels no longer.

    Args:
        model_uri: Path of a version.
        **kwargs: As of `TFModelHandlerNumpy`.
    """

    def __init__(self, model_uri, **kwargs):
        super().__init__(model_uri, **kwargs)
        self.model_uri = model_uri

    def load_model(self):
        return tf.saved_model.load(self.model_uri)
