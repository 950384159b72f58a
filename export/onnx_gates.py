"""What a converted graph must pass before it becomes a file."""

import onnx
import onnxruntime

from .cases import expected_outputs, make_cases, max_error

TOLERANCE = 1e-4


def check_graph(model):
    """Raises a `RuntimeError` if a converted model is no valid ONNX.

    Args:
        model: `onnx.ModelProto`.
    """
    unknown = unknown_ops(model)
    if unknown:
        raise RuntimeError(
            f"ONNX has no op {', '.join(unknown)}, which tf2onnx left in the graph"
        )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise RuntimeError(f"onnx.checker refuses the graph: {error}") from error


def unknown_ops(model):
    """Returns the op types that the standards a model names do not have, sorted."""
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    return sorted(
        {
            node.op_type
            for node in _all_nodes(model.graph)
            if not _is_known(node, opsets.get(node.domain))
        }
    )


def check_parity(model, encoder, pooling):
    """Returns the largest difference from Keras, for 1 and for 3 images.

    Args:
        model: `onnx.ModelProto` of the encoder.
        encoder: Float32 `ViTEncoder`.
        pooling: `"gap"` or `"token"`.

    Raises:
        RuntimeError: It exceeds 1e-4, or ONNX Runtime cannot load the model.
    """
    session = open_session(model)
    worst = 0.0
    for images in make_cases(encoder.preprocessing)["serving_default"]:
        received = run_session(session, images)
        expected = expected_outputs(encoder, pooling, "serving_default", images)
        error = max_error(expected, received)
        if not error <= TOLERANCE:  # NaN is an error, too
            raise RuntimeError(
                f"the graph differs from Keras by {error:.1e}, more than {TOLERANCE}, "
                f"for {len(images)} images"
            )
        worst = max(worst, error)
    return worst


def open_session(model):
    """Returns an ONNX Runtime session of a model in memory, on the CPU."""
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its classes share no base
        raise RuntimeError(f"ONNX Runtime cannot load the graph: {error}") from error


def run_session(session, images):
    """Returns all outputs of a session, by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"images": images}), strict=True))


def _all_nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for subgraph in (*attribute.graphs, *_own_graph(attribute)):
                yield from _all_nodes(subgraph)


def _own_graph(attribute):
    return [attribute.g] if attribute.HasField("g") else []


def _is_known(node, version):
    if version is None or not onnx.defs.has(node.op_type, node.domain):
        return False
    since = onnx.defs.get_schema(node.op_type, node.domain).since_version
    # The newest schema may be younger than the opset: then ask for the older one.
    return since <= version or onnx.defs.has(node.op_type, version, node.domain)
