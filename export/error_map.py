"""How badly a masked autoencoder predicts each patch of an image, for every patch.

Patches are dealt at random, but always alike, into groups as large as what the model
sees in training (or hides, if that is less). One mask a group leaves just this group
visible (or hides it), so that together the masks hide every patch equally often: with
`mask_ratio` 0.75, four masks hide each patch three times; with 0.5, two masks once.
"""

import numpy as np
import tensorflow as tf

from keras_mae.losses import patch_targets
from keras_mae.program import InputError


def error_map(model, images):
    """Returns the error of every patch, averaged over the masks that hide it.

    The error is that of training: the mean squared error of the patch's normalised
    pixels, or, of a model with `norm_pix_loss`, of these normalised once more by the
    patch's mean and standard deviation.

    Args:
        model: `MaskedAutoencoder`.
        images: Float32 tensor `(batch, height, width, channels)`, normalised.

    Returns:
        Float32 tensor `(batch, rows, columns)`.

    Raises:
        InputError: The model hides nothing in training.
    """
    patches = model.patchify(images)
    targets = patch_targets(patches, model.norm_pix_loss)
    masks = complementary_masks(model.num_patches, model.mask_ratio)
    errors = [
        tf.reduce_mean(tf.square(_predict(model, patches, mask) - targets), -1) * mask
        for mask in masks
    ]
    mean = tf.add_n(errors) / masks.sum(axis=0)  # (B, L)
    return tf.reshape(mean, (-1, *model.encoder.grid_size))


def complementary_masks(num_patches, mask_ratio):
    """Returns float32 masks `(n, num_patches)`, 1 = hidden, of equal sums over `n`.

    Raises:
        InputError: `mask_ratio` is 0.
    """
    if mask_ratio == 0:
        raise InputError(
            "error_map averages the errors of hidden patches. Received: a model that "
            "hides none (mask_ratio=0)"
        )
    num_groups = round(1 / min(mask_ratio, 1 - mask_ratio))
    order = np.random.default_rng(0).permutation(num_patches)
    masks = np.zeros((min(num_groups, num_patches), num_patches), "float32")
    for mask, group in zip(masks, np.array_split(order, len(masks)), strict=True):
        mask[group] = 1
    return masks if mask_ratio < 0.5 else 1 - masks


def _predict(model, patches, mask):
    """Returns all predictions, where every image hides the same, known patches.

    As `model({"images": ..., "mask": ...})`, but nothing needs to be sorted.
    """
    order = np.argsort(mask, kind="stable").astype("int32")
    num_visible = int(np.sum(mask == 0))
    ids_keep = _for_each_image(order[:num_visible], patches)
    latent = model.encoder(
        tf.gather(patches, order[:num_visible], axis=1), ids_keep=ids_keep
    )
    ids_restore = _for_each_image(np.argsort(order).astype("int32"), patches)
    pred = model.decoder(latent, _for_each_image(mask, patches), ids_restore)
    return tf.cast(pred, tf.float32)


def _for_each_image(row, patches):
    return tf.tile(tf.constant(row)[None], (tf.shape(patches)[0], 1))
