"""Mixup and cutmix: batches of mixed pictures, and labels mixed alike."""

import dataclasses

import tensorflow as tf

from keras_mae.program import InputError


@dataclasses.dataclass(frozen=True)
class Mixing:
    """How batches are mixed; timm's rules, one draw a batch.

    Attributes:
        mixup, cutmix: Floats. Alphas of the Beta distributions of the share that
            stays; 0 for none.
        probability: Float in [0, 1]. Share of the batches that are mixed.
        cutmix_probability: Float in [0, 1]. Share of cutmix, where both are possible.
        label_smoothing: Float in `[0, 1)`. Share of every label that is spread over
            all classes.

    Raises:
        InputError: A setting is out of range.

    Reference: [Zhang et al., 2017](https://arxiv.org/abs/1710.09412);
        [Yun et al., 2019](https://arxiv.org/abs/1905.04899).
    """

    mixup: float = 0.8
    cutmix: float = 1.0
    probability: float = 1.0
    cutmix_probability: float = 0.5
    label_smoothing: float = 0.1

    def __post_init__(self):
        for name, value in vars(self).items():
            limit = float("inf") if name in ("mixup", "cutmix") else 1
            if not 0 <= value <= limit or (name, value) == ("label_smoothing", 1):
                raise InputError(
                    f"{name} must be 0 or more, a probability at most 1 and "
                    f"label_smoothing less; received {value}"
                )


def mix(images, labels, seed, num_classes, mixing):
    """Mixes a batch in pairs of neighbours.

    Unlike a mirror image's, a partner is in the same share of a batch that several
    hosts share; the order of a batch is random anyway. An odd one out stays alone.

    Args:
        images: Float32 tensor `(batch, height, width, channels)`.
        labels: Integer tensor `(batch,)`.
        seed: Integer tensor `(2,)`.
        num_classes: Integer.
        mixing: `Mixing`.

    Returns:
        `images`, and soft labels `(batch, num_classes)`, float32, that sum to 1.
    """
    labels = smooth(labels, num_classes, mixing.label_smoothing)
    if not mixing.mixup and not mixing.cutmix:
        return images, labels
    chances, share_seed, place = tf.unstack(tf.random.split(seed, 3))
    is_mixed, is_cut = tf.unstack(tf.random.stateless_uniform([2], chances))
    use_cutmix = (is_cut < mixing.cutmix_probability) if mixing.mixup else True
    use_cutmix = tf.logical_and(use_cutmix, bool(mixing.cutmix))
    share = tf.cond(
        use_cutmix,
        lambda: beta(share_seed, mixing.cutmix),
        lambda: beta(share_seed, mixing.mixup),
    )
    share = tf.where(is_mixed < mixing.probability, share, 1.0)
    images, share = tf.cond(
        use_cutmix,
        lambda: _cut(images, share, place),
        lambda: (_blend(images, share), share),
    )
    return images, _blend(labels, share)


def smooth(labels, num_classes, smoothing):
    """Returns soft labels `(batch, num_classes)`: a share of each is spread evenly."""
    hard = tf.one_hot(labels, num_classes)
    return hard * (1 - smoothing) + smoothing / num_classes


def beta(seed, alpha):
    """Draws from Beta(alpha, alpha), a scalar; 1 for alpha = 0."""
    if not alpha:
        return tf.constant(1.0)
    first, second = tf.unstack(tf.random.stateless_gamma([2], seed, alpha))
    return tf.math.divide_no_nan(first, first + second)


def cut_window(height, width, share, seed):
    """Returns the rectangle that cutmix replaces, where it lies inside the image.

    Its sides are `sqrt(1 - share)` of the image's and its centre is anywhere in it, so
    that at the border it is smaller.

    Returns:
        Int32 tensor `(4,)`: top, left, bottom and right in pixels.
    """
    size = tf.stack([height, width])
    sides = tf.cast(tf.cast(size, tf.float32) * tf.sqrt(1 - share), tf.int32)
    draws = tf.random.stateless_uniform([2], seed)
    centre = tf.cast(draws * tf.cast(size, tf.float32), tf.int32)
    first = tf.clip_by_value(centre - sides // 2, 0, size)
    last = tf.clip_by_value(centre + sides // 2, 0, size)
    return tf.concat([first, last], axis=0)


def _partners(values):
    """Returns the rows, of every two the second first."""
    count = tf.shape(values)[0]
    places = tf.bitwise.bitwise_xor(tf.range(count), 1)
    return tf.gather(values, tf.minimum(places, count - 1))


def _blend(values, share):
    return values * share + _partners(values) * (1 - share)


def _cut(images, share, seed):
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    window = cut_window(height, width, share, seed)
    top, left, bottom, right = tf.unstack(window)
    row, column = tf.range(height)[:, None], tf.range(width)[None]
    inside = (row >= top) & (row < bottom) & (column >= left) & (column < right)
    area = tf.cast(tf.reduce_sum(tf.cast(inside, tf.int32)), tf.float32)
    share = 1 - area / tf.cast(height * width, tf.float32)
    return tf.where(inside[..., None], _partners(images), images), share
