"""Converts what is exported to an ONNX graph whose weights keep their Keras names.

The weights are inputs while tf2onnx converts, and get their values afterwards: no
value is folded away, a graph takes the same seconds whatever its size, and one
conversion serves the model's weights and perturbed ones.
"""

import json

import keras
import onnx_ir as ir
import tensorflow as tf
import tf2onnx
from onnx_ir.passes.common import RemoveUnusedNodesPass

from keras_mae.program import InputError
from keras_mae.version import __version__

from .manifest import plain_config
from .onnx_fusion import fuse
from .quiet import quiet

OPSET = 18  # the newest of tf2onnx 1.17


def convert(outputs, pixels=False):
    """Returns the graph of `Outputs`, with the weights of their model.

    Args:
        outputs: `Outputs`, without `reconstruct`.
        pixels: Boolean. Whether the graph takes uint8 images of the model's size and
            normalises them itself.

    Returns:
        `onnx_ir.Model`. Input `images` `(batch, height, width, channels)`; outputs by
        their names, the first axis of each called `batch`. Layer normalisations are one
        node each, and GELUs in the form that ONNX Runtime makes one node of.

    Raises:
        InputError: `reconstruct` is among the outputs.
    """
    if "reconstruct" in outputs.names:
        raise InputError(
            "reconstruct is a signature of SavedModels; an ONNX file has one function. "
            f"Received: {', '.join(outputs.names)}"
        )
    with quiet("tensorflow", "absl", "tf2onnx"):
        function = _function(outputs, pixels)
        converted, _ = tf2onnx.convert.from_function(
            function, input_signature=function.input_signature, opset=OPSET
        )
    model = ir.from_proto(converted)
    _name_inputs(model.graph, outputs.model.weights)
    fuse(model)
    attach_weights(model, outputs.model)
    RemoveUnusedNodesPass()(model)  # and values that nothing needs any more
    _name_batch(model.graph)
    model.metadata_props.update(_metadata(outputs))
    return model


def attach_weights(model, keras_model):
    """Gives a converted graph the weights of a Keras model of the same architecture."""
    graph = model.graph
    values = {value.name: value for value in graph.inputs} | dict(graph.initializers)
    for weight in keras_model.weights:
        value = values.get(weight.path)
        if value is None:  # no output needs it
            continue
        value.const_value = ir.tensor(weight.numpy(), name=weight.path)
        if value in graph.inputs:
            graph.inputs.remove(value)
            graph.register_initializer(value)


def describe_graph(graph):
    """Returns names, dtypes and shapes of inputs and outputs; a `None` is the batch."""
    return {
        "inputs": _describe(graph.inputs),
        "outputs": _describe(graph.outputs),
    }


def _function(outputs, pixels):
    weights, preprocessing = outputs.model.weights, outputs.encoder.preprocessing
    images = outputs.spec
    if pixels:
        images = tf.TensorSpec(images.shape, tf.uint8, name=images.name)
    specs = [
        tf.TensorSpec(weight.shape, weight.dtype, name=_placeholder(i))
        for i, weight in enumerate(weights)
    ]

    @tf.function(input_signature=[images, *specs], autograph=False)
    def call(images, *values):
        images = preprocessing.normalise(images) if pixels else images
        mapping = list(zip(weights, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return outputs(images)

    return call


def _placeholder(i):
    return f"weight_{i}"


def _name_inputs(graph, weights):
    paths = {_placeholder(i): weight.path for i, weight in enumerate(weights)}
    for value in graph.inputs:
        value.name = paths.get(value.name, value.name)


def _name_batch(graph):
    """Calls the first axis of the images and of all outputs `batch`.

    tf2onnx gives every unknown length a name of its own, as if they could differ.
    """
    for value in (graph.inputs[0], *graph.outputs):
        value.shape = ir.Shape(["batch", *list(value.shape)[1:]])


def _metadata(outputs):
    """Returns what the file itself tells, as text, so that it can travel alone."""
    encoder = outputs.encoder
    return {
        "keras_mae": __version__,
        "preprocessing": json.dumps(plain_config(encoder.preprocessing)),
        **{
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in outputs.config.items()
        },
    }


def _describe(values):
    described = {}
    for value in values:
        dtype = tf.as_dtype(value.dtype.numpy())
        shape = [None if isinstance(d, ir.SymbolicDim) else d for d in value.shape]
        described[value.name] = {"dtype": dtype.name, "shape": shape}
    return described
