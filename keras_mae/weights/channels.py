"""Weights of images with more or fewer channels than the file's.

A model of RGB images can read grey ones (its kernels are summed) or more channels
(its kernels repeat, R G B R G B ..., times the old number of channels over the new
one). So a grey image gives the same tokens with 1, 3, 6, 9 or 12 channels, and tokens
of the same size with others. Channels are assumed to be normalised alike.
"""

import numpy as np


def fit_kernel(kernel, num_channels):
    """Returns a patch embedding's kernel for another number of channels.

    Args:
        kernel: Float array `(embed_dim, channels, patch, patch)`.
        num_channels: Integer. 1 sums the channels; more than the file's repeat
            them, fewer (but more than 1) take the first, and both rescale.

    Returns:
        Float array `(embed_dim, num_channels, patch, patch)`.
    """
    source = kernel.shape[1]
    if source == num_channels:
        return kernel
    if num_channels == 1:
        return kernel.sum(axis=1, keepdims=True, dtype="float32")
    repeated = np.take(kernel, np.arange(num_channels) % source, axis=1)
    return repeated.astype("float32") * (source / num_channels)


def fit_prediction(weight, channels, num_channels):
    """Returns a decoder's last weight or bias for another number of channels.

    Args:
        weight: Float array `(patch * patch * channels, ...)`; channels vary fastest.
        channels: Integer. The file's.
        num_channels: Integer. 1 averages the predictions of the channels; more
            repeat them.

    Returns:
        Float array `(patch * patch * num_channels, ...)`.
    """
    if channels == num_channels:
        return weight
    by_channel = weight.reshape(-1, channels, *weight.shape[1:])
    if num_channels == 1:
        return by_channel.mean(axis=1, dtype="float32")
    index = np.arange(num_channels) % channels
    return np.take(by_channel, index, axis=1).reshape(-1, *weight.shape[1:])
