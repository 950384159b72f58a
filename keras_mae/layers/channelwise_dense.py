"""A fully connected layer within each feature map, and none between them."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="keras_mae")
class ChannelwiseDense(keras.layers.Layer):
    """Connects every place of a feature map to every place of the same map.

    Information spreads over the whole image at `m * n**4` weights for `m` maps of
    `n * n` places, instead of the `m**2 * n**4` of a dense layer. Maps do not mix; a
    1x1 convolution behind does that.

    Call arguments:
        maps: Float tensor `(batch, height, width, m)` of fixed height and width.

    Returns:
        Float tensor of the same shape.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.1.
    """

    def build(self, input_shape):
        _, height, width, channels = input_shape
        places = height * width
        limit = (3 / places) ** 0.5  # Glorot's, of one map
        self.kernel = self.add_weight(
            name="kernel",
            shape=(channels, places, places),
            initializer=keras.initializers.RandomUniform(-limit, limit),
        )

    def call(self, maps):
        _, height, width, channels = maps.shape
        columns = tf.reshape(maps, (-1, height * width, channels))
        columns = tf.transpose(columns, (2, 0, 1))  # (m, B, places)
        mixed = tf.transpose(tf.matmul(columns, self.kernel), (1, 2, 0))
        return tf.reshape(mixed, (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        return input_shape
