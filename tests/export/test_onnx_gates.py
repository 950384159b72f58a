import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from export.nearness import min_cosine
from export.onnx_cases import make_images
from export.onnx_gates import (
    check_cosine,
    check_graph,
    check_parity,
    open_session,
    run_session,
    unknown_ops,
)
from export.outputs import choose_outputs
from keras_mae.program import RunError


def model_of(*ops, opset=18):
    names = ["images", *(f"x{i}" for i in range(len(ops)))]
    nodes = [
        helper.make_node(op, [names[i]], [names[i + 1]]) for i, op in enumerate(ops)
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2])
        for name in (names[0], names[-1])
    ]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@pytest.fixture
def file_of(tmp_path):
    def write(model):
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write


def test_ops_of_the_opset_are_known():
    assert unknown_ops(model_of("Erf", "Relu")) == []


def test_ops_of_tensorflow_are_unknown():
    assert unknown_ops(model_of("Erfc", "Relu")) == ["Erfc"]


@pytest.mark.parametrize(("opset", "unknown"), [(18, ["Gelu"]), (20, [])])
def test_ops_of_a_later_opset_are_unknown(opset, unknown):
    assert unknown_ops(model_of("Gelu", opset=opset)) == unknown


def test_ops_in_branches_are_looked_at():
    model = model_of("Relu")
    branch = model_of("Erfc").graph
    node = helper.make_node(
        "If", ["condition"], ["y"], then_branch=branch, else_branch=branch
    )
    model.graph.node.append(node)
    assert unknown_ops(model) == ["Erfc"]


def test_unknown_op_fails_the_check(file_of):
    with pytest.raises(RuntimeError, match="ops that ONNX has not: Erfc"):
        check_graph(file_of(model_of("Erfc")))


def test_invalid_graph_fails_the_check(file_of):
    model = model_of("Relu")
    model.graph.node[0].input[0] = "absent"
    with pytest.raises(RuntimeError, match="onnx.checker refuses the graph"):
        check_graph(file_of(model))


def test_shapes_that_do_not_fit_fail_the_check(file_of):
    model = model_of("Relu")
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 3
    with pytest.raises(RuntimeError, match="onnx.checker refuses the graph"):
        check_graph(file_of(model))


def test_graph_that_the_runtime_refuses_fails(file_of):
    with pytest.raises(RuntimeError, match="ONNX Runtime cannot load the graph"):
        open_session(file_of(model_of("Erfc")))


def test_other_results_fail_the_parity_check(encoder, onnx_file):
    assert check_parity(onnx_file, choose_outputs(encoder)) < 1e-5
    with pytest.raises(RuntimeError, match="the graph differs from Keras by"):
        check_parity(onnx_file, choose_outputs(encoder, pooling="token"))


def test_other_results_fail_the_cosine_check(encoder, onnx_file):
    cosine, error = check_cosine(onnx_file, choose_outputs(encoder))
    assert 1 - cosine < 1e-6
    assert error < 1e-5
    with pytest.raises(RunError, match="less than 0.999: this model loses too much"):
        check_cosine(onnx_file, choose_outputs(encoder, pooling="token"))


def test_nan_fails_both_checks(encoder, onnx_file, tmp_path):
    model = onnx.load(onnx_file)
    (bias,) = (
        tensor
        for tensor in model.graph.initializer
        if tensor.name.endswith("/patch_embed/proj/bias")
    )
    values = onnx.numpy_helper.to_array(bias) * np.float32("nan")
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, tmp_path / "nan.onnx")
    with pytest.raises(RuntimeError, match="differs from Keras by nan"):
        check_parity(tmp_path / "nan.onnx", choose_outputs(encoder))
    with pytest.raises(RunError, match="cosine of the outputs to Keras' is nan"):
        check_cosine(tmp_path / "nan.onnx", choose_outputs(encoder))


def test_batches_have_several_sizes_and_fit_the_graph(encoder, onnx_file):
    session = open_session(onnx_file)
    batches = make_images(choose_outputs(encoder))
    assert {len(images) for images in batches} == {1, 2, 3}
    for images in batches:
        assert run_session(session, images)["features"].shape == (len(images), 16)


def test_cosine_is_that_of_the_worst_image_and_output():
    expected = {"a": np.array([[1.0, 0], [1, 0]]), "b": np.array([[1.0], [1]])}
    received = {"a": np.array([[2.0, 0], [3, 4]]), "b": np.array([[5.0], [1]])}
    assert min_cosine(expected, received) == pytest.approx(0.6)
