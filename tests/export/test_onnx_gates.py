import onnx
import pytest
from onnx import TensorProto, helper

from export.onnx_file import convert
from export.onnx_gates import check_graph, check_parity, open_session, unknown_ops


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


def test_unknown_op_fails_the_check():
    with pytest.raises(RuntimeError, match="ONNX has no op Erfc"):
        check_graph(model_of("Erfc"))


def test_invalid_graph_fails_the_check():
    model = model_of("Relu")
    model.graph.node[0].input[0] = "absent"
    with pytest.raises(RuntimeError, match="onnx.checker refuses the graph"):
        check_graph(model)


def test_graph_that_the_runtime_refuses_fails():
    with pytest.raises(RuntimeError, match="ONNX Runtime cannot load the graph"):
        open_session(model_of("Erfc"))


def test_wrong_weights_fail_the_parity_check(encoder, onnx_file):
    model = onnx.load(onnx_file)
    assert check_parity(model, encoder, "gap") < 1e-5
    with pytest.raises(RuntimeError, match="the graph differs from Keras by"):
        check_parity(model, encoder, "token")


def test_conversion_is_reproducible(encoder):
    graphs = [convert(encoder).graph for _ in range(2)]
    assert len({len(graph.node) for graph in graphs}) == 1
