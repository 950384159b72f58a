"""From the pixels of a picture to the input of a model, and back.

One object holds everything that must be the same in training, evaluation and
serving. The encoder carries it, so it is saved with every model.
"""

import functools
import math

import keras
import numpy as np
import tensorflow as tf

from .decoding import decode_image
from .image_size import as_size
from .positive import check_positive

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
KERNELS = {"bicubic": "keyscubic", "bilinear": "triangle"}  # in TensorFlow's words


@keras.saving.register_keras_serializable(package="keras_mae")
class Preprocessing:
    """Resizes, crops at the centre, and normalises: `(pixel/255 - mean) / std`.

    The shorter side is resized so that the centre crop covers `crop_ratio` of
    it, as in the evaluation of the paper's models (256 to 224: 0.875). Pixels
    that already have `image_size` are normalised as they are.

    Args:
        image_size: Integer or `(height, width)` of the result, in pixels.
        num_channels: Integer. Bytes can be decoded for 1, 3 or 4.
        mean, std: Float or one float a channel, of pixels scaled to [0, 1].
            Defaults: ImageNet's for 3 channels, otherwise 0.5 and 0.5.
        crop_ratio: Float in `(0, 1]`. Share of the shorter side that is kept.
        interpolation: `"bicubic"` or `"bilinear"`, antialiased.

    Call arguments:
        pixels: Tensor `(height, width, channels)` or
            `(batch, height, width, channels)` of any size, in [0, 255].

    Returns:
        Float32 tensor of `image_size`, normalised.

    Raises:
        ValueError: An argument is out of its range, or not one a channel.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), A.1.
    """

    def __init__(
        self,
        image_size=224,
        num_channels=3,
        mean=None,
        std=None,
        crop_ratio=0.875,
        interpolation="bicubic",
    ):
        check_positive(num_channels=num_channels)
        if not 0 < crop_ratio <= 1:
            raise ValueError(
                f"`crop_ratio` must lie in (0, 1]. Received: crop_ratio={crop_ratio}"
            )
        if interpolation not in ("bicubic", "bilinear"):
            raise ValueError(
                "`interpolation` must be 'bicubic' or 'bilinear'. "
                f"Received: interpolation={interpolation}"
            )
        is_rgb = num_channels == 3
        self.image_size = as_size(image_size)
        self.num_channels = num_channels
        self.mean = self._per_channel("mean", mean, IMAGENET_MEAN if is_rgb else 0.5)
        self.std = self._per_channel("std", std, IMAGENET_STD if is_rgb else 0.5)
        _check_std(self.std)
        self.crop_ratio = crop_ratio
        self.interpolation = interpolation

    def __call__(self, pixels):
        return self.normalise(self.resize_and_crop(pixels))

    def normalise(self, pixels):
        """Maps pixels in [0, 255] to `(pixel/255 - mean) / std`, float32."""
        mean, std = np.array([self.mean, self.std])
        # One constant a row, not a pixel: broadcasting three numbers is slow. One
        # product and one difference: each more would pass over the pixels again.
        rows = (pixels.shape[-2] or 1, 1)
        scale = np.tile(np.float32(1 / (255 * std)), rows)
        shift = np.tile(np.float32(mean / std), rows)
        return tf.cast(pixels, tf.float32) * scale - shift

    def denormalise(self, images):
        """Maps normalised images back to pixels in [0, 255], float32, clipped."""
        mean, std = np.float32(self.mean), np.float32(self.std)
        pixels = (tf.cast(images, tf.float32) * std + mean) * 255.0
        return tf.clip_by_value(pixels, 0.0, 255.0)

    def resize(self, pixels, size):
        """Resizes to `size`, antialiased; bicubic overshoot is clipped."""
        pixels = tf.image.resize(pixels, size, self.interpolation, antialias=True)
        return tf.clip_by_value(pixels, 0.0, 255.0)

    def resize_and_crop(self, pixels):
        """Returns the centre of pixels of any size: `image_size`, [0, 255].

        Pixels that already have `image_size` are taken as they are.
        """
        pixels, size = tf.convert_to_tensor(pixels), self.image_size
        as_they_are = functools.partial(tf.cast, pixels, tf.float32)
        centre = functools.partial(self._centre, pixels)
        if pixels.shape[-3:-1].is_fully_defined():
            fits = pixels.shape[-3:-1] == size
            cropped = as_they_are() if fits else centre()
        else:
            fits = tf.reduce_all(tf.shape(pixels)[-3:-1] == size)
            cropped = tf.cond(fits, as_they_are, centre)
        return tf.ensure_shape(cropped, (*pixels.shape[:-3], *size, self.num_channels))

    def _centre(self, pixels):
        """Resizes what the crop keeps and nothing else, however long the picture."""
        height, width = self.image_size
        source = tf.cast(tf.shape(pixels)[-3:-1], tf.float32)
        # The smallest picture of the source's shape that covers the crop.
        target = tf.constant([height / self.crop_ratio, width / self.crop_ratio])
        scale = tf.reduce_max(target / source)
        size = tf.maximum(tf.cast(tf.round(source * scale), tf.int32), [height, width])
        cropped = tf.raw_ops.ScaleAndTranslate(
            images=pixels if len(pixels.shape) == 4 else pixels[None],
            size=self.image_size,
            scale=tf.cast(size, tf.float32) / source,
            translation=-tf.cast((size - [height, width]) // 2, tf.float32),
            kernel_type=KERNELS[self.interpolation],
        )
        cropped = tf.clip_by_value(cropped, 0.0, 255.0)  # bicubic overshoots
        return cropped if len(pixels.shape) == 4 else cropped[0]

    def decode(self, image_bytes):
        """Decodes one JPEG or PNG (scalar string) to uint8 `(h, w, channels)`."""
        return decode_image(image_bytes, self.num_channels)

    def get_config(self):
        return {
            "image_size": self.image_size,
            "num_channels": self.num_channels,
            "mean": self.mean,
            "std": self.std,
            "crop_ratio": self.crop_ratio,
            "interpolation": self.interpolation,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def _per_channel(self, name, value, default):
        values = np.ravel(default if value is None else value).tolist()
        if len(values) not in (1, self.num_channels):
            raise ValueError(
                f"`{name}` must be one float or one a channel "
                f"({self.num_channels}). Received: {name}={value}"
            )
        return tuple(values * (self.num_channels // len(values)))


def _check_std(std):
    if not all(0 < value < math.inf for value in std):
        raise ValueError(
            "`std` must be positive and finite: pixels are divided by it. "
            f"Received: std={std}"
        )


def matching_preprocessing(preprocessing, image_size, num_channels):
    """Returns the `Preprocessing` of a model that takes images of this size.

    Args:
        preprocessing: A `Preprocessing`, its configuration, or `None` for the default.
        image_size: `(height, width)`.
        num_channels: Integer.

    Raises:
        ValueError: It makes images of another size or of other channels.
    """
    if isinstance(preprocessing, dict):
        preprocessing = keras.saving.deserialize_keras_object(preprocessing)
    expected = (image_size, num_channels)
    if preprocessing is None:
        return Preprocessing(*expected)
    received = (preprocessing.image_size, preprocessing.num_channels)
    if received != expected:
        raise ValueError(
            "`preprocessing` must make images of the encoder's size and channels, "
            f"{expected}. Received: {received}"
        )
    return preprocessing
