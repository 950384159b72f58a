"""Contestants of an encoder's features by Keras, and the files that others read."""

import time

import keras
import numpy as np
import tensorflow as tf

from keras_mae.program import InputError
from keras_mae.weights import load_encoder

from ..config import PretrainConfig
from ..flops import encoder_flops
from ..pretrain import build_model
from .models import description_of
from .plain_vit import plain_features
from .steps import random_images

OPSET = 18  # as of `export.to_onnx`


def prepare(config, model, file):
    """Writes the encoder that all contestants are made of; measures nothing.

    Args:
        config: Dictionary of a `PretrainConfig`, which tells an untrained encoder.
        model: Path of a model, anything that `keras_mae.load` reads; or `None`.
        file: Path of the `.keras` file that is written.
    """
    if model is None:
        config = PretrainConfig(**config)
        keras.utils.set_random_seed(config.seed)
        encoder = build_model(config, dtype="float32").encoder
    else:
        encoder = load_encoder(model)
    if not hasattr(encoder, "patch_size"):
        raise InputError("features are timed of Vision Transformers alone")
    encoder.save(file)
    gflop = encoder_flops(encoder) / 1e9
    return {**description_of(encoder), "gflop_per_image": gflop}, None


def features(file):
    """Returns a contestant: the encoder's features in a graph of TensorFlow.

    Args:
        file: Path of the encoder.
    """
    encoder = load_encoder(file)
    run = tf.function(encoder.features, autograph=False)

    def measure(steps, batch_size):
        images = tf.constant(random_images(encoder, batch_size))
        return {"seconds": [_seconds(run, images) for _ in range(steps)]}

    return description_of(encoder), measure


def plain_onnx(file, output):
    """Writes the same encoder of stock Keras layers as tf2onnx converts it.

    Args:
        file: Path of the encoder.
        output: Path of the ONNX file. The input is `images`, NHWC.
    """
    import tf2onnx

    encoder = load_encoder(file)
    model = plain_features(encoder)
    spec = (tf.TensorSpec((None, *model.input_shape[1:]), name="images"),)
    function = tf.function(model, input_signature=spec, autograph=False)
    tf2onnx.convert.from_function(
        function, input_signature=spec, opset=OPSET, output_path=output
    )
    return description_of(encoder, plain=True), None


def _seconds(run, images):
    began = time.perf_counter()
    np.asarray(run(images))
    return time.perf_counter() - began
