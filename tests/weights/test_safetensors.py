import json

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.program import InputError
from keras_mae.weights.safetensors import read_safetensors, read_shards

NUMBERS = np.arange(6, dtype="float32").reshape(2, 3)
ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def write(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + text + data)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("F32", "float32"), ("F16", "float16"), ("I64", "int64"), ("F64", "float64")]
    + [("BF16", tf.bfloat16.as_numpy_dtype)],
)
def test_values_and_types_survive(path, name, dtype):
    data = NUMBERS.astype(dtype)
    entry = {"dtype": name, "shape": [2, 3], "data_offsets": [8, 8 + data.nbytes]}
    step = {"dtype": "I64", "shape": [], "data_offsets": [0, 8]}
    header = {"__metadata__": {"format": "pt"}, "a": entry, "step": step}
    write(path, header, (7).to_bytes(8, "little") + data.tobytes())
    tensors, metadata = read_safetensors(path)
    assert metadata == {"format": "pt"}
    assert tensors["step"] == 7
    assert tensors["a"].dtype == data.dtype
    np.testing.assert_array_equal(tensors["a"], data)


@pytest.mark.parametrize(
    "changes",
    [
        {"data_offsets": [0, 20]},
        {"data_offsets": [4, 28]},
        {"data_offsets": [24, 0]},
        {"data_offsets": [0]},
        {"shape": [2, 4]},
        {"shape": [-2, -3]},
        {"shape": [2.0, 3.0]},
        {"shape": 6},
        {"shape": [2**62, 2**62]},
        {"shape": [0, 2**62], "data_offsets": [0, 0]},
        {"shape": [1] * 99 + [6]},
        {"dtype": None},
        {"dtype": "F16"},
    ],
)
def test_entries_that_do_not_describe_the_bytes_are_refused(path, changes):
    write(path, {"a": {**ENTRY, **changes}}, NUMBERS.tobytes())
    with pytest.raises(InputError, match=r"model\.safetensors is .*damaged"):
        read_safetensors(path)


def test_unknown_types_are_named(path):
    write(path, {"a": {**ENTRY, "dtype": "F8_E4M3"}}, NUMBERS.tobytes())
    with pytest.raises(InputError, match="a has elements of type F8_E4M3; expected"):
        read_safetensors(path)


def test_overlaps_are_refused(path):
    write(path, {"a": ENTRY, "b": ENTRY}, NUMBERS.tobytes())
    with pytest.raises(InputError, match="b should begin at byte 24"):
        read_safetensors(path)


@pytest.mark.parametrize("data", [NUMBERS.tobytes()[:-1], NUMBERS.tobytes() + b"\0"])
def test_lost_and_left_over_bytes_are_refused(path, data):
    write(path, {"a": ENTRY}, data)
    with pytest.raises(InputError, match="truncated or damaged: .*24 bytes"):
        read_safetensors(path)


@pytest.mark.parametrize("length", [2**63, 2**40, 200])
def test_headers_longer_than_the_file_are_refused(path, length):
    write(path, {"a": ENTRY}, NUMBERS.tobytes(), length)
    with pytest.raises(InputError, match=f"claims a header of {length} bytes"):
        read_safetensors(path)


@pytest.mark.parametrize(
    "text",
    [b"[1, 2]", b"{", b"[" * 99_999, b'{"a": 1, "a": 2}', b"\xff", b""]
    + [b'{"a": 1' + b"0" * 5000 + b"}"],
)
def test_headers_that_are_no_json_object_are_refused(path, text):
    write(path, text)
    with pytest.raises(InputError, match="is damaged"):
        read_safetensors(path)


def test_files_without_header_are_refused(path):
    path.write_bytes(b"1234567")
    with pytest.raises(InputError, match="truncated: a safetensors file has 8 bytes"):
        read_safetensors(path)


@pytest.fixture
def index(tmp_path):
    """Returns the index of two shards, `a` in the first and `b` in the second."""
    places = {}
    for number, name in enumerate("ab"):
        places[name] = f"model-{number}.safetensors"
        write(tmp_path / places[name], {name: ENTRY}, (NUMBERS + number).tobytes())
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return index


def test_shards_are_joined(index):
    tensors = read_shards(index)
    np.testing.assert_array_equal(tensors["a"], NUMBERS)
    np.testing.assert_array_equal(tensors["b"], NUMBERS + 1)


def test_missing_shards_are_named(index):
    (index.parent / "model-1.safetensors").unlink()
    with pytest.raises(InputError, match=r"missing: .*model-1\.safetensors"):
        read_shards(index)


def test_shards_must_hold_what_the_index_says(index):
    write(index.parent / "model-1.safetensors", {"c": ENTRY}, NUMBERS.tobytes())
    with pytest.raises(InputError, match=r"disagree .*\['b', 'c'\]"):
        read_shards(index)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd"])
def test_shards_stay_in_their_folder(index, name):
    index.write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(InputError, match="outside its folder"):
        read_shards(index)


def test_an_index_without_map_is_refused(index):
    index.write_text("{}")
    with pytest.raises(InputError, match="no weight_map"):
        read_shards(index)
