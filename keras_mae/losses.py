"""The objectives of masked autoencoders: mean errors of hidden patches."""

import tensorflow as tf

EPSILON = 1e-6  # added to the variance of a patch, as the original does


def patch_statistics(patches):
    """Returns mean and standard deviation of every patch, each `(batch, n, 1)`.

    The variance is the unbiased one (divided by n - 1), as torch's `var()`: the
    released models' targets were made with it.
    """
    length = patches.shape[-1]
    mean, variance = tf.nn.moments(patches, axes=[-1], keepdims=True)
    variance *= length / max(length - 1, 1)
    return mean, tf.sqrt(variance + EPSILON)


def patch_targets(patches, norm_pix_loss):
    """Returns what the decoder should predict of float32 patches.

    Args:
        patches: Float32 tensor `(batch, n, patch_dim)` of normalised images.
        norm_pix_loss: Boolean. Whether each patch is normalised by its own mean
            and standard deviation (section 3, reconstruction target).

    Returns:
        Float32 tensor of the same shape.
    """
    if not norm_pix_loss:
        return patches
    mean, std = patch_statistics(patches)
    return (patches - mean) / std


def masked_mean_squared_error(targets, pred, mask, sample_weight=None):
    """Returns the mean squared error of hidden patches, a float32 scalar.

    Where nothing is hidden at all, every patch counts: a plain autoencoder.

    Args:
        targets, pred: Float tensors `(batch, n, patch_dim)`.
        mask: Float tensor `(batch, n)`, 1 = hidden.
        sample_weight: Optional float tensor `(batch,)`.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """
    error = tf.math.squared_difference(
        tf.cast(targets, tf.float32), tf.cast(pred, tf.float32)
    )
    return _mean_of_hidden(error, mask, sample_weight)


def masked_mean_absolute_error(targets, pred, mask, sample_weight=None):
    """Returns the mean absolute error of hidden patches, a float32 scalar.

    Arguments are those of `masked_mean_squared_error`.

    Reference: [Xie et al., 2021](https://arxiv.org/abs/2111.09886), 3.4.
    """
    error = tf.abs(tf.cast(targets, tf.float32) - tf.cast(pred, tf.float32))
    return _mean_of_hidden(error, mask, sample_weight)


def _mean_of_hidden(error, mask, sample_weight):
    mask = tf.cast(mask, tf.float32)
    weights = tf.where(tf.reduce_any(mask > 0), mask, tf.ones_like(mask))
    if sample_weight is not None:
        weights *= tf.reshape(tf.cast(sample_weight, tf.float32), (-1, 1))
    per_patch = tf.reduce_mean(error, axis=-1)  # (B, n)
    return tf.math.divide_no_nan(
        tf.reduce_sum(per_patch * weights), tf.reduce_sum(weights)
    )
