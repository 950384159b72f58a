"""Part `gradients`: the variance that masks and images give a training step's gradient.

For one state of the weights and one batch. The gradient of one image and one draw of
its mask is the step's own: the model draws, as in training, by its seed and the step,
and with the mask all else that a system draws, such as corrupted tokens.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_mae.keras_hooks import step_counter

from ..data import training_dataset
from .variance import cosines, variance_components


class DrawnGradients:
    """Gradients of a model's loss, each with draws that are its own.

    Args:
        model: A model that learns from hidden patches. It is compiled, and no weight
            is changed.
    """

    def __init__(self, model):
        model.compile(keras.optimizers.SGD(0.0))
        self.model, self.counter = model, step_counter(model)
        self.gradient = tf.function(
            self._gradient, reduce_retracing=True, autograph=False
        )

    def __call__(self, images, draw):
        """Returns the flat float32 gradient of the mean loss of images.

        Args:
            images: Float array `(batch, height, width, channels)`.
            draw: Integer; the same number draws the same masks.
        """
        self.counter.assign(draw)
        return self.gradient(images).numpy()

    def _gradient(self, images):
        with tf.GradientTape() as tape:
            outputs = self.model(images, training=True)
            loss = self.model.compute_loss(x=images, y_pred=outputs, training=True)
        variables = [variable.value for variable in self.model.trainable_variables]
        gradients = tape.gradient(
            loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return tf.concat([tf.reshape(g, (-1,)) for g in gradients], axis=0)


def gradient_figures(model, images, draws):
    """Returns what masks and images do to the gradient at a model's weights.

    Args:
        model: A model that learns from hidden patches.
        images: Float array `(n, height, width, channels)`, the batch.
        draws: Integer. Masks of every image, and of the batch.

    Returns:
        Dictionary: traces of covariance `mask_variance` and `image_variance`, the
        masks' share of the two, squared norms of the mean gradient, the traces over
        that of the mean (`None` where its estimate is not positive), their sum, which
        is the gradient noise scale in images, and the mean cosine of the batch's
        gradients with two draws of all masks.

    Reference: [McCandlish et al., 2018](https://arxiv.org/abs/1812.06162), section
        2.2, for the noise scale.
    """
    gradients = DrawnGradients(model)

    def of_image(i):
        return (gradients(images[i : i + 1], i * draws + j) for j in range(draws))

    found = variance_components(map(of_image, range(len(images))))
    first = len(images) * draws  # draws that no image has had
    of_batch = (gradients(images, first + j) for j in range(2 * draws))
    relative = functools.partial(_over, found.mean_square)
    total = found.mask_variance + found.image_variance
    return {
        "mask_variance": found.mask_variance,
        "image_variance": found.image_variance,
        "mask_share": found.mask_variance / total,
        "mean_square": found.mean_square,
        "batch_square": found.batch_square,
        "mask_to_mean": relative(found.mask_variance),
        "image_to_mean": relative(found.image_variance),
        "noise_scale": relative(total),
        "mask_to_batch_mean": _over(found.batch_square, found.mask_variance),
        "cosine_of_draws": float(np.mean(cosines(of_batch))),
    }


def training_batch(source, model, config, count, seed):
    """Returns `count` training images, cropped and flipped as in training."""
    dataset = training_dataset(
        source,
        model.preprocessing,
        count,
        epochs=1,
        steps=1,
        seed=seed,
        crop_scale=config.crop_scale,
        flip=config.flip,
    )
    return next(iter(dataset)).numpy()


def _over(square, variance):
    return variance / square if square > 0 else None
