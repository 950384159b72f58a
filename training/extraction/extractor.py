"""Features by what a path holds: a Keras model, a SavedModel or an ONNX file."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from keras_mae import ViTClassifier, load
from keras_mae.program import InputError
from keras_mae.weights import encoder_of

from .artifact import ImageInput, is_export, read_artifact


@dataclasses.dataclass(frozen=True)
class Extractor:
    """Computes features of images.

    Args:
        kind: `"keras"`, `"saved_model"` or `"onnx"`.
        image_input: `ImageInput`, which the images have been through.
        dim: Integer. Width of the features.
        max_batch: Integer, images at once, or `None`: any number.
        function: Function from `(batch, height, width, channels)` to the features.

    Call arguments:
        images: Array `(batch, height, width, channels)`.

    Returns:
        Float32 array `(batch, dim)`.
    """

    kind: str
    image_input: ImageInput
    dim: int
    max_batch: int | None
    function: Callable

    def __call__(self, images):
        return self.function(images)


def open_extractor(path, pooling=None):
    """Returns the `Extractor` of a file or folder.

    Args:
        path: What `keras_mae.load` reads; the folder of a SavedModel's version, or
            an `.onnx` file, as the exports write them.
        pooling: `"gap"` or `"token"`, of a Keras model; `None` for a classifier's own,
            otherwise gap. Exports have theirs inside.

    Raises:
        InputError: There is no such file, it cannot be opened or returns no features,
            or the pooling is not its own.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"no model at {path}")
    if not is_export(path):
        return _open_keras(path, pooling)
    artifact = read_artifact(path)
    if pooling is not None:
        raise InputError(f"{path} pools as it was exported; leave --pooling out")
    opened = {"saved_model": _open_saved_model, "onnx": _open_onnx}[artifact.kind](path)
    return Extractor(**vars(artifact), function=opened)


def run_saved_model(loaded, images):
    """Returns the features of a loaded SavedModel."""
    signature = loaded.signatures["serving_default"]
    return signature(images=tf.constant(images))["features"].numpy()


def run_onnx(session, images):
    """Returns the features of an ONNX Runtime session."""
    return session.run(["features"], {"images": images})[0]


def digest_of(path):
    """Returns a sha256 of what a model is made of, but for notes beside it."""
    path = Path(path)
    files = [path, path.with_name(path.name + ".data")]
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if "assets.extra" not in f.parts)
    digest = hashlib.sha256()
    for file in filter(Path.is_file, files):
        with open(file, "rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _open_keras(path, pooling):
    if any(path.glob("*/saved_model.pb")):
        raise InputError(
            f"{path} holds versions of a SavedModel; name one, such as {path / '1'}"
        )
    model = load(path, compile=False)
    encoder, compute = encoder_of(model), _features_of(model, pooling)

    @tf.function(reduce_retracing=True)
    def features(images):
        return tf.cast(compute(images), tf.float32)

    return Extractor(
        kind="keras",
        image_input=ImageInput(encoder.preprocessing),
        dim=encoder.embed_dim,
        max_batch=None,
        function=lambda images: features(tf.constant(images)).numpy(),
    )


def _features_of(model, pooling):
    if isinstance(model, ViTClassifier):
        if pooling not in (None, model.pooling):
            raise InputError(
                f"the classifier was trained with pooling {model.pooling!r}, and its "
                f"features are normed as trained. Received: pooling={pooling!r}; leave "
                "it out"
            )
        return model.features
    encoder, pooling = encoder_of(model), pooling or "gap"
    encoder.check_pooling(pooling)
    return lambda images: encoder.features(images, pooling)


def _open_saved_model(path):
    loaded = _opened(path, lambda: tf.saved_model.load(str(path)))
    return lambda images: run_saved_model(loaded, images)


def _open_onnx(path):
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise InputError(
            "running .onnx files needs onnxruntime: pip install 'keras-mae[export]'"
        ) from error
    providers = onnxruntime.get_available_providers()  # the fastest first
    session = _opened(
        path, lambda: onnxruntime.InferenceSession(str(path), providers=providers)
    )
    return lambda images: run_onnx(session, images)


def _opened(path, function):
    try:
        return function()
    except Exception as error:  # of TensorFlow's and ONNX Runtime's many kinds
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path} cannot be opened: {reason}") from error
