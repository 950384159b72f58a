"""Multi-head self-attention."""

import keras
import tensorflow as tf

from ..positive import check_positive
from .compiled import compiled, is_compiling
from .dense import Dense2D
from .products import cast_all, product_dtype


@keras.saving.register_keras_serializable(package="keras_mae")
class SelfAttention(keras.layers.Layer):
    """Multi-head self-attention with one product for queries, keys and values.

    Args:
        num_heads: Integer, a divisor of the tokens' width.

    Call arguments:
        tokens: Float tensor `(batch, n, dim)`.
        attention_mask: Optional boolean tensor `(batch, n)`; False = unseen by all.
        num_queries: Optional integer: only the last tokens ask, all are seen.
        norm: Optional `LayerNorm` that tokens go through first.

    Returns:
        Float tensor `(batch, n, dim)`, or `(batch, num_queries, dim)`.

    Raises:
        ValueError: `num_heads` is no positive integer, or the width no multiple of it.

    Reference: [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.2.
    """

    def __init__(self, num_heads, **kwargs):
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads)
        self.num_heads = num_heads

    def build(self, input_shape):
        dim = input_shape[-1]
        if dim % self.num_heads:
            raise ValueError(
                "The width of the tokens must be a multiple of `num_heads`. "
                f"Received: width={dim}, num_heads={self.num_heads}"
            )
        self.qkv = Dense2D(3 * dim, dtype=self.dtype_policy, name="qkv")
        self.proj = Dense2D(dim, dtype=self.dtype_policy, name="proj")
        self.qkv.build(input_shape)
        self.proj.build(input_shape)

    def call(self, tokens, attention_mask=None, num_queries=None, norm=None):
        n, dim = tf.shape(tokens)[1], tokens.shape[-1]
        n = tokens.shape[1] or n
        head_dim = dim // self.num_heads
        qkv = self.qkv(tokens, before=norm)
        qkv = tf.reshape(qkv, (-1, n, 3, self.num_heads, head_dim))
        q, k, v = tf.unstack(tf.transpose(qkv, (2, 0, 3, 1, 4)))  # (B, heads, n, hd)
        q = last_tokens(q, num_queries, axis=2)
        if is_compiling() and attention_mask is None:
            attended = _attend_lean(q, k, v)
        else:
            attended, _ = _attend(q, k, v, attention_mask)
        return self.proj(tf.reshape(attended, (-1, num_queries or n, dim)))

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads}


def last_tokens(tokens, number, axis):
    """Returns the last `number` tokens along an axis, all where it is `None`."""
    if number is None:
        return tokens
    # The gradient of `split` is a concatenation, faster than that of a slice.
    return tf.split(tokens, [tokens.shape[axis] - number, number], axis)[1]


def _attend(q, k, v, attention_mask=None):
    """Returns the attended values, `(B, n, heads, hd)`, and the softmax's weights."""
    scores = tf.matmul(q * q.shape[-1] ** -0.5, k, transpose_b=True)
    if q.dtype == tf.float16:  # its exponentials overflow
        scores = tf.cast(scores, tf.float32)
    if attention_mask is not None:
        hidden = ~attention_mask[:, None, None, :]
        scores = tf.where(hidden, tf.constant(-1e9, scores.dtype), scores)
    weights = tf.cast(tf.nn.softmax(scores), q.dtype)
    return _swapped(tf.matmul(weights, v)), weights


def _swapped(x):
    """Returns `(B, n, heads, hd)` of `(B, heads, n, hd)`, and the other way round."""
    return tf.transpose(x, (0, 2, 1, 3))


@tf.custom_gradient
def _attend_lean(*qkv):
    """`_attend` with a gradient that passes over the weights once, not four times.

    The sum over keys in the softmax's gradient is that of the result times its own
    gradient, a tensor that is `n / hd` times smaller (Dao et al., 2022, B.2). Of the
    two layouts of the result the one is kept that the next product needs, too.
    """
    dtype, computed = qkv[0].dtype, product_dtype(qkv[0].dtype)
    attended, weights = cast_all(_attend(*cast_all(qkv, computed)), dtype)

    def gradient(upstream):
        with tf.control_dependencies([upstream]):  # or the first casts would be kept
            q, k, v, factor = cast_all((*qkv, weights), computed)
        of_heads = _swapped(tf.cast(upstream, computed))
        of_v = tf.matmul(factor, of_heads, transpose_a=True)
        of_weights = tf.matmul(of_heads, v, transpose_b=True)
        of_scores = _softmax_gradient(weights, of_weights, attended, upstream)
        of_q = tf.matmul(of_scores, k)
        of_k = tf.matmul(of_scores, q, transpose_a=True)
        return cast_all((of_q, of_k, of_v), dtype)

    return attended, gradient


@compiled
def _softmax_gradient(weights, of_weights, attended, upstream):
    """Returns the gradient of `q k^T`, before it is scaled."""
    dtype = of_weights.dtype
    weights, of_weights, attended, upstream = (
        tf.cast(x, tf.float32) for x in (weights, of_weights, attended, upstream)
    )
    along = tf.reduce_sum(attended * upstream, axis=-1)  # (B, n, heads)
    along = tf.transpose(along, (0, 2, 1))[..., None]
    scale = attended.shape[-1] ** -0.5
    return tf.cast(weights * (of_weights - along) * scale, dtype)
