"""What stands in the places of hidden patches, where the encoder sees all places."""

import math

import keras
import tensorflow as tf

from .draws import draw_integers, draw_uniform, fold_in
from .vit_encoder import token_init


@keras.saving.register_keras_serializable(package="keras_mae")
class PatchCorruption(keras.layers.Layer):
    """Replaces hidden patches' embeddings by a learned mask token, as BERT does words.

    With a seed, of the hidden patches of every image a share gets the mask token, a
    share the embedding of another patch of the same image, and the rest stays as it
    is. Which ones is drawn; how many is exact: shares are counted cumulatively and
    rounded. Without a seed, every hidden patch gets the mask token.

    Args:
        corruption: Three floats that add up to 1: the shares of the mask token, of
            another patch, and of patches left as they are; BERT's are (0.8, 0.1, 0.1).

    Call arguments:
        tokens: Float tensor `(batch, num_patches, dim)`, patches in their order.
        mask: Float tensor `(batch, num_patches)`, 1 = hidden.
        seed: Optional integer tensor `(2,)`; draws depend on nothing else.

    Returns:
        Float tensor `(batch, num_patches, dim)`.

    Raises:
        ValueError: The shares are not three, are negative, do not add up to 1, or
            leave the mask token none.

    Reference: [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), 3.1;
        [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), B.1.2.
    """

    def __init__(self, corruption=(1.0, 0.0, 0.0), **kwargs):
        super().__init__(**kwargs)
        self.corruption = _checked(corruption)

    def build(self, input_shape):
        self.mask_token = self.add_weight(
            name="mask_token", shape=(1, 1, input_shape[-1]), initializer=token_init()
        )

    def call(self, tokens, mask, seed=None):
        hidden = tf.cast(mask, tf.float32) > 0  # (B, L)
        mask_token = tf.cast(tf.convert_to_tensor(self.mask_token), tokens.dtype)
        if seed is None or not self.is_random:
            return tf.where(hidden[..., None], mask_token, tokens)
        rank, ends = self._rank(hidden, fold_in(seed, 0)), self._ends(hidden)
        gets_token = rank < ends[0]
        gets_other = (rank >= ends[0]) & (rank < ends[1])
        others = _other_patches(tokens, fold_in(seed, 1))
        tokens = tf.where(gets_other[..., None], others, tokens)
        return tf.where(gets_token[..., None], mask_token, tokens)

    @property
    def is_random(self):
        """Whether anything is drawn: not where all hidden patches get the token."""
        return self.corruption[0] < 1

    def compute_mask(self, inputs, previous_mask):
        """Returns None: our `mask` is not Keras' mask of padded time steps."""

    def compute_output_shape(self, tokens_shape, mask_shape=None):
        return tokens_shape

    def get_config(self):
        return {**super().get_config(), "corruption": self.corruption}

    def _rank(self, hidden, seed):
        """Ranks the hidden patches of an image at random; visible ones come last."""
        noise = draw_uniform((tf.shape(hidden)[0], hidden.shape[1]), seed)
        noise = tf.where(hidden, noise, 2.0)
        return tf.argsort(tf.argsort(noise, axis=1, stable=True), axis=1)  # (B, L)

    def _ends(self, hidden):
        """The ranks at which token and other patch end, of every image `(B, 1)`."""
        count = tf.reduce_sum(tf.cast(hidden, tf.float32), axis=1, keepdims=True)
        token, other, _ = self.corruption
        return [
            tf.cast(tf.round(count * share), tf.int32)
            for share in (token, token + other)
        ]


def _checked(corruption):
    shares = tuple(float(share) for share in corruption)
    in_range = len(shares) == 3 and min(shares) >= 0 and shares[0] > 0
    if not in_range or not math.isclose(sum(shares), 1):
        raise ValueError(
            "`corruption` must be three shares that add up to 1, of the mask token "
            "(above 0), of another patch, and of patches left as they are; BERT's are "
            f"(0.8, 0.1, 0.1). Received: corruption={corruption}"
        )
    return shares


def _other_patches(tokens, seed):
    """Returns for every patch another one of the same image, drawn uniformly."""
    batch, length = tf.shape(tokens)[0], tokens.shape[1]
    step = 1 + draw_integers((batch, length), seed, max(1, length - 1))
    return tf.gather(tokens, (tf.range(length) + step) % length, batch_dims=1)
