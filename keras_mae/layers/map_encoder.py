"""What convolutional encoders share: their maps are handed out as tokens."""

import keras
import tensorflow as tf

from ..image_size import as_size, check_image_size
from ..preprocessing import matching_preprocessing
from ..program import InputError


class MapEncoder(keras.Model):
    """Encodes images to the places of a feature map, one token each.

    It does for k-NN, probes, fine-tuning and export what a `ViTEncoder` does, but has
    no class token: `"gap"`, the mean of the map, is its only pooling. A subclass adds
    layers and builds them, `embed_dim`, `depth`, `grid_size`, and `maps`, which returns
    the last map, `(batch, rows, columns, embed_dim)`, of the call's arguments.

    Args:
        image_size: Integer or `(height, width)`.
        num_channels: Integer. Channels of the images.
        preprocessing: A `Preprocessing`, its configuration, or `None` for the
            default one of `image_size` and `num_channels`.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`, normalised by
            `preprocessing`.
        training: Boolean.

    Returns:
        Float tensor `(batch, rows * columns, embed_dim)`, row by row.

    Raises:
        ValueError: Images of another size, in a call.
    """

    # Of the `ViTEncoder`'s, what a classifier asks for: it norms features itself.
    final_norm = False
    layer_norm_eps = 1e-6
    drop_path_rate = 0.0

    def __init__(self, image_size, num_channels, preprocessing, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False  # the layers cast
        self.image_size = as_size(image_size)
        self.num_channels = num_channels
        self.preprocessing = matching_preprocessing(
            preprocessing, self.image_size, num_channels
        )

    def call(self, images, training=False):
        check_image_size(images, self.image_size)
        maps = self.maps(images, training=training)
        return tf.reshape(maps, (-1, maps.shape[1] * maps.shape[2], maps.shape[3]))

    def pool(self, tokens, pooling="gap"):
        """Returns one feature an image, `(batch, embed_dim)`, of this encoder's tokens.

        Raises:
            ValueError: `pooling` is not `"gap"`.
        """
        self.check_pooling(pooling)
        return tf.reduce_mean(tokens, axis=1)

    def check_pooling(self, pooling):
        """Raises an `InputError` for another pooling than `"gap"`."""
        if pooling != "gap":
            raise InputError(
                f"a {type(self).__name__} has no class token: pooling must be 'gap', "
                f"the mean of its map. Received: pooling={pooling!r}"
            )

    def features(self, images, pooling="gap"):
        """Returns one feature an image, `(batch, embed_dim)`; see `pool`."""
        return self.pool(self(images), pooling)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **keras.layers.Layer.get_config(self),
            "image_size": self.image_size,
            "num_channels": self.num_channels,
            "preprocessing": serialize(self.preprocessing),
        }
