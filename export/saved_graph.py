"""Reads the graph in a SavedModel: what it promises, and what it must not hold."""

from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

PYTHON_OPS = ("PyFunc", "PyFuncStateless", "EagerPyFunc")


def read_meta_graph(directory):
    """Returns the `MetaGraphDef` in a SavedModel's folder."""
    content = (Path(directory) / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0]


def check_servable(meta_graph):
    """Raises a `RuntimeError` for what TF Serving cannot run.

    These are compiled functions, which fail on servers with other hardware
    (tensorflow/serving#2214), and calls back into Python.
    """
    library = meta_graph.graph_def.library.function
    compiled = [
        function.signature.name
        for function in library
        if function.attr["_XlaMustCompile"].b
    ]
    if compiled:
        raise RuntimeError(f"the graph holds functions compiled by XLA: {compiled}")
    python = op_types(meta_graph) & set(PYTHON_OPS)
    if python:
        raise RuntimeError(f"the graph calls back into Python: {sorted(python)}")


def op_types(meta_graph):
    """Returns the set of op types in a graph and its functions."""
    graph = meta_graph.graph_def
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return {node.op for node in nodes}


def describe_signatures(meta_graph):
    """Returns names, dtypes and shapes of all signatures; a `None` is the batch
    or, in uint8 images, height and width.
    """
    return {
        name: {
            "inputs": _describe(signature.inputs),
            "outputs": _describe(signature.outputs),
        }
        for name, signature in sorted(meta_graph.signature_def.items())
        if not name.startswith("__")  # TensorFlow's own
    }


def _describe(tensors):
    return {
        name: {
            "dtype": tf.as_dtype(info.dtype).name,
            "shape": tf.TensorShape(info.tensor_shape).as_list(),
            "tensor": info.name,
        }
        for name, info in sorted(tensors.items())
    }
