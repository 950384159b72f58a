"""Images on which an ONNX graph is compared with Keras, and how near it comes."""

import tensorflow as tf

from .cases import add_files, make_cases


def make_images(outputs, pixels=False, files=()):
    """Returns batches of one, two and three images that the graph takes.

    Args:
        outputs: `Outputs`.
        pixels: Boolean. Whether the graph takes uint8 images.
        files: JPEG and PNG files of the user, a batch each.

    Returns:
        List of arrays `(batch, height, width, channels)`: smooth pictures, uint8 or
        normalised float32, and for float32 noise, too. The first is a single image.

    Raises:
        InputError: A file cannot be read as a picture of the model's channels.
    """
    preprocessing = outputs.encoder.preprocessing
    cases = make_cases(outputs)
    noise = [case["images"] for case in cases["serving_default"]]
    add_files(cases, preprocessing, files)
    pictures = [
        tf.cast(tf.round(preprocessing.resize_and_crop(case["images"])), tf.uint8)
        for case in cases["serve_uint8"]
    ]
    if pixels:
        return [picture.numpy() for picture in pictures]
    return [preprocessing.normalise(picture).numpy() for picture in pictures] + noise


def expected_of(outputs, images):
    """Returns what Keras computes of images, normalised or uint8, as arrays."""
    images = tf.constant(images)
    if images.dtype == tf.uint8:
        images = outputs.encoder.preprocessing.normalise(images)
    return {name: value.numpy() for name, value in outputs(images).items()}
