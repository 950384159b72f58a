"""The JSON of TF Serving's REST interface: rows (`instances`) or columns (`inputs`)."""

import base64
import binascii
import json

import numpy as np
import tensorflow as tf

from .refusal import Refusal


def parse_request(body, find_signature):
    """Returns what a request to `:predict` asks for.

    Args:
        body: Bytes of JSON.
        find_signature: Function from a name, or `""`, to its `SignatureDef`.

    Returns:
        Name of the signature, dictionary of arrays, and whether the answer
        comes in rows.

    Raises:
        Refusal: The request is not of TF Serving's grammar.
    """
    request = _load(body)
    name = request.get("signature_name", "")
    if not isinstance(name, str):
        raise _invalid("'signature_name' key must be a string value.")
    specs = find_signature(name).inputs
    if ("instances" in request) == ("inputs" in request):
        raise _invalid("expecting one of 'inputs' or 'instances' keys")
    if "inputs" in request:
        columns = _columns(request["inputs"], specs)
    else:
        columns = _rows(request["instances"], specs)
    inputs = {key: _array(key, columns[key], specs[key].dtype) for key in specs}
    return name, inputs, "instances" in request


def make_response(outputs, in_rows):
    """Returns the bytes of the answer; single outputs come without their name."""
    plain = {name: _plain(name, array) for name, array in outputs.items()}
    if in_rows:
        rows = [
            dict(zip(plain, row, strict=True))
            for row in zip(*plain.values(), strict=True)
        ]
        return _dump({"predictions": [_unnamed(row) for row in rows]})
    return _dump({"outputs": _unnamed(plain)})


def make_error(message):
    return _dump({"error": message})


def _load(body):
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"JSON Parse error: {error}") from error
    if not isinstance(request, dict):
        raise _invalid("JSON Value: Is not object")
    return request


def _columns(value, specs):
    if not isinstance(value, dict) or _is_bytes(value):
        if len(specs) > 1:
            raise _invalid("inputs is a plain value/list, but expecting an object")
        return dict.fromkeys(specs, value)
    for name in specs:
        if name not in value:
            raise _invalid(f"Missing named input: {name} in 'inputs' object.")
    return value


def _rows(rows, specs):
    if not isinstance(rows, list) or not rows:
        raise _invalid("Expecting 'instances' to be a list with values")
    named = isinstance(rows[0], dict) and not _is_bytes(rows[0])
    if not named and len(specs) > 1:
        raise _invalid("instances is a plain list, but expecting list of objects")
    for number, row in enumerate(rows):
        if (isinstance(row, dict) and not _is_bytes(row)) != named:
            raise _invalid(f"item {number} of 'instances' is not like the first")
        if named and set(row) != set(specs):
            raise _invalid(
                f"Failed to process element: {number} of 'instances' list. "
                f"keys must be equal to: {','.join(sorted(specs))}"
            )
    if named:
        return {name: [row[name] for row in rows] for name in specs}
    return dict.fromkeys(specs, rows)


def _array(name, value, dtype):
    dtype = tf.as_dtype(dtype)
    try:
        if dtype == tf.string:
            return _strings(value)
        array = np.array(value)
        if array.dtype == object:
            raise ValueError("its lists have different lengths, or hold no numbers")
        _check_kind(array, dtype)
        return array.astype(dtype.as_numpy_dtype)
    except (ValueError, OverflowError) as error:
        raise _invalid(f"{name} is no tensor of {dtype.name}: {error}") from error


def _check_kind(array, dtype):
    """Numbers only, and no fractions or overflow where integers are expected."""
    kinds = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}[
        dtype.as_numpy_dtype().dtype.kind
    ]
    if array.size and array.dtype.kind not in kinds:
        raise ValueError(f"received {array.dtype}")
    if dtype.is_integer and np.any((array < dtype.min) | (array > dtype.max)):
        raise ValueError(f"values must lie in {dtype.min} to {dtype.max}")


def _strings(value):
    """Returns an array of objects: NumPy cuts zeros off the ends of its own bytes."""
    if isinstance(value, list):
        items = [_strings(item) for item in value]
        array = np.empty((len(items), *(items[0].shape if items else ())), object)
        for index, item in enumerate(items):
            array[index] = item if item.shape else item.item()
        return array
    return np.array(_bytes(value), object)


def _bytes(value):
    if isinstance(value, str):
        return value.encode()
    if not _is_bytes(value):
        raise ValueError(f"expected a string or an object with one key b64: {value}")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except binascii.Error as error:
        raise ValueError("Unable to base64 decode") from error


def _is_bytes(value):
    is_object = isinstance(value, dict) and list(value) == ["b64"]
    return is_object and isinstance(value["b64"], str)


def _plain(name, array):
    if array.dtype != object:
        return array.tolist()
    if name.endswith("_bytes"):  # TF Serving's sign of what is no text
        encode = lambda item: {"b64": base64.b64encode(item).decode()}  # noqa: E731
    else:
        encode = bytes.decode
    return np.vectorize(encode, otypes=[object])(array).tolist()


def _unnamed(values):
    return next(iter(values.values())) if len(values) == 1 else values


def _dump(value):
    return json.dumps(value).encode()


def _invalid(message):
    return Refusal("INVALID_ARGUMENT", message)
