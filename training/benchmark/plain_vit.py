"""The same Vision Transformer of stock Keras layers: what ours is measured against.

Written as one would without this package: `Conv2D`, `Dense`, `LayerNormalization`,
exact GELU, products and softmax from `keras.ops`.
"""

import keras
import numpy as np
from keras import layers, ops


class Token(layers.Layer):
    """One trained token, repeated.

    Args:
        number: Integer. How often.
        dim: Integer. Its width.
    """

    def __init__(self, number, dim):
        super().__init__()
        self.shape = (number, dim)
        self.token = self.add_weight(shape=(1, 1, dim), initializer="random_normal")

    def call(self, like):
        return ops.broadcast_to(self.token, (ops.shape(like)[0], *self.shape))


class Positions(layers.Layer):
    """Trained positions, added.

    Args:
        table: Array `(1, num_tokens, dim)`.
    """

    def __init__(self, table):
        super().__init__()
        initial = keras.initializers.Constant(table)
        self.table = self.add_weight(shape=table.shape, initializer=initial)

    def call(self, tokens):
        return tokens + self.table


def plain_classifier(encoder, num_classes):
    """Returns a classifier like a `ViTClassifier` of pooling `"gap"`.

    Args:
        encoder: A `ViTEncoder`, whose sizes are taken.
        num_classes: Integer.
    """
    images, tokens = _tokens(encoder)
    pooled = norm(ops.mean(tokens[:, 1:], axis=1))
    logits = layers.Dense(num_classes, dtype="float32")(pooled)
    return keras.Model(images, logits)


def plain_features(encoder):
    """Returns a model of an encoder's features: the mean of the patches' tokens.

    Args:
        encoder: A `ViTEncoder`, whose sizes are taken.
    """
    images, tokens = _tokens(encoder)
    return keras.Model(images, ops.mean(norm(tokens)[:, 1:], axis=1))


def block(x, num_heads, mlp_ratio=4.0):
    """Returns a pre-norm Transformer block of tokens `(batch, n, dim)`."""
    x = x + _attention(norm(x), num_heads)
    hidden = layers.Dense(int(mlp_ratio * x.shape[-1]), activation=gelu)(norm(x))
    return x + layers.Dense(x.shape[-1])(hidden)


def norm(x):
    """Returns the layer normalisation of tokens."""
    return layers.LayerNormalization(epsilon=1e-6)(x)


def gelu(x):
    """Exact GELU, spelled out: tf2onnx cannot convert the one of Keras."""
    return 0.5 * x * (1 + ops.erf(x * 0.5**0.5))


def _tokens(encoder):
    """Returns images and what the blocks make of them, symbolic tensors."""
    dim, patch = encoder.embed_dim, encoder.patch_size
    images = keras.Input((*encoder.image_size, encoder.num_channels))
    x = layers.Conv2D(dim, patch, strides=patch)(images)
    x = layers.Reshape((-1, dim))(x)
    x = ops.concatenate([Token(1, dim)(x), x], axis=1)
    x = Positions(np.array(encoder.positions.pos_embed))(x)
    for _ in range(encoder.depth):
        x = block(x, encoder.num_heads, encoder.mlp_ratio)
    return images, x


def _attention(x, num_heads):
    _, number, dim = x.shape
    shape = (-1, number, 3, num_heads, dim // num_heads)
    qkv = ops.transpose(ops.reshape(layers.Dense(3 * dim)(x), shape), (2, 0, 3, 1, 4))
    q, k, v = qkv[0], qkv[1], qkv[2]
    scores = ops.matmul(q * shape[-1] ** -0.5, ops.transpose(k, (0, 1, 3, 2)))
    attended = ops.transpose(ops.matmul(ops.softmax(scores), v), (0, 2, 1, 3))
    return layers.Dense(dim)(ops.reshape(attended, (-1, number, dim)))
