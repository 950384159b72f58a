import argparse
import contextlib

import numpy as np
import pytest
import tensorflow as tf

from keras_mae.program import InputError
from keras_mae.weights.pth import read_pth

from .weight_files import Call, View, pickled, save_legacy, save_zip, view

NUMBERS = np.arange(6, dtype="float32").reshape(2, 3)
FORMATS = pytest.mark.parametrize("save", [save_zip, save_legacy])


def read(path, save, content):
    save(path, content)
    return read_pth(path)[1]


@FORMATS
@pytest.mark.parametrize(
    "dtype", ["float32", "float16", "int64", "float64", tf.bfloat16.as_numpy_dtype]
)
def test_values_and_types_survive(path, save, dtype):
    array = NUMBERS.astype(dtype)
    tensors = read(path, save, {"a": view(array), "b": view(array[:1] * 2)})
    assert list(tensors) == ["a", "b"]
    assert tensors["a"].dtype == array.dtype
    np.testing.assert_array_equal(tensors["a"], array)
    np.testing.assert_array_equal(tensors["b"], array[:1] * 2)


@FORMATS
def test_two_views_of_one_storage(path, save):
    storage = NUMBERS.reshape(-1)
    transposed = View(storage, (3, 2), (1, 3))
    last = View(storage, (2,), (2,), offset=3)
    tensors = read(path, save, {"transposed": transposed, "last": last})
    np.testing.assert_array_equal(tensors["transposed"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(tensors["last"], [3, 5])


def test_strides_of_single_places_mean_nothing(path):
    tensor = View(NUMBERS.reshape(-1), (1, 3), (2**62, 1))
    np.testing.assert_array_equal(read(path, save_zip, {"a": tensor})["a"], [[0, 1, 2]])


@FORMATS
def test_scalars_and_empty_tensors(path, save):
    storage = np.array([7], "int64")
    tensors = {"steps": View(storage, (), ()), "none": view(NUMBERS[:0])}
    tensors = read(path, save, tensors)
    assert tensors["steps"] == 7
    assert tensors["none"].shape == (0, 3)


@FORMATS
def test_training_checkpoint_gives_its_model_and_settings(path, save):
    step = view(np.array([3], "int64"))
    content = {
        "model": Call("collections OrderedDict", (), {"_metadata": {}}),
        "optimizer": {"state": {0: {"exp_avg": view(NUMBERS), "step": step}}},
        "epoch": 7,
        "scaler": {"scale": 65536.0, "_growth_tracker": 0},
        "args": argparse.Namespace(norm_pix_loss=True, device="cuda", mask_ratio=0.75),
    }
    pairs = [("a", Call("torch._utils _rebuild_parameter", (view(NUMBERS), True, {})))]
    content["model"].arguments = (pairs,)
    save(path, content)
    layout, tensors, settings = read_pth(path)
    assert layout.startswith("PyTorch")
    assert list(tensors) == ["a"]
    np.testing.assert_array_equal(tensors["a"], NUMBERS)
    assert settings == {"norm_pix_loss": True, "device": "cuda", "mask_ratio": 0.75}


@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_prefix_of_parallel_training_is_dropped(path, key):
    content = {key: {"module.a": view(NUMBERS), "module.module.b": view(NUMBERS)}}
    assert list(read(path, save_zip, content)) == ["a", "module.b"]


def test_a_prefix_that_not_all_share_stays(path):
    content = {"module.a": view(NUMBERS), "b": view(NUMBERS)}
    assert list(read(path, save_zip, content)) == ["module.a", "b"]


@FORMATS
@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95, 0.999])
def test_truncated_files_are_refused(path, save, share):
    save(path, {"model": {"a": view(np.ones((40, 50), "float32"))}})
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"model\.pth (is|has).*(truncated|damaged)"):
        read_pth(path)


@FORMATS
def test_changed_bytes_never_raise_anything_else(path, save):
    save(path, {"model": {"a": view(NUMBERS)}, "args": argparse.Namespace(a=1)})
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(data)
        for place in random.integers(len(data), size=3):
            changed[place] = random.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(InputError):
            read_pth(path)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(5, (2,), (1,)), (0, (2, 3), (3, 2)), (0, (7,), (0,)), (6, (1,), (1,))],
)
@FORMATS
def test_views_that_leave_their_storage_are_refused(path, save, offset, shape, strides):
    outside = View(NUMBERS.reshape(-1), shape, strides, offset)
    with pytest.raises(InputError, match="a is damaged: .*storage of 6 elements"):
        read(path, save, {"a": outside})


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((-1,), (1,), 0), ((2,), (-1,), 1), ((2,), (1,), -1), ((2,), (), 0)]
    + [((0, 2**60), (1, 1), 0), ((2**70,), (0,), 0), ((1,) * 40, (1,) * 40, 0)],
)
def test_sizes_that_are_no_counts_are_refused(path, shape, strides, offset):
    outside = View(NUMBERS.reshape(-1), shape, strides, offset)
    with pytest.raises(InputError, match="truncated or damaged.*tensor"):
        read(path, save_zip, {"a": outside})


@FORMATS
def test_huge_claimed_storages_are_refused(path, save):
    claim = View(NUMBERS.reshape(-1), (10**12,), (1,), claimed=10**12)
    with pytest.raises(InputError, match="is damaged"):
        read(path, save, {"a": claim})


def test_compressed_archives_are_refused(path, monkeypatch):
    monkeypatch.setattr("zipfile.ZipFile.__init__.__defaults__", ("r", 8, True, None))
    with pytest.raises(InputError, match="compressed"):
        read(path, save_zip, {"a": view(NUMBERS)})


def test_other_archives_are_refused(path):
    save_zip(path, {}, folder="a")
    data = path.read_bytes().replace(b"data.pkl", b"code.pkl")
    path.write_bytes(data)
    with pytest.raises(InputError, match="not of torch.save"):
        read_pth(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is empty"),
        (b"\x89HDF", "no zip archive and does not begin with PyTorch's magic number"),
        (pickled(5), "magic number"),
        (pickled({"a": 1}), "magic number"),
    ],
)
def test_other_files_are_refused(path, content, match):
    path.write_bytes(content)
    with pytest.raises(InputError, match=match):
        read_pth(path)


def test_a_file_without_state_dict_is_refused(path):
    with pytest.raises(InputError, match=r"no state dict.*\['epoch'\]"):
        read(path, save_zip, {"epoch": 3})


def test_other_values_in_a_state_dict_are_refused(path):
    with pytest.raises(InputError, match="under 'epoch': int"):
        read(path, save_zip, {"model": {"a": view(NUMBERS), "epoch": 3}})


def test_one_storage_has_one_type(path):
    first, second = view(NUMBERS), view(NUMBERS.astype("int64"))
    save_legacy(path, {"a": first, "b": second})
    data = path.read_bytes().replace(b"\x8a\x01\x01X", b"\x8a\x01\x00X")
    path.write_bytes(data.replace(b"X\x01\x00\x00\x001", b"X\x01\x00\x00\x000"))
    with pytest.raises(InputError, match="storage 0 has two types or sizes"):
        read_pth(path)
