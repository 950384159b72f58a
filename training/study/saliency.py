"""What stands out in an image, made from the image alone: the spectral residual."""

import numpy as np
import tensorflow as tf

SIDE = 64  # of the longer side at which an image is judged, as published
SIGMA = 0.04  # of the blur, as a share of that side: 2.5 of 64 pixels
THRESHOLD = 3.0  # times the mean saliency, as published
FLAT = 1e-6  # smallest deviation of an image that has anything in it


def salient_pixels(images):
    """Returns which pixels are part of what stands out.

    The amplitude of an image's spectrum is what its neighbourhood would predict, plus
    a residual; the residual with the image's phase, squared and blurred, is the
    saliency, and what is above three times its mean is the object.

    Args:
        images: Float array `(n, height, width, channels)`.

    Returns:
        Boolean array `(n, height, width)`; nothing of an image of one colour.

    Reference: Hou and Zhang, Saliency Detection: A Spectral Residual Approach, 2007.
    """
    grey = np.asarray(images, "float32").mean(-1, keepdims=True)  # (n, H, W, 1)
    height, width = grey.shape[1:3]
    scale = min(1, SIDE / max(height, width))
    size = (round(height * scale), round(width * scale))
    small = tf.image.resize(grey, size, antialias=True).numpy()[..., 0]
    saliency = np.stack([_saliency(image) for image in small])[..., None]
    saliency = tf.image.resize(saliency, (height, width)).numpy()[..., 0]
    mean = saliency.mean((1, 2), keepdims=True)
    flat = grey[..., 0].std((1, 2), keepdims=True) < FLAT
    return (saliency > THRESHOLD * mean) & ~flat


def _saliency(image):
    spectrum = np.fft.fft2(image)
    amplitude = np.log(np.abs(spectrum) + 1e-9)
    residual = amplitude - _mean_of_neighbours(amplitude)
    sharp = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    return _blur(sharp, SIGMA * max(image.shape))


def _mean_of_neighbours(values):
    """The mean of 3 x 3 frequencies; a spectrum has no edges."""
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return sum(np.roll(values, shift, (0, 1)) for shift in shifts) / 9


def _blur(values, sigma):
    """Gaussian blur, mirrored at the edges."""
    radius = min(int(3 * sigma) + 1, min(values.shape) - 1)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    padded = np.pad(values, radius, mode="reflect")
    for axis in (0, 1):
        padded = np.apply_along_axis(np.convolve, axis, padded, kernel, "valid")
    return padded / kernel.sum() ** 2
