"""Rewrites chains of small ops in converted graphs as what runtimes are fast at."""

import numpy as np
import onnx_ir as ir
from onnxscript.rewriter.pattern import RewriteRule, RewriteRuleSet

SQRT_2 = np.float32(2**0.5)


def fuse(model):
    """Returns the graph with one node a layer normalisation, and GELUs made fusible.

    Keras' `LayerNormalization` comes out of tf2onnx as twelve nodes, which no runtime
    recognises; the ONNX op has been in the standard since opset 17. `Gelu` came with
    opset 20, after tf2onnx's newest; ONNX Runtime makes one node of the form written
    here, with a division where tf2onnx multiplies.

    Args:
        model: `onnx_ir.Model`, changed in place.
    """
    rules = [RewriteRule(_norm, _fused_norm), RewriteRule(_gelu, _fusible_gelu)]
    RewriteRuleSet(rules, commute=True).apply_to_model(model)
    return model


def _norm(op, x, axes, epsilon, gamma, gamma_shape, beta, beta_shape):
    mean = op.ReduceMean(x, axes, keepdims=1)
    difference = op.Sub(x, mean)
    variance = op.ReduceMean(op.Mul(difference, difference), axes, keepdims=1)
    inverse = op.Reciprocal(op.Sqrt(op.Add(variance, epsilon)))
    scale = op.Mul(inverse, op.Reshape(gamma, gamma_shape))
    shift = op.Add(op.Reshape(beta, beta_shape), op.Mul(op.Neg(mean), scale))
    return op.Add(op.Mul(x, scale), shift)


def _fused_norm(op, x, epsilon, gamma, beta, **_):
    value = float(epsilon.const_value.numpy())
    return op.LayerNormalization(x, gamma, beta, axis=-1, epsilon=value)


def _gelu(op, x, half, one, rsqrt_2):
    return op.Mul(op.Mul(half, x), op.Add(one, op.Erf(op.Mul(x, rsqrt_2))))


def _fusible_gelu(op, x, half, one, **_):
    root = op.Constant(value=ir.tensor(SQRT_2))
    return op.Mul(op.Mul(x, op.Add(op.Erf(op.Div(x, root)), one)), half)
