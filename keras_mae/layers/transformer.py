"""The pre-norm Transformer block of ViT."""

import functools

import keras

from ..positive import check_positive
from .attention import SelfAttention, last_tokens
from .compiled import LayerNorm, gelu
from .dense import Dense2D, from_rows, to_rows
from .draws import fold_in
from .remat import rematerialised
from .stochastic_depth import StochasticDepth


@keras.saving.register_keras_serializable(package="keras_mae")
class MLP(keras.layers.Layer):
    """Two dense layers with an exact GELU between them.

    Args:
        hidden_dim: Integer. Width between the layers.

    Call arguments:
        tokens: Float tensor `(batch, n, dim)`.
        norm: Optional `LayerNorm` that tokens go through first.

    Returns:
        Float tensor `(batch, n, dim)`.
    """

    def __init__(self, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim

    def build(self, input_shape):
        dim, policy = input_shape[-1], self.dtype_policy
        self.fc1 = Dense2D(self.hidden_dim, dtype=policy, name="fc1")
        self.fc2 = Dense2D(dim, dtype=policy, name="fc2")
        self.fc1.build(input_shape)
        self.fc2.build((*input_shape[:-1], self.hidden_dim))

    def call(self, tokens, norm=None):
        rows = to_rows(tokens)  # GELU next to the product's bias is fused with it
        rows = self.fc2(self.fc1(rows, before=norm), before=gelu)
        return from_rows(rows, tokens)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "hidden_dim": self.hidden_dim}


@keras.saving.register_keras_serializable(package="keras_mae")
class TransformerBlock(keras.layers.Layer):
    """`x += attn(norm1(x)); x += mlp(norm2(x))`.

    Args:
        num_heads: Integer, a divisor of the tokens' width.
        mlp_ratio: Float. Width of the MLP over the width of the tokens.
        drop_path_rate: Float in `[0, 1)`. Stochastic depth of both branches.
        layer_norm_eps: Float. The original's is 1e-6.

    Call arguments:
        tokens: Float tensor `(batch, n, dim)`.
        attention_mask: Optional boolean tensor `(batch, n)`; False = unseen by all.
        training: Boolean. Whether branches are dropped.
        seed: Optional integer tensor `(2,)` of the stochastic depth.
        num_queries: Optional integer: only the last tokens are wanted. The others
            are seen by their attention and cost nothing else.

    Returns:
        Float tensor `(batch, n, dim)`, or `(batch, num_queries, dim)`.

    Raises:
        ValueError: `num_heads` is no positive integer, or the width no multiple of it.

    Reference: [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), 3.1.
    """

    def __init__(
        self,
        num_heads,
        mlp_ratio=4.0,
        drop_path_rate=0.0,
        layer_norm_eps=1e-6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive(num_heads=num_heads)
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.drop_path_rate = drop_path_rate
        self.layer_norm_eps = layer_norm_eps

    def build(self, input_shape):
        policy, hidden_dim = self.dtype_policy, int(input_shape[-1] * self.mlp_ratio)
        self.norm1 = self._layer_norm("norm1")
        self.attn = SelfAttention(self.num_heads, dtype=policy, name="attn")
        self.norm2 = self._layer_norm("norm2")
        self.mlp = MLP(hidden_dim, dtype=policy, name="mlp")
        self.drop_path = StochasticDepth(
            self.drop_path_rate, dtype=policy, name="drop_path"
        )
        for layer in (self.norm1, self.attn, self.norm2, self.mlp):
            layer.build(input_shape)

    def call(
        self,
        tokens,
        attention_mask=None,
        training=False,
        seed=None,
        num_queries=None,
    ):
        block = functools.partial(
            self._block,
            attention_mask=attention_mask,
            training=training,
            seed=seed,
            num_queries=num_queries,
        )
        return rematerialised(block)(tokens)

    def _block(self, tokens, attention_mask, training, seed, num_queries):
        seeds = (None, None) if seed is None else (fold_in(seed, 0), fold_in(seed, 1))
        branch = self.attn(
            tokens,
            attention_mask=attention_mask,
            num_queries=num_queries,
            norm=self.norm1,
        )
        tokens = last_tokens(tokens, num_queries, axis=1)
        tokens = tokens + self.drop_path(branch, training=training, seed=seeds[0])
        branch = self.mlp(tokens, norm=self.norm2)
        return tokens + self.drop_path(branch, training=training, seed=seeds[1])

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "mlp_ratio": self.mlp_ratio,
            "drop_path_rate": self.drop_path_rate,
            "layer_norm_eps": self.layer_norm_eps,
        }

    def _layer_norm(self, name):
        return LayerNorm(self.layer_norm_eps, dtype=self.dtype_policy, name=name)
