"""Warm-up requests: TF Serving runs them before it lets clients at a new version.

The first request of each size is slow, because memory and plans are made for it.
"""

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from .example_requests import example_inputs, list_signatures
from .refusal import Refusal
from .served_model import ServedModel

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000  # of TF Serving, which refuses a version that has more


def write_warmup(path, name, batch_sizes=(1, 8)):
    """Writes the warm-up file of one version.

    Args:
        path: Folder of the version, with its manifest.
        name: Name of the model.
        batch_sizes: Sizes of the requests, for each signature.

    Returns:
        Number of requests.
    """
    requests = [
        (signature, batch_size)
        for signature in list_signatures(path)
        for batch_size in batch_sizes
    ]
    if len(requests) > MAX_RECORDS:
        raise ValueError(
            f"TF Serving takes {MAX_RECORDS} warm-up requests; "
            f"these are {len(requests)}. Give fewer batch sizes"
        )
    with tf.io.TFRecordWriter(str(Path(path) / FILE)) as writer:
        for signature, batch_size in requests:
            log = _log(name, signature, example_inputs(path, signature, batch_size))
            writer.write(log.SerializeToString())
    return len(requests)


def read_warmup(path):
    """Yields the `PredictRequest`s in the warm-up file of one version."""
    for record in tf.data.TFRecordDataset(str(Path(path) / FILE)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        yield log.predict_log.request


def replay_warmup(path):
    """Loads one version, runs its warm-up requests and checks what comes back.

    Args:
        path: Folder of the version.

    Returns:
        List of dictionaries: `signature`, `batch_size` and `outputs`, the shapes
        by name.

    Raises:
        RuntimeError: A request was refused, or an answer has not the shape that its
            signature tells.
    """
    model, specs = ServedModel(path, "warm-up"), list_signatures(path)
    rows = []
    for request in read_warmup(path):
        signature = request.model_spec.signature_name
        inputs = {name: tf.make_ndarray(t) for name, t in request.inputs.items()}
        try:
            outputs = model.predict(signature, inputs)
        except Refusal as refusal:
            raise RuntimeError(f"{signature} refused: {refusal}") from refusal
        batch_size = len(next(iter(inputs.values())))
        shapes = {name: list(array.shape) for name, array in outputs.items()}
        _check_shapes(signature, shapes, specs[signature]["outputs"], batch_size)
        rows.append(
            {"signature": signature, "batch_size": batch_size, "outputs": shapes}
        )
    return rows


def _log(name, signature, inputs):
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = name, signature
    for key, array in inputs.items():
        request.inputs[key].CopyFrom(_proto(array))
    return log


def _proto(array):
    """Grey pictures take a few bytes: trailing values that repeat are left out."""
    if array.dtype != object and (array == array.flat[0]).all():
        return tf.make_tensor_proto(array.flat[0], array.dtype, array.shape)
    return tf.make_tensor_proto(array)


def _check_shapes(signature, shapes, specs, batch_size):
    for name, info in specs.items():
        expected = [batch_size, *info["shape"][1:]]
        received = shapes.get(name, [])
        pairs = zip(expected, received, strict=False)
        if len(expected) != len(received) or any(e not in (None, r) for e, r in pairs):
            raise RuntimeError(
                f"{name} of {signature} should have shape {expected}; it has {received}"
            )
