"""Arithmetic of a TensorFlow graph: products of matrices and convolutions, counted."""

import collections
import math

CALLS = {  # operation: attributes that name the functions it calls
    "PartitionedCall": ("f",),
    "StatefulPartitionedCall": ("f",),
    "StatelessIf": ("then_branch", "else_branch"),
    "If": ("then_branch", "else_branch"),
    "While": ("body",),
    "StatelessWhile": ("body",),
}


def graph_flops(function, *arguments):
    """Returns the operations of one call of a `tf.function`, by operation.

    The graph is traced and not run. A multiplication and an addition count as two; all
    but products of matrices and convolutions is left out, and so are products with a
    vector, which is how sums are written. Of the branches of a condition the
    costliest counts, and the body of a loop once.

    Args:
        function: A `tf.function`.
        *arguments: `tf.TensorSpec`s, or nests of them, of fixed shapes.

    Returns:
        Dictionary from the name of the operation to an integer.

    Raises:
        ValueError: The shape of a product is not known before it runs.
    """
    graph = function.get_concrete_function(*arguments).graph
    return dict(sum_over_graph(graph, lambda op: PRODUCTS.get(op.type, _nothing)(op)))


def sum_over_graph(graph, cost):
    """Returns the sum of a cost over all operations of a graph and of what it calls.

    Of the branches of a condition the costliest counts, and the body of a loop once.

    Args:
        graph: A `tf.Graph`.
        cost: Function of a `tf.Operation` that returns a number; or `None` where the
            operation is not counted, and what it calls is.

    Returns:
        Counter of the costs by the name of the operation.
    """
    counts = collections.Counter()
    for op in graph.get_operations():
        own = cost(op)
        if own is not None:
            counts[op.type] += own
        elif op.type in CALLS:
            functions = [_function(graph, op, name) for name in CALLS[op.type]]
            called = [sum_over_graph(function, cost) for function in functions]
            counts += max(called, key=lambda found: sum(found.values()))
    return counts


def _nothing(op):
    return None


def _function(graph, op, attribute):
    """Returns the graph of a function that an operation calls."""
    return graph._get_function(op.get_attr(attribute).name).graph  # no public name


def _product(op):
    """Rows times columns of the result, times what is summed over."""
    left, result = op.inputs[0].shape, op.outputs[0].shape
    names = ("transpose_a", "adj_x")
    transposed = any(op.get_attr(n) for n in names if n in op.node_def.attr)
    summed = left[-2] if transposed else left[-1]
    if 1 in (*result[-2:], summed):
        return 0
    return 2 * _size(op, result) * summed


def _convolution(result, kernel):
    """Returns a counter: every value of the convolution's result costs one kernel.

    The gradients cost the same. Args: functions of the operation that return the shape
    of the convolution's result, which may be an input of it, and of the kernel.
    """

    def count(op):
        *window, channels, _ = kernel(op)
        return 2 * _size(op, result(op)) * math.prod(window) * channels

    return count


def _size(op, shape):
    if None in shape:
        raise ValueError(
            f"the shape of {op.name} is not known before it runs: {shape}; trace it "
            "with arguments of fixed shapes"
        )
    return math.prod(shape)


PRODUCTS = {
    "MatMul": _product,
    "BatchMatMulV2": _product,
    "BatchMatMulV3": _product,
    "Conv2D": _convolution(
        lambda op: op.outputs[0].shape, lambda op: op.inputs[1].shape
    ),
    "Conv2DBackpropInput": _convolution(
        lambda op: op.inputs[2].shape, lambda op: op.inputs[1].shape
    ),
    "Conv2DBackpropFilter": _convolution(
        lambda op: op.inputs[2].shape, lambda op: op.outputs[0].shape
    ),
}
