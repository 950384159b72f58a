"""Ranks patches and hides those with the highest scores."""

import math

import keras
import tensorflow as tf

from .mask_samplers import get_sampler


@keras.saving.register_keras_serializable(package="keras_mae")
class RandomMasking(keras.layers.Layer):
    """Hides a fraction of the patches of every image.

    A sampler scores the patches and the lowest scores stay visible, so every
    image keeps the same number of patches and output shapes stay static.

    Args:
        mask_ratio: Float in `[0, 1)`. Fraction of patches to hide;
            `int(num_patches * (1 - mask_ratio))` stay visible.
        mask_sampler: A `MaskSampler` or its name: `"random"`, `"block"`,
            `"grid"`, `"rectangle"`, `"half"`.
        grid_size: `(rows, columns)` of patches. Default: a square.

    Call arguments:
        tokens: Tensor `(batch, num_patches, dim)`.
        noise: Optional float tensor `(batch, num_patches)` to rank instead of
            the sampler's scores.
        mask: Optional tensor `(batch, num_patches)`, 1 = hidden, the caller's
            own. With `training=True` it must hide as many patches as
            `mask_ratio` does; otherwise images may hide different numbers.
        seed: Optional integer tensor `(2,)`: scores depend on nothing else.
            Without it they come from TensorFlow's global generator.

    Returns:
        A dictionary of `visible`, tokens `(batch, num_visible, dim)`; `mask`, float32
        `(batch, num_patches)`, 1 = hidden; `ids_keep`, integer
        `(batch, num_visible)`; `ids_restore`, integer `(batch, num_patches)`, the
        permutation that undoes the shuffle. Where images hide different
        numbers, `num_visible` is the largest and surplus tokens are hidden ones.

    Raises:
        ValueError: `mask_ratio` is outside `[0, 1)` or leaves nothing visible.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """

    def __init__(
        self, mask_ratio=0.75, mask_sampler="random", grid_size=None, **kwargs
    ):
        super().__init__(**kwargs)
        if not 0 <= mask_ratio < 1:
            raise ValueError(
                "`mask_ratio` must lie in [0, 1), so that at least one patch "
                f"stays visible. Received: mask_ratio={mask_ratio}"
            )
        self.mask_ratio = mask_ratio
        self.mask_sampler = get_sampler(mask_sampler)
        self.grid_size = None if grid_size is None else tuple(grid_size)
        self.autocast = False  # noise in half precision would tie
        self.built = True

    def call(self, tokens, noise=None, mask=None, seed=None, training=False):
        num_patches = tokens.shape[1]
        num_visible = self.num_visible(num_patches)
        if mask is not None:
            noise = mask = tf.cast(mask, tf.float32)
            num_visible = self._num_visible_of(mask, num_visible, training)
        elif noise is None:
            noise = self._draw(tokens, seed)
        ids_shuffle = tf.argsort(noise, axis=1, stable=True)  # low stays visible
        ids_restore = tf.argsort(ids_shuffle, axis=1)
        ids_keep = ids_shuffle[:, :num_visible]
        if mask is None:
            mask = tf.cast(ids_restore >= num_visible, tf.float32)
        return {
            "visible": tf.gather(tokens, ids_keep, batch_dims=1),  # (B, V, D)
            "mask": mask,  # (B, L)
            "ids_keep": ids_keep,  # (B, V)
            "ids_restore": ids_restore,  # (B, L)
        }

    def compute_mask(self, inputs, previous_mask):
        """Returns None: our `mask` is not Keras' mask of padded time steps."""

    def num_visible(self, num_patches):
        """Returns how many of `num_patches` stay visible, as the original counts."""
        num_visible = int(num_patches * (1 - self.mask_ratio))
        if num_visible < 1:
            raise ValueError(
                "`mask_ratio` must leave at least one patch visible. Received: "
                f"mask_ratio={self.mask_ratio} with {num_patches} patches"
            )
        return num_visible

    def get_config(self):
        sampler = keras.saving.serialize_keras_object(self.mask_sampler)
        return {
            **super().get_config(),
            "mask_ratio": self.mask_ratio,
            "mask_sampler": sampler,
            "grid_size": self.grid_size,
        }

    def _draw(self, tokens, seed):
        if seed is None:
            seed = tf.random.uniform((2,), maxval=2**31 - 1, dtype=tf.int32)
        rows, columns = self.grid_size or self._square(tokens.shape[1])
        return self.mask_sampler(tf.shape(tokens)[0], rows, columns, seed)

    def _num_visible_of(self, mask, num_visible, training):
        visible = mask.shape[1] - tf.cast(tf.reduce_sum(mask, axis=1), tf.int32)
        if not training:
            return tf.reduce_max(visible)
        message = (
            "In training, a caller's `mask` must hide as many patches of every image "
            f"as `mask_ratio`={self.mask_ratio} does ({mask.shape[1] - num_visible})"
        )
        tf.debugging.assert_equal(visible, num_visible, message)
        return num_visible

    def _square(self, num_patches):
        side = math.isqrt(num_patches)
        if side * side != num_patches:
            raise ValueError(
                "`grid_size` is needed where the patches do not form a square. "
                f"Received: grid_size=None with {num_patches} patches"
            )
        return side, side
