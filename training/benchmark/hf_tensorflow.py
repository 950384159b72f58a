"""Hugging Face's TFViTMAE: a peer of transformers before 5, on tf-keras.

A contestant of `worker.py`; this file imports nothing of the project, so that these
packages may live in another environment.
"""

import os
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # read when TensorFlow is imported

import tensorflow as tf
import tf_keras
import transformers


def pretrain(config, batch_size, precision, remat=False, learning_rate=1e-4):
    """Returns a contestant: steps of `TFViTMAEForPreTraining` on random images.

    Args:
        config: Dictionary of arguments of `ViTMAEConfig`.
        batch_size: Integer.
        precision: `"float32"`.
        remat: `False`.
        learning_rate: Float.
    """
    if precision != "float32" or remat:
        raise ValueError(
            "precision must be float32, and remat false; received "
            f"precision={precision}, remat={remat}"
        )
    config = transformers.ViTMAEConfig(**config)
    model = transformers.TFViTMAEForPreTraining(config)
    size = (config.image_size, config.image_size)
    images = tf.random.normal((batch_size, config.num_channels, *size))
    optimizer = tf_keras.optimizers.AdamW(learning_rate, weight_decay=0.05)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = model(images, training=True).loss
        weights = model.trainable_variables
        optimizer.apply_gradients(
            zip(tape.gradient(loss, weights), weights, strict=True)
        )
        return loss

    def measure(steps):
        return {"seconds": [_seconds(step) for _ in range(steps)]}

    model(images)
    optimizer.build(model.trainable_variables)
    packages = {"transformers": transformers, "tensorflow": tf, "tf_keras": tf_keras}
    versions = {name: package.__version__ for name, package in packages.items()}
    return {"versions": versions}, measure


def _seconds(step):
    began = time.perf_counter()
    step().numpy()
    return time.perf_counter() - began
