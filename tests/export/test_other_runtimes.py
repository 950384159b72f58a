"""OpenVINO and LiteRT read the artifacts: independent readers of both formats.

Neither is a requirement: pip install openvino ai-edge-litert
"""

import numpy as np
import pytest
import tensorflow as tf

from export.nearness import min_cosine
from export.onnx_cases import expected_of
from export.onnx_file import write_onnx
from export.outputs import choose_outputs

IMAGES = np.random.default_rng(0).normal(size=(3, 32, 24, 3)).astype("float32")
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 24, 3)).astype("uint8")

pytestmark = pytest.mark.slow


@pytest.fixture
def run_openvino():
    openvino = pytest.importorskip("openvino")

    def run(model, images):
        # Its default on some CPUs is bfloat16.
        config = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(model, "CPU", config)
        results = compiled(images)
        # A port can have several names, the output's among them.
        return {n: value for port, value in results.items() for n in port.names}

    return run


def assert_equal(outputs, images, received):
    for name, values in expected_of(outputs, images).items():
        np.testing.assert_allclose(received[name], values, atol=1e-5)


@pytest.mark.parametrize("images", [IMAGES, PIXELS], ids=["float32", "uint8"])
def test_openvino_reads_onnx(encoder, images, tmp_path, run_openvino):
    is_pixels = images.dtype == "uint8"
    path = write_onnx(encoder, tmp_path / "vit.onnx", pixels=is_pixels)
    assert_equal(choose_outputs(encoder), images, run_openvino(path, images))


@pytest.mark.parametrize("method", ["int8", "fp16"])
def test_openvino_reads_quantized_onnx(encoder, method, tmp_path, run_openvino):
    path = write_onnx(encoder, tmp_path / "vit.onnx", quantization=method)
    expected = expected_of(choose_outputs(encoder), IMAGES)
    assert min_cosine(expected, run_openvino(path, IMAGES)) >= 0.999


OPENVINO_DIFFERS = pytest.mark.xfail(
    strict=True, reason="OpenVINO 2026.4.1 returns other error maps, by up to .03"
)


@pytest.mark.parametrize(
    "kind", ["classifier", pytest.param("autoencoder", marks=OPENVINO_DIFFERS)]
)
def test_openvino_reads_heads(kind, request, tmp_path, run_openvino):
    model = request.getfixturevalue(kind)
    names = {"classifier": ["logits"], "autoencoder": ["error_map"]}[kind]
    path = write_onnx(model, tmp_path / "model.onnx", names=names)
    outputs = choose_outputs(model, names)
    assert_equal(outputs, IMAGES, run_openvino(path, IMAGES))


def test_openvino_reads_a_saved_model(encoder, saved_model, run_openvino):
    openvino = pytest.importorskip("openvino")
    model = openvino.convert_model(saved_model)
    assert_equal(choose_outputs(encoder), IMAGES, run_openvino(model, IMAGES))


def test_litert_reads_a_saved_model(encoder, saved_model):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=["serving_default"]
    )
    interpreter = litert.Interpreter(model_content=converter.convert())
    received = interpreter.get_signature_runner("serving_default")(images=IMAGES)
    assert_equal(choose_outputs(encoder), IMAGES, received)
