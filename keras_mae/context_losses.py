"""The objective of inpainting: L2 with a heavy band, and a game for two."""

import tensorflow as tf


def overlap_weights(hidden, overlap, overlap_weight):
    """Returns the weight of every pixel: 1 in the hole, more in the band around it.

    Args:
        hidden: Float tensor `(batch, height, width, 1)`, 1 = hidden.
        overlap: Integer. Width of the band in pixels.
        overlap_weight: Float, of the band; pixels beyond it weigh nothing.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.2.
    """
    hidden = tf.cast(hidden, tf.float32)
    if overlap == 0:
        return hidden
    widened = tf.nn.max_pool2d(hidden, 2 * overlap + 1, 1, "SAME")
    return hidden + overlap_weight * (widened - hidden)


def inpainting_loss(targets, pred, hidden, overlap, overlap_weight, sample_weight=None):
    """Returns the mean weighted squared error of hole and band, a float32 scalar.

    The sum over an image is divided by the number of pixels in both, not by their
    weights; images count alike, however wide their bands, so that replicas do too.

    Args:
        targets, pred: Float tensors `(batch, height, width, channels)`.
        hidden: Float tensor `(batch, height, width, 1)`, 1 = hidden.
        overlap, overlap_weight: See `overlap_weights`.
        sample_weight: Optional float tensor `(batch,)`.
    """
    weights = overlap_weights(hidden, overlap, overlap_weight)[..., 0]  # (B, H, W)
    error = tf.math.squared_difference(
        tf.cast(targets, tf.float32), tf.cast(pred, tf.float32)
    )
    weighted = tf.reduce_sum(weights * tf.reduce_mean(error, axis=-1), axis=(1, 2))
    counted = tf.reduce_sum(tf.cast(weights > 0, tf.float32), axis=(1, 2))
    of_images = tf.math.divide_no_nan(weighted, counted)  # (B,)
    if sample_weight is None:
        return tf.reduce_mean(of_images)
    sample_weight = tf.reshape(tf.cast(sample_weight, tf.float32), (-1,))
    total = tf.reduce_sum(of_images * sample_weight)
    return tf.math.divide_no_nan(total, tf.reduce_sum(sample_weight))


def adversarial_losses(real, painted):
    """Returns the losses of generator and discriminator, float32 scalars.

    The generator's is the form that does not saturate, `-log D(painted)`; the
    discriminator's is `-log D(real) - log(1 - D(painted))`.

    Args:
        real, painted: Float tensors `(batch,)`, the discriminator's logits.
    """
    generator = tf.reduce_mean(tf.nn.softplus(-painted))
    discriminator = tf.reduce_mean(tf.nn.softplus(-real) + tf.nn.softplus(painted))
    return generator, discriminator
