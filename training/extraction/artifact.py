"""What a model wants of images and returns, as an export tells of itself."""

import dataclasses
import json
import os

import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_mae.preprocessing import Preprocessing
from keras_mae.program import InputError

MANIFEST = os.path.join("assets.extra", "manifest.json")  # in a SavedModel's folder


@dataclasses.dataclass(frozen=True)
class ImageInput:
    """Prepares pictures for a model.

    Args:
        preprocessing: `Preprocessing`.
        takes_pixels: Boolean. Whether the model normalises inside.

    Call arguments:
        pixels: Tensor `(height, width, channels)` of any size, in [0, 255].

    Returns:
        Float32 tensor of the model's size, normalised, or uint8, not normalised.
    """

    preprocessing: Preprocessing
    takes_pixels: bool = False

    def __call__(self, pixels):
        if not self.takes_pixels:
            return self.preprocessing(pixels)
        return _as_uint8(self.preprocessing.resize_and_crop(pixels))

    def of_normalised(self, images):
        """Returns what the model takes, of images that `preprocessing` has made."""
        if not self.takes_pixels:
            return images
        return _as_uint8(self.preprocessing.denormalise(images))


@dataclasses.dataclass(frozen=True)
class Artifact:
    """An export that returns features.

    Args:
        kind: `"saved_model"` or `"onnx"`.
        image_input: `ImageInput`.
        dim: Integer. Width of the features.
        max_batch: Integer, images that it takes at once, or `None`: any number.
    """

    kind: str
    image_input: ImageInput
    dim: int
    max_batch: int | None


def is_export(path):
    """Whether a path is that of an export, and not of a Keras model."""
    return is_onnx(path) or is_saved_model(path)


def is_saved_model(path):
    """Whether a path is the folder of a SavedModel."""
    return tf.io.gfile.exists(os.path.join(path, "saved_model.pb"))


def is_onnx(path):
    """Whether a path is named as an ONNX file."""
    return str(path).endswith(".onnx")


def read_artifact(path):
    """Returns the `Artifact` at a path, local or not; it is not opened.

    Args:
        path: The folder of a SavedModel's version, or an `.onnx` file, as the exports
            write them.

    Raises:
        InputError: It is neither, it does not tell how images are prepared, or it
            returns no features.
    """
    if is_onnx(path):
        return _read_onnx(path)
    if is_saved_model(path):
        return _read_saved_model(path)
    raise InputError(
        f"no export at {path}; expected an .onnx file, or the folder of one version of "
        f"a SavedModel, such as {os.path.join(path, '1')}"
    )


def _read_saved_model(path):
    try:
        manifest = json.loads(_content(os.path.join(path, MANIFEST)))
    except (tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"{path} has no readable {MANIFEST}, which tells how images are prepared; "
            "only SavedModels of export.to_saved_model can be used"
        ) from error
    signature = manifest["signatures"].get("serving_default", {"outputs": {}})
    dim = _checked_dim(path, signature["outputs"])
    preprocessing = Preprocessing.from_config(manifest["preprocessing"])
    limit = manifest["limits"]["max_batch"]
    return Artifact("saved_model", ImageInput(preprocessing), dim, limit)


def _read_onnx(path):
    metadata = _onnx_metadata(path)
    if not {"preprocessing", "signature"} <= metadata.keys():
        raise InputError(
            f"{path} does not tell how images are prepared; only files of "
            "export.to_onnx can be used"
        )
    signature = json.loads(metadata["signature"])
    dim = _checked_dim(path, signature["outputs"])
    takes_pixels = signature["inputs"]["images"]["dtype"] == "uint8"
    preprocessing = Preprocessing.from_config(json.loads(metadata["preprocessing"]))
    return Artifact("onnx", ImageInput(preprocessing, takes_pixels), dim, None)


def _onnx_metadata(path):
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise InputError(
            "reading .onnx files needs onnx: pip install 'keras-mae[export]'"
        ) from error
    try:
        model = onnx.load_model_from_string(_content(path))
    except (tf.errors.OpError, DecodeError) as error:
        raise InputError(f"{path} is not a readable ONNX file: {error}") from error
    return {entry.key: entry.value for entry in model.metadata_props}


def _checked_dim(path, outputs):
    if "features" not in outputs:
        names = ", ".join(outputs) or "nothing of images alone"
        raise InputError(
            f"{path} returns no features, but {names}; export it with features among "
            "its outputs"
        )
    return outputs["features"]["shape"][-1]


def _content(path):
    with tf.io.gfile.GFile(str(path), "rb") as file:
        return file.read()


def _as_uint8(pixels):
    return tf.saturate_cast(tf.round(pixels), tf.uint8)
