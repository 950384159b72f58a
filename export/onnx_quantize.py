"""Smaller forms of a float32 ONNX file: products in int8, or everything in float16."""

import warnings

import onnx
import onnx_ir as ir
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from keras_mae.program import unknown

from .quiet import quiet


def quantize(source, target, method):
    """Writes a file in lower precision, with the same inputs, outputs and metadata.

    | method | weights of products | arithmetic | gain |
    | --- | --- | --- | --- |
    | `"int8"` | 7 bits, one scale a column | int8 products, scaled to each tensor's \
range as it runs; the rest, attention's products too, float32 | speed on CPUs, a \
quarter of the size |
    | `"fp16"` | float16 | float16; float32 at its ends | half the size; speed on GPUs |

    Args:
        source: Path of a float32 ONNX file.
        target: Path of the file to write.
        method: `"int8"` or `"fp16"`.
    """
    METHODS[method](source, target)


def check_method(method):
    """Raises an `InputError` for a method that there is not."""
    if method not in METHODS:
        raise unknown("quantization", method, METHODS)


def _to_int8(source, target):
    with quiet("root"):  # advice that is not for this graph
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            # 7 bits: CPUs without VNNI add two products in 16 bits, where 8 overflow.
            reduce_range=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=source.with_name(source.name + ".data").exists(),
        )


def _to_fp16(source, target):
    model = onnx.load(source)
    with warnings.catch_warnings():  # of weights that are rounded to float16's least
        warnings.simplefilter("ignore")
        converted = convert_float_to_float16(
            model, keep_io_types=True, disable_shape_infer=True
        )
    model = ir.from_proto(converted)
    model.graph.sort()  # casts at the inputs come last
    ir.save(model, target)


METHODS = {"int8": _to_int8, "fp16": _to_fp16}
