"""Arrays to and from the `TensorProto` of TF Serving."""

import math

import numpy as np

# Numbers of tensorflow's types.proto, and the fields that servers may answer in.
DTYPES = {
    1: ("float32", "float_val"),
    2: ("float64", "double_val"),
    3: ("int32", "int_val"),
    4: ("uint8", "int_val"),
    5: ("int16", "int_val"),
    6: ("int8", "int_val"),
    7: ("object", "string_val"),
    9: ("int64", "int64_val"),
    10: ("bool", "bool_val"),
    17: ("uint16", "int_val"),
    19: ("float16", "half_val"),
    22: ("uint32", "uint32_val"),
    23: ("uint64", "uint64_val"),
}
NUMBERS = {name: number for number, (name, _) in DTYPES.items()}


def to_array(value):
    """Returns a value as an array of a type that tensors have.

    Texts and bytes become an array of bytes, of objects: NumPy cuts zeros off the ends
    of its own bytes. Lists of fractions become float32, as networks expect them.
    """
    if isinstance(_first(value), (bytes, str)):
        array = np.array(value, object)
    else:
        array = np.asarray(value)
    if array.dtype.kind in "SUO":
        return np.array(np.frompyfunc(_to_bytes, 1, 1)(array), object)
    if array.dtype == "float64" and not isinstance(value, np.ndarray):
        return array.astype("float32")
    return array


def fill(tensor, value):
    """Writes a value into a `TensorProto`; see `to_array`."""
    array = to_array(value)
    name = array.dtype.name
    if name not in NUMBERS:
        raise ValueError(
            f"no tensor holds {name}; expected one of {', '.join(sorted(NUMBERS))}"
        )
    tensor.dtype = NUMBERS[name]
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if name == "object":
        tensor.string_val.extend(array.ravel())
    else:
        tensor.tensor_content = array.astype(array.dtype.newbyteorder("<")).tobytes()


def read(tensor):
    """Returns the array in a `TensorProto`."""
    if tensor.dtype not in DTYPES:
        raise ValueError(f"the answer's type number {tensor.dtype} is not known")
    name, field = DTYPES[tensor.dtype]
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        dtype = np.dtype(name).newbyteorder("<")
        return np.frombuffer(tensor.tensor_content, dtype).reshape(shape).astype(name)
    values = list(getattr(tensor, field))
    # Trailing values that repeat the last one are left out of the message.
    values += values[-1:] * (math.prod(shape) - len(values))
    if name == "float16":
        return np.array(values, "uint16").view("float16").reshape(shape)
    array = np.empty(len(values), name)
    array[:] = values
    return array.reshape(shape)


def _first(value):
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value


def _to_bytes(item):
    return item.encode() if isinstance(item, str) else bytes(item)
