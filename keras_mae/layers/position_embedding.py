"""Fixed 2-D sin-cos positions."""

import keras
import numpy as np
import tensorflow as tf


def sincos_positions(embed_dim, grid_size):
    """Returns sin-cos positions of a grid, float32 `(rows * columns, embed_dim)`.

    The first half of the channels tells the column, the second the row; each
    half is a block of sines and a block of cosines. Computed in float64.

    Args:
        embed_dim: Integer, a multiple of 4.
        grid_size: `(rows, columns)`, which may differ.

    Raises:
        ValueError: `embed_dim` is not a multiple of 4.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), A.1;
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.5.
    """
    if embed_dim % 4:
        raise ValueError(
            "Sin-cos positions need a width that is a multiple of 4 (sine and cosine "
            f"of row and column). Received: embed_dim={embed_dim}"
        )
    omega = 10000.0 ** -(np.arange(embed_dim // 4, dtype="float64") / (embed_dim / 4))
    row, column = np.indices(grid_size).reshape(2, -1, 1)  # each (L, 1)
    angles = [column * omega, row * omega]
    halves = [f(angle) for angle in angles for f in (np.sin, np.cos)]
    return np.concatenate(halves, axis=1).astype("float32")


@keras.saving.register_keras_serializable(package="keras_mae")
class PositionEmbedding(keras.layers.Layer):
    """Adds sin-cos positions to patch tokens and holds the class token's row of zeros.

    The positions are a weight, so that they travel in checkpoints: frozen in
    pre-training, trainable (`trainable=True`) in fine-tuning, as the original's.

    Args:
        grid_size: `(rows, columns)` of patches.

    Call arguments:
        tokens: Float tensor `(batch, n, dim)`, of all patches or of those kept.
        ids_keep: Optional integer tensor `(batch, n)`, which patches these are.

    Returns:
        Float tensor `(batch, n, dim)`.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), section 3.
    """

    def __init__(self, grid_size, **kwargs):
        super().__init__(**kwargs)
        self.grid_size = tuple(grid_size)

    def build(self, input_shape):
        dim = input_shape[-1]
        self.pos_embed = self.add_weight(
            name="pos_embed",
            shape=(1, 1 + self.grid_size[0] * self.grid_size[1], dim),
            initializer=self._sincos,
            trainable=self.trainable,
        )

    def call(self, tokens, ids_keep=None):
        positions = tf.convert_to_tensor(self.pos_embed)[:, 1:]
        if ids_keep is not None:
            positions = tf.gather(positions[0], ids_keep)  # (B, V, D)
        return tokens + positions

    def class_position(self):
        """Returns the class token's position, `(1, 1, dim)`."""
        return tf.convert_to_tensor(self.pos_embed)[:, :1]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "grid_size": self.grid_size}

    def _sincos(self, shape, dtype=None):
        patches = sincos_positions(shape[-1], self.grid_size)
        table = np.concatenate([np.zeros((1, shape[-1])), patches])[None]
        return tf.cast(table, dtype or "float32")
