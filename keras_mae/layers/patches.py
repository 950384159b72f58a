"""Images to patches, patches to images, patches to tokens."""

import keras
import tensorflow as tf

from ..image_size import as_size
from ..positive import check_positive
from .dense import Dense2D


def grid_of(image_size, patch_size):
    """Returns the patches `(rows, columns)` of an image, or says what does not fit."""
    check_positive(patch_size=patch_size)
    height, width = as_size(image_size)
    if height % patch_size or width % patch_size:
        nearest = tuple(
            max(patch_size, round(side / patch_size) * patch_size)
            for side in (height, width)
        )
        raise ValueError(
            "`image_size` must be a multiple of `patch_size`. Received: "
            f"image_size={(height, width)}, patch_size={patch_size}; "
            f"the nearest size that fits is {nearest}"
        )
    return height // patch_size, width // patch_size


@keras.saving.register_keras_serializable(package="keras_mae")
class Patchify(keras.layers.Layer):
    """Cuts images into patches, row by row; within a patch, channels vary fastest.

    Args:
        patch_size: Integer. Side of a patch in pixels.

    Call arguments:
        images: Tensor `(batch, height, width, channels)`; both sides are
            multiples of `patch_size`.

    Returns:
        Tensor `(batch, num_patches, patch_size * patch_size * channels)`.

    Raises:
        ValueError: `patch_size` is no positive integer, or a side no multiple of it.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """

    def __init__(self, patch_size, **kwargs):
        super().__init__(**kwargs)
        check_positive(patch_size=patch_size)
        self.patch_size = patch_size
        self.autocast = False  # targets of the loss stay float32
        self.built = True

    def call(self, images):
        size, channels = self.patch_size, images.shape[-1]
        rows, columns = grid_of(images.shape[1:3], size)
        x = tf.reshape(images, (-1, rows, size, columns, size, channels))
        x = tf.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, rows, columns, P, P, C)
        return tf.reshape(x, (-1, rows * columns, size * size * channels))

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size}


@keras.saving.register_keras_serializable(package="keras_mae")
class Unpatchify(keras.layers.Layer):
    """Puts patches back together: the inverse of `Patchify`.

    Args:
        image_size: Integer or `(height, width)` of the images, in pixels.
        patch_size: Integer. Side of a patch in pixels.

    Call arguments:
        patches: Tensor `(batch, num_patches, patch_size * patch_size * channels)`.

    Returns:
        Tensor `(batch, height, width, channels)`.

    Raises:
        ValueError: `patch_size` is no positive integer, or `image_size` no multiple
            of it.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """

    def __init__(self, image_size, patch_size, **kwargs):
        super().__init__(**kwargs)
        self.image_size = as_size(image_size)
        self.patch_size = patch_size
        self.autocast = False
        self.grid_size = grid_of(image_size, patch_size)
        self.built = True

    def call(self, patches):
        size, (rows, columns) = self.patch_size, self.grid_size
        x = tf.reshape(
            patches, (-1, rows, columns, size, size, self._channels(patches))
        )
        x = tf.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, rows, P, columns, P, C)
        return tf.reshape(x, (-1, *self.image_size, self._channels(patches)))

    def get_config(self):
        return {
            **super().get_config(),
            "image_size": self.image_size,
            "patch_size": self.patch_size,
        }

    def _channels(self, patches):
        return patches.shape[-1] // self.patch_size**2


@keras.saving.register_keras_serializable(package="keras_mae")
class PatchEmbed(keras.layers.Layer):
    """Projects flattened patches to tokens: the paper's convolution as one product.

    Taking patches rather than images lets the caller embed the visible ones alone.

    Args:
        embed_dim: Integer. Width of a token.

    Call arguments:
        patches: Float tensor `(batch, n, patch_size * patch_size * channels)`.

    Returns:
        Float tensor `(batch, n, embed_dim)`.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """

    def __init__(self, embed_dim, **kwargs):
        super().__init__(**kwargs)
        self.embed_dim = embed_dim
        self.proj = Dense2D(embed_dim, dtype=self.dtype_policy, name="proj")

    def build(self, input_shape):
        # The authors' runs left the bias at the convolution's default.
        limit = input_shape[-1] ** -0.5
        self.proj.bias_initializer = keras.initializers.RandomUniform(-limit, limit)
        self.proj.build(input_shape)

    def call(self, patches):
        return self.proj(patches)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.embed_dim)

    def get_config(self):
        return {**super().get_config(), "embed_dim": self.embed_dim}
