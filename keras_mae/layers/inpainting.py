"""What the inpainter adds to its encoder: a decoder, and a discriminator to fool."""

import keras
import tensorflow as tf

from .dcgan import convolution, leaky_relu, norm, up_convolution


@keras.saving.register_keras_serializable(package="keras_mae")
class InpaintingDecoder(keras.layers.Layer):
    """Paints a picture in [-1, 1] from a bottleneck.

    An up-convolution to `map_size`, and others that double; batch norm and ReLU follow
    all but the last, whose result goes through tanh.

    Args:
        map_size: `(rows, columns)` of the first maps.
        num_channels: Integer. Channels of the picture.
        filters: Integers, one an up-convolution but the last.

    Call arguments:
        bottleneck: Float tensor `(batch, 1, 1, units)`.
        training: Boolean. Whether norms take the statistics of the batch.

    Returns:
        Float tensor `(batch, height, width, num_channels)`, `map_size` doubled as often
        as there are `filters`.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 5.1.
    """

    def __init__(self, map_size, num_channels, filters, **kwargs):
        super().__init__(**kwargs)
        self.map_size = tuple(map_size)
        self.num_channels = num_channels
        self.filters = tuple(filters)
        kernels = [(self.map_size, 1), *[(4, 2) for _ in self.filters]]
        self.up_convolutions = [
            up_convolution(channels, *kernel, f"up_convolutions_{i}", self.dtype_policy)
            for i, (channels, kernel) in enumerate(
                zip((*self.filters, num_channels), kernels, strict=True)
            )
        ]
        self.norms = [
            norm(f"norms_{i}", self.dtype_policy) for i in range(len(self.filters))
        ]

    def build(self, input_shape):
        channels = input_shape[-1]
        for layer in self.up_convolutions:
            layer.build((None, None, None, channels))
            channels = layer.filters
        for layer, channels in zip(self.norms, self.filters, strict=True):
            layer.build((None, None, None, channels))

    def call(self, bottleneck, training=False):
        maps = bottleneck
        layers = zip(self.up_convolutions[:-1], self.norms, strict=True)
        for layer, normalise in layers:
            maps = tf.nn.relu(normalise(layer(maps), training=training))
        return tf.tanh(self.up_convolutions[-1](maps))

    def compute_output_shape(self, input_shape):
        height, width = (side * 2 ** len(self.filters) for side in self.map_size)
        return (input_shape[0], height, width, self.num_channels)

    def get_config(self):
        names = ("map_size", "num_channels", "filters")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="keras_mae")
class Discriminator(keras.layers.Layer):
    """Judges whether a picture is real: one logit, of the picture alone.

    4x4 convolutions of stride 2 with LeakyReLU and batch norm (no norm in the first),
    then one over the whole map. What surrounds the picture is not shown: its seam would
    tell (section 3.2).

    Args:
        filters: Integers, one a convolution of stride 2.

    Call arguments:
        pictures: Float tensor `(batch, height, width, channels)` of fixed sides,
            multiples of `2**len(filters)`.
        training: Boolean. Whether norms take the statistics of the batch.

    Returns:
        Float32 tensor `(batch,)`, above 0 for what looks real.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.2.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = tuple(filters)
        policy = self.dtype_policy
        self.convolutions = [
            convolution(channels, 4, 2, f"convolutions_{i}", policy)
            for i, channels in enumerate(self.filters)
        ]
        self.norms = [norm(f"norms_{i}", policy) for i in range(1, len(self.filters))]

    def build(self, input_shape):
        _, height, width, channels = input_shape
        for layer in self.convolutions:
            layer.build((None, None, None, channels))
            channels = layer.filters
        for layer, channels in zip(self.norms, self.filters[1:], strict=True):
            layer.build((None, None, None, channels))
        stride = 2 ** len(self.filters)
        kernel = (height // stride, width // stride)
        self.judge = convolution(1, kernel, 1, "judge", self.dtype_policy)
        self.judge.build((None, None, None, self.filters[-1]))

    def call(self, pictures, training=False):
        maps = leaky_relu(self.convolutions[0](pictures))
        for layer, normalise in zip(self.convolutions[1:], self.norms, strict=True):
            maps = leaky_relu(normalise(layer(maps), training=training))
        return tf.cast(tf.reshape(self.judge(maps), (-1,)), tf.float32)

    def compute_output_shape(self, input_shape):
        return (input_shape[0],)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}
