"""The operations of RandAugment on pixels: what keras-cv computes, and three lines."""

import tensorflow as tf

from keras_mae.program import InputError

PIXELS = (0, 255)
MAX_LEVEL = 10.0


def pixel_ops(fill):
    """Returns timm's fifteen operations, stronger as the level rises.

    keras-cv's layers draw at random from TensorFlow's global generator; here only
    their deterministic part is called, with the strengths that timm gives.

    Args:
        fill: Floats, one a channel, in [0, 255]: what is seen beyond the border.

    Returns:
        Dictionary of functions of `pixels` `(height, width, channels)`, float32 in
        [0, 255], `level`, a scalar in [0, 10], and `sign`, -1 or 1; each returns
        pixels of the same shape and range.

    Raises:
        InputError: keras-cv is not installed.
    """
    layers = _keras_cv().layers
    return {
        "auto_contrast": _whole(layers.AutoContrast(PIXELS)),
        "equalize": _whole(layers.Equalization(PIXELS)),
        "invert": lambda pixels, level, sign: 255.0 - pixels,
        "rotate": _rotate(layers, fill),
        "posterize": _posterize(layers),
        "solarize": _solarize(layers),
        "solarize_add": _solarize_add,
        "color": _color(layers),
        "contrast": _contrast(layers),
        "brightness": lambda pixels, level, sign: _clip(pixels * _factor(level, sign)),
        "sharpness": _sharpness(layers),
        "shear_x": _shear(layers, fill, "x"),
        "shear_y": _shear(layers, fill, "y"),
        "translate_x": _translate(layers, fill, "width"),
        "translate_y": _translate(layers, fill, "height"),
    }


def _keras_cv():
    try:
        import keras_cv
    except ImportError as error:
        raise InputError(
            "RandAugment needs keras-cv: pip install 'keras-mae[train]', or leave it "
            "out with --set magnitude=0"
        ) from error
    return keras_cv


def _whole(layer):
    return lambda pixels, level, sign: layer.augment_images(pixels[None])[0]


def _clip(pixels):
    return tf.clip_by_value(pixels, 0.0, 255.0)


def _factor(level, sign):
    """Strength of colour, contrast, brightness and sharpness: 1 changes nothing."""
    return tf.maximum(0.1, 1 + sign * level / MAX_LEVEL * 0.9)


def _filled(layer, fill, transformation):
    """Moves pixels; beyond the border lies `fill`, where keras-cv has one number."""

    def apply(pixels, level, sign):
        moved = layer.augment_images(
            (pixels - fill)[None], transformation(sign * level / MAX_LEVEL)
        )
        return _clip(moved[0] + fill)

    return apply


def _rotate(layers, fill):
    layer = layers.RandomRotation(0.0, fill_mode="constant")
    radians = 30 / 180 * 3.141592653589793
    return _filled(layer, fill, lambda amount: {"angles": amount[None] * radians})


def _shear(layers, fill, axis):
    layer = layers.RandomShear(0.0, 0.0, fill_mode="constant")
    other = {"x": "y", "y": "x"}[axis]
    return _filled(
        layer,
        fill,
        lambda amount: {
            f"shear_{axis}": amount[None, None] * 0.3,
            f"shear_{other}": None,
        },
    )


def _translate(layers, fill, side):
    layer = layers.RandomTranslation(0.0, 0.0, fill_mode="constant")
    other = {"width": "height", "height": "width"}[side]
    return _filled(
        layer,
        fill,
        lambda amount: {
            f"{side}_translations": amount[None, None] * 0.45,
            f"{other}_translations": tf.zeros((1, 1)),
        },
    )


def _posterize(layers):
    # Its number of bits is fixed: one layer for each that a level can mean.
    choices = [layers.Posterization(PIXELS, bits=bits) for bits in (1, 2, 3, 4)]

    def apply(pixels, level, sign):
        bits = 4 - tf.cast(level / MAX_LEVEL * 4, tf.int32)  # fewer are stronger
        branches = [
            lambda layer=layer: layer.augment_image(pixels) for layer in choices
        ]
        return tf.switch_case(tf.maximum(bits, 1) - 1, branches)

    return apply


def _solarize(layers):
    layer = layers.Solarization(PIXELS)

    def apply(pixels, level, sign):
        threshold = 256.0 - tf.floor(level / MAX_LEVEL * 256)
        strength = {"thresholds": threshold, "additions": 0.0}
        return layer.augment_images(pixels[None], strength)[0]

    return apply


def _solarize_add(pixels, level, sign):
    addition = tf.floor(level / MAX_LEVEL * 110)
    return tf.where(pixels < 128, _clip(pixels + addition), pixels)


def _color(layers):
    layer = layers.RandomColorDegeneration(0.0)

    def apply(pixels, level, sign):
        if pixels.shape[-1] != 3:  # nothing to take away
            return pixels
        # keras-cv goes towards grey, timm's factor away from it.
        return layer.augment_images(pixels[None], 1 - _factor(level, sign))[0]

    return apply


def _contrast(layers):
    layer = layers.RandomContrast(PIXELS, 0.0)
    return lambda pixels, level, sign: layer.augment_images(
        pixels[None], _factor(level, sign)
    )[0]


def _sharpness(layers):
    layer = layers.RandomSharpness(0.0, PIXELS)
    return lambda pixels, level, sign: layer.augment_images(
        pixels[None], 1 - _factor(level, sign)
    )[0]
