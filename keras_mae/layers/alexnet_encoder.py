"""The convolutions of AlexNet up to pool5: the Context Encoder's feature learner."""

import keras
import tensorflow as tf

from .map_encoder import MapEncoder


@keras.saving.register_keras_serializable(package="keras_mae")
class AlexNetEncoder(MapEncoder):
    """Convolutions with ReLU, some followed by max pooling of stride 2.

    The defaults are AlexNet's up to pool5, without groups and local response
    normalisation: 227 x 227 pixels become 6 x 6 places of 256 channels.

    Args:
        image_size: Integer or `(height, width)` that convolutions and pooling divide
            without remainder: 227, 195, 259, ... for the defaults.
        num_channels: Integer. Channels of the images.
        filters, kernel_sizes, strides: Integers, one a convolution. Those of stride 1
            keep the size, those of stride 4 pad nothing.
        pooled: Booleans, one a convolution: whether max pooling follows.
        pool_size: Integer. Side of the pooling's window.
        preprocessing: A `Preprocessing`, its configuration, or `None` for the
            default one of `image_size` and `num_channels`.

    Call arguments:
        images: Float tensor `(batch, height, width, channels)`, normalised by
            `preprocessing`.
        training: Boolean.

    Returns:
        Float tensor `(batch, rows * columns, filters[-1])`, row by row.

    Raises:
        ValueError: The image does not fit, and near sizes that do are named; or the
            arguments of the convolutions do not fit each other.

    Reference: [Pathak et al., 2016](https://arxiv.org/abs/1604.07379), section 3.1;
        [Krizhevsky et al., 2012](https://doi.org/10.1145/3065386).
    """

    def __init__(
        self,
        image_size=227,
        num_channels=3,
        filters=(96, 256, 384, 384, 256),
        kernel_sizes=(11, 5, 3, 3, 3),
        strides=(4, 1, 1, 1, 1),
        pooled=(True, True, False, False, True),
        pool_size=3,
        preprocessing=None,
        name="encoder",
        **kwargs,
    ):
        super().__init__(image_size, num_channels, preprocessing, name=name, **kwargs)
        self.filters = tuple(filters)
        self.kernel_sizes = tuple(kernel_sizes)
        self.strides = tuple(strides)
        self.pooled = tuple(pooled)
        self.pool_size = pool_size
        self._check_arguments()
        self.sizes = self._sizes()
        self._add_layers()
        self.build((None, *self.image_size, num_channels))

    @property
    def embed_dim(self):
        """Channels of the last map."""
        return self.filters[-1]

    @property
    def depth(self):
        """Convolutions."""
        return len(self.filters)

    @property
    def grid_size(self):
        """`(rows, columns)` of the last map."""
        return self.sizes[-1]

    def build(self, input_shape):
        if self.built:
            return
        channels = self.num_channels
        for convolution in self.convolutions:
            convolution.build((None, None, None, channels))
            channels = convolution.filters
        self.built = True

    def maps(self, images, training=False):
        """Returns pool5, `(batch, rows, columns, filters[-1])`."""
        maps = images
        for convolution, pooled in zip(self.convolutions, self.pooled, strict=True):
            maps = convolution(maps)
            if pooled:
                maps = tf.nn.max_pool2d(maps, self.pool_size, 2, "VALID")
        return maps

    def get_config(self):
        names = ("filters", "kernel_sizes", "strides", "pooled", "pool_size")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _add_layers(self):
        self.convolutions = [
            keras.layers.Conv2D(
                filters,
                kernel,
                strides,
                padding="same" if strides == 1 else "valid",
                activation="relu",
                kernel_initializer="he_normal",
                dtype=self.dtype_policy,
                name=f"convolutions_{i}",
            )
            for i, (filters, kernel, strides) in enumerate(
                zip(self.filters, self.kernel_sizes, self.strides, strict=True)
            )
        ]

    def _check_arguments(self):
        names = ("filters", "kernel_sizes", "strides", "pooled")
        lengths = {name: len(getattr(self, name)) for name in names}
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"{', '.join(names)} must have one value a convolution. "
                f"Received lengths: {lengths}"
            )
        for kernel, stride in zip(self.kernel_sizes, self.strides, strict=True):
            if stride not in (1, 4) or (stride == 4 and kernel not in (5, 7, 9, 11)):
                raise ValueError(
                    "`strides` must be 1, or 4 with a kernel of 5, 7, 9 or 11. "
                    f"Received: strides={self.strides}, {self.kernel_sizes=}"
                )

    def _sizes(self):
        """Returns `(height, width)` of the image and of its halves, down to the map."""
        sides = [self._fitting(side) for side in self.image_size]
        return list(zip(*sides, strict=True))

    def _fitting(self, side):
        if sides := self._divided(side):
            return sides
        fitting = [n for n in range(1, 2 * side + 256) if self._divided(n)]
        near = sorted(sorted(fitting, key=lambda n: abs(n - side))[:2])
        raise ValueError(
            "`image_size` must be divided by convolutions and pooling without "
            f"remainder: {side} is not, the nearest are {near}. "
            f"Received: image_size={self.image_size}"
        )

    def _divided(self, side):
        """Returns the side of the image and after each halving, or nothing."""
        sides, windows = [side], []
        steps = zip(self.kernel_sizes, self.strides, self.pooled, strict=True)
        for kernel, stride, pooled in steps:
            # A window of 11 and stride 4 is one of 3 and then one of 5, both of 2.
            windows += [3, (kernel - 1) // 2] if stride == 4 else []
            windows += [self.pool_size] if pooled else []
        for window in windows:
            if sides[-1] < window or (sides[-1] - window) % 2:
                return []
            sides.append((sides[-1] - window) // 2 + 1)
        return sides
