"""From feature maps back to pixels: the Context Encoder's decoder."""

import keras

from .channelwise_dense import ChannelwiseDense


@keras.saving.register_keras_serializable(package="keras_mae")
class ContextDecoder(keras.layers.Layer):
    """Spreads what the maps know over the image, mixes maps, and paints pixels.

    A `ChannelwiseDense`, a 1x1 convolution with ReLU, and up-convolutions of stride 2
    with ReLU but the last. Each one ends at just the size that the encoder passed
    through, so the result is as large as the image, and nothing is resized.

    Args:
        sizes: Pairs `(height, width)`, from the maps to the image, about twice as
            large at each up-convolution.
        num_channels: Integer. Channels of the images.
        filters: Integers, one an up-convolution but the last.

    Call arguments:
        maps: Float tensor `(batch, *sizes[0], channels)`.

    Returns:
        Float tensor `(batch, *sizes[-1], num_channels)`.

    Raises:
        ValueError: `filters` are not as many as needed.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.1.
    """

    def __init__(self, sizes, num_channels, filters, **kwargs):
        super().__init__(**kwargs)
        self.sizes = [tuple(size) for size in sizes]
        self.num_channels = num_channels
        self.filters = tuple(filters)
        if len(self.filters) != len(self.sizes) - 2:
            raise ValueError(
                f"`decoder_filters` must be {len(self.sizes) - 2}, one an "
                f"up-convolution but the last. Received: {self.filters}"
            )
        self.channelwise = ChannelwiseDense(dtype=self.dtype_policy, name="channelwise")
        self.up_convolutions = [
            self._up_convolution(i, channels)
            for i, channels in enumerate((*self.filters, num_channels))
        ]

    def build(self, input_shape):
        self.channelwise.build(input_shape)
        self.mix = keras.layers.Conv2D(
            input_shape[-1],
            1,
            activation="relu",
            kernel_initializer="he_normal",
            dtype=self.dtype_policy,
            name="mix",
        )
        channels = input_shape[-1]
        self.mix.build(input_shape)
        for layer in self.up_convolutions:
            layer.build((None, None, None, channels))
            channels = layer.filters

    def call(self, maps):
        maps = self.mix(self.channelwise(maps))
        for layer in self.up_convolutions:
            maps = layer(maps)
        return maps

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.sizes[-1], self.num_channels)

    def get_config(self):
        names = ("sizes", "num_channels", "filters")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _up_convolution(self, i, channels):
        rows, target = self.sizes[i][0], self.sizes[i + 1][0]
        window = target - 2 * (rows - 1)
        doubles = window == 2  # then windows that overlap leave fewer seams
        is_last = i == len(self.filters)
        return keras.layers.Conv2DTranspose(
            channels,
            4 if doubles else window,
            2,
            padding="same" if doubles else "valid",
            activation=None if is_last else "relu",
            kernel_initializer="glorot_uniform" if is_last else "he_normal",
            dtype=self.dtype_policy,
            name=f"up_convolutions_{i}",
        )
