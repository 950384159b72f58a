"""What a converted graph must pass before it becomes a file."""

import onnx
import onnxruntime

from keras_mae.program import RunError

from .nearness import MIN_COSINE, max_error, min_cosine
from .onnx_cases import expected_of, make_images
from .reader import as_bytes

TOLERANCE = 1e-4


def check_graph(file):
    """Raises a `RuntimeError` if a file is no valid ONNX.

    Args:
        file: Path of an ONNX file; its weights may lie outside.
    """
    unknown = unknown_ops(onnx.load(file, load_external_data=False))
    if unknown:
        raise RuntimeError(f"the graph has ops that ONNX has not: {', '.join(unknown)}")
    try:
        onnx.checker.check_model(file, full_check=True)
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


def check_parity(file, outputs, pixels=False):
    """Returns the largest difference from Keras, for batches of several sizes.

    Args:
        file: Path of an ONNX file in float32.
        outputs: The `Outputs` that it was made of.
        pixels: Boolean. Whether it takes uint8 images.

    Raises:
        RuntimeError: It exceeds 1e-4, or ONNX Runtime cannot load the file.
    """
    session = open_session(file)
    worst = 0.0
    for images in make_images(outputs, pixels):
        received = run_session(session, images)
        error = max_error(expected_of(outputs, images), received)
        if not error <= TOLERANCE:  # NaN is an error, too
            raise RuntimeError(
                f"the graph differs from Keras by {error:.1e}, more than {TOLERANCE}, "
                f"for {len(images)} images"
            )
        worst = max(worst, error)
    return worst


def check_cosine(file, outputs, pixels=False, images=()):
    """Returns the least cosine to Keras, and the largest difference from it.

    Args:
        file: Path of an ONNX file in lower precision.
        outputs: The `Outputs` that it was made of.
        pixels: Boolean. Whether it takes uint8 images.
        images: JPEG and PNG files to compare on, besides generated pictures.

    Raises:
        RunError: The cosine of an image's outputs is below .999.
        RuntimeError: ONNX Runtime cannot load the file.
    """
    session = open_session(file)
    cosine, error = 1.0, 0.0
    for batch in make_images(outputs, pixels, images):
        expected, received = expected_of(outputs, batch), run_session(session, batch)
        nearness = min_cosine(expected, received)
        if not nearness >= MIN_COSINE:
            raise RunError(
                f"the cosine of the outputs to Keras' is {nearness:.5f}, less than "
                f"{MIN_COSINE}: this model loses too much in this precision; write it "
                "without --quantize"
            )
        cosine = min(cosine, nearness)
        error = max(error, max_error(_numbers(expected), _numbers(received)))
    return cosine, error


def open_session(file):
    """Returns an ONNX Runtime session of a file, on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; it warns of what float16 lacks on CPUs
    try:
        return onnxruntime.InferenceSession(
            file, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its classes share no base
        raise RuntimeError(f"ONNX Runtime cannot load the graph: {error}") from error


def run_session(session, images):
    """Returns all outputs of a session, by name."""
    names = [output.name for output in session.get_outputs()]
    values = map(as_bytes, session.run(names, {"images": images}))
    return dict(zip(names, values, strict=True))


def _numbers(outputs):
    """Names of classes may change places where their probabilities are near."""
    return {name: x for name, x in outputs.items() if x.dtype.kind == "f"}


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
