"""From the bytes of a batch of pictures to normalised images, inside a graph."""

import tensorflow as tf

BYTE_CHANNELS = (1, 3, 4)  # what JPEG and PNG can hold
PARALLEL = 4  # pictures that are decoded at once, and in memory


def decode_batch(image_bytes, preprocessing, limits):
    """Returns images `(batch, height, width, channels)`; one bad picture fails all.

    Args:
        image_bytes: String tensor `(batch,)`, JPEG and PNG.
        preprocessing: `Preprocessing` of the encoder.
        limits: `Limits`.
    """
    return tf.map_fn(
        _decoder(preprocessing, limits),
        image_bytes,
        parallel_iterations=PARALLEL,
        fn_output_signature=_spec(preprocessing),
    )


def decode_leniently(image_bytes, preprocessing, limits):
    """Returns images, zeros for bad pictures, and a boolean tensor `(batch,)`: valid.

    Graphs cannot catch errors, but a `tf.data.Dataset` can: it leaves out pictures
    that do not decode. The others are put back into their places.
    """
    decode, number = _decoder(preprocessing, limits), tf.shape(image_bytes)[0]
    spec = _spec(preprocessing)
    pictures = tf.data.Dataset.from_tensor_slices((tf.range(number), image_bytes))
    decoded = pictures.map(
        lambda place, content: (place, decode(content)), PARALLEL
    ).ignore_errors()
    none = (tf.zeros((0,), tf.int32), tf.zeros((0, *spec.shape)))
    batches = decoded.batch(tf.cast(number, tf.int64)).with_options(_plain())
    places, images = batches.reduce(none, lambda _, batch: batch)
    images = tf.scatter_nd(places[:, None], images, (number, *spec.shape))
    valid = tf.scatter_nd(places[:, None], tf.ones_like(places), (number,)) > 0
    return tf.ensure_shape(images, (None, *spec.shape)), valid


def blank_invalid(results, valid):
    """Returns outputs with zeros, or empty names, in the rows that are not valid.

    Args:
        results: Dictionary of tensors `(batch, ...)`.
        valid: Boolean tensor `(batch,)`, added as `valid`.
    """
    blanked = {"valid": valid}
    for name, value in results.items():
        rows = tf.reshape(valid, (-1,) + (1,) * (len(value.shape) - 1))
        blanked[name] = tf.where(rows, value, tf.zeros_like(value))
    return blanked


def _decoder(preprocessing, limits):
    @tf.autograph.experimental.do_not_convert
    def decode(content):
        return preprocessing(preprocessing.decode(limits.check_bytes(content)))

    return decode


def _spec(preprocessing):
    shape = (*preprocessing.image_size, preprocessing.num_channels)
    return tf.TensorSpec(shape, tf.float32)


def _plain():
    """Rewriting the graph of a data set of one request costs more than it saves."""
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    return options
