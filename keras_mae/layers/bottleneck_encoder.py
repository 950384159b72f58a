"""The inpainter's encoder: strided convolutions down to one vector an image."""

import keras

from .dcgan import convolution, leaky_relu, norm
from .map_encoder import MapEncoder


@keras.saving.register_keras_serializable(package="keras_mae")
class BottleneckEncoder(MapEncoder):
    """4x4 convolutions of stride 2, then one over the whole map: a bottleneck.

    LeakyReLU and batch norm follow each, no norm the first. The defaults are the
    paper's for 128 px: 64, 64, 128, 256, 512 channels on 4 x 4 places, 4000 units.

    Args:
        image_size: Integer or `(height, width)`, multiples of `2**len(filters)`.
        num_channels: Integer. Channels of the images.
        filters: Integers, one a convolution of stride 2.
        bottleneck: Integer. Units of the bottleneck.
        preprocessing: A `Preprocessing`, its configuration, or `None` for the
            default one of `image_size` and `num_channels`.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`, normalised by
            `preprocessing`.
        training: Boolean. Whether norms take the statistics of the batch.

    Returns:
        Float tensor `(batch, 1, bottleneck)`.

    Raises:
        ValueError: The image is not a multiple of the strides.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 5.1.
    """

    def __init__(
        self,
        image_size=128,
        num_channels=3,
        filters=(64, 64, 128, 256, 512),
        bottleneck=4000,
        preprocessing=None,
        name="encoder",
        **kwargs,
    ):
        super().__init__(image_size, num_channels, preprocessing, name=name, **kwargs)
        self.filters = tuple(filters)
        self.bottleneck = bottleneck
        self.map_size = self._map_size()
        self._add_layers()
        self.build((None, *self.image_size, num_channels))

    @property
    def embed_dim(self):
        """Units of the bottleneck."""
        return self.bottleneck

    @property
    def depth(self):
        """Convolutions."""
        return len(self.convolutions)

    @property
    def grid_size(self):
        """`(1, 1)`: the bottleneck is one place."""
        return (1, 1)

    def build(self, input_shape):
        if self.built:
            return
        channels = self.num_channels
        for layer in self.convolutions:
            layer.build((None, None, None, channels))
            channels = layer.filters
        for layer, before in zip(self.norms, self.convolutions[1:], strict=True):
            layer.build((None, None, None, before.filters))
        self.built = True

    def maps(self, images, training=False):
        """Returns the bottleneck, `(batch, 1, 1, bottleneck)`."""
        maps = leaky_relu(self.convolutions[0](images))
        for layer, normalise in zip(self.convolutions[1:], self.norms, strict=True):
            maps = leaky_relu(normalise(layer(maps), training=training))
        return maps

    def get_config(self):
        own = {"filters": self.filters, "bottleneck": self.bottleneck}
        return {**super().get_config(), **own}

    def _add_layers(self):
        policy = self.dtype_policy
        self.convolutions = [
            convolution(filters, 4, 2, f"convolutions_{i}", policy)
            for i, filters in enumerate(self.filters)
        ]
        last = len(self.filters)
        self.convolutions.append(
            convolution(
                self.bottleneck, self.map_size, 1, f"convolutions_{last}", policy
            )
        )
        self.norms = [norm(f"norms_{i}", policy) for i in range(1, last + 1)]

    def _map_size(self):
        stride = 2 ** len(self.filters)
        height, width = self.image_size
        if height % stride or width % stride:
            raise ValueError(
                f"`image_size` must be multiples of {stride}, 2 for each of `filters`. "
                f"Received: image_size={self.image_size}"
            )
        return (height // stride, width // stride)
