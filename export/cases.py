"""Inputs on which an artifact is compared with Keras, and what Keras makes of them."""

import numpy as np
import tensorflow as tf

from keras_mae.program import InputError

from .decoding import BYTE_CHANNELS, blank_invalid


def make_cases(outputs, seed=0, max_batch=None):
    """Returns random batches for every signature that outputs can have.

    Args:
        outputs: `Outputs`.
        seed: Integer. Seed of the pictures.
        max_batch: Integer. Images of a batch, at most; `None` for any number.

    Returns:
        Dictionary from signature to a list of batches, the first one of a single
        image. A batch is a dictionary of its inputs: float32 and uint8 arrays, and
        lists of bytes. Pictures are smooth, as photographs are, smaller and larger
        than the encoder's and just as large.
    """
    rng = np.random.default_rng(seed)
    preprocessing = outputs.encoder.preprocessing
    (height, width), channels = preprocessing.image_size, preprocessing.num_channels
    odd, small = (height + height // 2 + 1, 2 * width + 3), (height // 2 + 1, width)
    normal = [
        {"images": rng.normal(size=(n, height, width, channels)).astype("float32")}
        for n in (1, 3)
    ]
    pixels = [
        {"images": smooth_pictures(rng, n, size, channels)}
        for n, size in ((1, odd), (2, small), (3, (height, width)))
    ]
    cases = {"serving_default": normal, "serve_uint8": pixels}
    if channels in BYTE_CHANNELS:
        decoded = [smooth_pictures(rng, 1, s, channels)[0] for s in (odd, small)]
        cases["serve_bytes"] = _byte_cases(*decoded)
        cases["serve_bytes_lenient"] = [
            *cases["serve_bytes"],
            {"image_bytes": [b"no picture", *cases["serve_bytes"][-1]["image_bytes"]]},
        ]
    if "reconstruct" in outputs.names:
        cases["reconstruct"] = [_masked(rng, batch, outputs.model) for batch in normal]
    return {
        name: [
            batch for batch in batches if max_batch is None or _size(batch) <= max_batch
        ]
        for name, batches in cases.items()
    }


def add_files(cases, preprocessing, paths):
    """Adds pictures of the user to the cases of every signature.

    Raises:
        InputError: A file is missing or no picture, or the encoder's channels are
            not those of pictures.
    """
    if not paths:
        return
    if "serve_bytes" not in cases:
        raise InputError(
            "JPEG and PNG files hold 1, 3 or 4 channels; --images cannot test a "
            f"model of {preprocessing.num_channels}"
        )
    pictures = [_read(path, preprocessing) for path in paths]
    images = np.stack([preprocessing(pixels) for _, pixels in pictures])
    cases["serving_default"].append({"images": images})
    cases["serve_uint8"] += [{"images": pixels[None]} for _, pixels in pictures]
    for name in ("serve_bytes", "serve_bytes_lenient"):
        cases[name] += [{"image_bytes": [content]} for content, _ in pictures]


def expected_outputs(outputs, signature, batch):
    """Returns what Keras computes, eagerly, for one batch of a signature.

    Args:
        outputs: `Outputs`.
        signature: Name of a signature.
        batch: What `make_cases` made for it.

    Returns:
        Dictionary of arrays.
    """
    preprocessing = outputs.encoder.preprocessing
    if signature == "reconstruct":
        results = outputs.model.reconstruct(**batch)
        del results["mask"]
    elif signature == "serving_default":
        results = outputs(tf.constant(batch["images"]))
    elif signature == "serve_uint8":
        results = outputs(preprocessing(batch["images"]))
    else:
        decoded = [_decoded(preprocessing, content) for content in batch["image_bytes"]]
        results = outputs(tf.stack([image for image, _ in decoded]))
        if signature == "serve_bytes_lenient":
            results = blank_invalid(
                results, tf.constant([valid for _, valid in decoded])
            )
    return {name: value.numpy() for name, value in results.items()}


def smooth_pictures(rng, n, size, channels):
    """Returns random uint8 pictures `(n, height, width, channels)` without edges."""
    coarse = rng.uniform(0, 255, (n, 4, 4, channels))
    pixels = tf.image.resize(coarse, size, "bicubic")
    return tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8).numpy()


def _size(batch):
    return len(next(iter(batch.values())))


def _byte_cases(first, second):
    png = [tf.io.encode_png(pixels).numpy() for pixels in (first, second)]
    batches = [[png[0]], png]
    if first.shape[-1] != 4:  # JPEG has no alpha
        jpeg = tf.io.encode_jpeg(first).numpy()
        batches = [[jpeg], [png[1]], [jpeg, *png]]
    return [{"image_bytes": batch} for batch in batches]


def _masked(rng, batch, model):
    """Adds masks that hide different numbers of patches."""
    shape = (len(batch["images"]), model.num_patches)
    mask = (rng.uniform(size=shape) < 0.6).astype("float32")
    mask[:, 0] = 0  # one at least is visible
    return {**batch, "mask": mask}


def _decoded(preprocessing, content):
    """Returns a normalised image, and whether there was a picture; or zeros."""
    try:
        return preprocessing(preprocessing.decode(content)), True
    except tf.errors.InvalidArgumentError:
        shape = (*preprocessing.image_size, preprocessing.num_channels)
        return tf.zeros(shape), False


def _read(path, preprocessing):
    try:
        with open(path, "rb") as file:
            content = file.read()
        return content, preprocessing.decode(content).numpy()
    except OSError as error:
        raise InputError(f"cannot read the picture {path}: {error.strerror}") from error
    except tf.errors.InvalidArgumentError as error:
        raise InputError(
            f"{path} is not a JPEG or PNG of {preprocessing.num_channels} channels"
        ) from error
