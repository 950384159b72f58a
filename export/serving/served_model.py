"""One version of a model, ready to answer, with TF Serving's checks of requests."""

from pathlib import Path

import tensorflow as tf

from ..saved_graph import read_meta_graph
from .refusal import Refusal

DEFAULT_SIGNATURE = "serving_default"


class ServedModel:
    """Runs the signatures of a SavedModel as TF Serving's `RunPredict` does.

    Args:
        path: Folder of one version; its name is the version's number.
        name: Name of the model.

    Attributes:
        signature_defs: Dictionary from name to `SignatureDef`.
    """

    def __init__(self, path, name):
        self.name, self.version = name, int(Path(path).name)
        self.signature_defs = {
            key: signature
            for key, signature in read_meta_graph(path).signature_def.items()
            if not key.startswith("__")  # TensorFlow's own
        }
        self._loaded = tf.saved_model.load(str(path))

    def signature_def(self, name):
        """Returns the `SignatureDef` of a name, `""` being the default's."""
        name = name or DEFAULT_SIGNATURE
        if name not in self.signature_defs:
            raise Refusal(
                "FAILED_PRECONDITION", f'Serving signature key "{name}" not found.'
            )
        return self.signature_defs[name]

    def predict(self, signature_name, inputs, outputs=()):
        """Returns the outputs of one request.

        Args:
            signature_name: Name of a signature; `""` is the default's.
            inputs: Dictionary of arrays; strings as arrays of objects.
            outputs: Names of the outputs to return; none stands for all.

        Returns:
            Dictionary of arrays.

        Raises:
            Refusal: As TF Serving would, with the graph's text where it is the
                graph that refuses.
        """
        signature = self.signature_def(signature_name)
        _check_names(signature, inputs, outputs)
        tensors = {
            name: _tensor(name, array, signature.inputs[name].dtype)
            for name, array in inputs.items()
        }
        run = self._loaded.signatures[signature_name or DEFAULT_SIGNATURE]
        try:
            results = run(**tensors)
        except tf.errors.OpError as error:
            raise Refusal.of(error) from error
        return {name: results[name].numpy() for name in outputs or sorted(results)}


def _check_names(signature, inputs, outputs):
    expected, received = set(signature.inputs), set(inputs)
    if len(received) != len(expected):
        raise Refusal(
            "INVALID_ARGUMENT",
            f"input size does not match signature: {len(received)}!="
            f"{len(expected)}. Sent extra: {{{_join(received - expected)}}}. "
            f"Missing but required: {{{_join(expected - received)}}}.",
        )
    _check_known("input", inputs, signature.inputs)
    _check_known("output", outputs, signature.outputs)
    for name in outputs:
        if list(outputs).count(name) > 1:
            raise Refusal("INVALID_ARGUMENT", f"duplicate output tensor alias: {name}")


def _check_known(kind, names, known):
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise Refusal(
            "INVALID_ARGUMENT",
            f"{kind} tensor alias not found in signature: {unknown[0]}. "
            f"{kind.capitalize()}s expected to be in the set {{{_join(known)}}}.",
        )


def _join(names):
    return ",".join(sorted(names))


def _tensor(name, array, dtype):
    expected = tf.as_dtype(dtype)
    received = tf.as_dtype(array.dtype) if array.dtype != object else tf.string
    if received != expected:
        raise Refusal(
            "INVALID_ARGUMENT",
            f"{name} is expected to be {expected.name} but {received.name} is provided",
        )
    return tf.constant(array)
