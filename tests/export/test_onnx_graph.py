"""Conversion, fusion and weights of graphs; files are in test_onnx_file.py."""

from collections import Counter

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from export.encoder import perturbed
from export.onnx_cases import expected_of
from export.onnx_graph import attach_weights, convert, describe_graph
from export.outputs import choose_outputs
from keras_mae.layers import ViTEncoder
from keras_mae.program import InputError

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 32, 24, 3)).astype("float32")
PIXELS = RNG.integers(0, 256, (2, 32, 24, 3)).astype("uint8")


def session_of(model):
    content = ir.to_proto(model).SerializeToString()
    return onnxruntime.InferenceSession(content)


def ops_of(model):
    return Counter(node.op_type for node in model.graph)


@pytest.fixture(scope="module")
def outputs(encoder):
    return choose_outputs(encoder)


@pytest.fixture(scope="module")
def graph(outputs):
    return convert(outputs)


def test_norms_are_one_node_each_and_products_two_dimensional(graph):
    ops = ops_of(graph)
    assert ops["LayerNormalization"] == 5  # two a block, one at the end
    assert ops["ReduceMean"] == 1  # the pooling
    assert len(graph.graph) <= 100
    for node in graph.graph:
        if node.op_type == "MatMul" and node.inputs[1].is_initializer():
            assert len(node.inputs[1].shape) == 2


def test_weights_without_training_are_fused_alike(graph):
    fresh = ViTEncoder(  # ones and zeros, which a converter could fold away
        (32, 24), patch_size=8, embed_dim=16, depth=2, num_heads=2
    )
    assert ops_of(convert(choose_outputs(fresh))) == ops_of(graph)


def test_runtime_makes_one_node_of_a_gelu(graph, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3  # the optimized file is for this machine alone
    content = ir.to_proto(graph).SerializeToString()
    onnxruntime.InferenceSession(content, options)
    ops = ops_of(ir.load(tmp_path / "optimized.onnx"))
    assert ops["Erf"] == 0
    assert ops["Gelu"] + ops["BiasGelu"] == 2


def test_weights_have_the_names_of_keras(encoder, graph):
    weights = {weight.path: weight for weight in encoder.weights}
    assert set(weights) <= set(graph.graph.initializers)
    for name, weight in weights.items():
        value = graph.graph.initializers[name].const_value
        np.testing.assert_array_equal(value.numpy(), weight)


def test_graph_takes_the_weights_of_another_model(outputs):
    model = convert(outputs)
    other = outputs.of_model(perturbed(outputs.model))
    attach_weights(model, other.model)
    features = session_of(model).run(["features"], {"images": IMAGES})[0]
    np.testing.assert_allclose(features, other(IMAGES)["features"], atol=1e-5)


def test_weights_that_no_output_needs_are_left_out(encoder):
    model = convert(choose_outputs(encoder, ["block_0"]))
    names = set(model.graph.initializers)
    assert not any("blocks_1/" in name or "/norm/" in name for name in names)
    assert [value.name for value in model.graph.inputs] == ["images"]


@pytest.mark.parametrize(
    ("kind", "images"),
    [
        ("encoder", IMAGES),
        ("classifier", PIXELS),
        ("autoencoder", IMAGES),
        pytest.param("encoder", PIXELS, marks=pytest.mark.slow),
        pytest.param("classifier", IMAGES, marks=pytest.mark.slow),
        pytest.param("autoencoder", PIXELS, marks=pytest.mark.slow),
    ],
)
def test_all_outputs_equal_keras(kind, images, request):
    names = {
        "encoder": ["features", "tokens", "patch_map", "block_0"],
        "classifier": ["features", "logits", "probabilities", "classes"],
        "autoencoder": ["error_map", "features"],
    }[kind]
    outputs = choose_outputs(request.getfixturevalue(kind), names)
    session = session_of(convert(outputs, pixels=images.dtype == "uint8"))
    found = [output.name for output in session.get_outputs()]
    received = dict(zip(found, session.run(None, {"images": images}), strict=True))
    expected = expected_of(outputs, images)
    assert set(received) == set(expected)
    if kind == "classifier":
        assert (received.pop("classes") == expected.pop("classes").astype("U")).all()
    for name, values in expected.items():
        np.testing.assert_allclose(received[name], values, atol=1e-5)


def test_axes_are_named_and_sized(graph):
    shapes = {v.name: str(v.shape) for v in (*graph.graph.inputs, *graph.graph.outputs)}
    assert shapes == {
        "images": "[batch,32,24,3]",
        "features": "[batch,16]",
        "tokens": "[batch,13,16]",
    }
    described = describe_graph(graph.graph)["inputs"]["images"]
    assert described == {"dtype": "float32", "shape": [None, 32, 24, 3]}


def test_reconstruction_is_refused(autoencoder):
    outputs = choose_outputs(autoencoder, ["reconstruct"])
    with pytest.raises(InputError, match="reconstruct is a signature of SavedModels"):
        convert(outputs)
