import contextlib
import io
import pickle

import pytest

from keras_mae.program import InputError
from keras_mae.weights.torch_globals import Inert
from keras_mae.weights.torch_pickle import read_pickle

from .weight_files import Call, pickled


def read(data):
    return read_pickle(io.BytesIO(data), "evil.pth", lambda persistent_id: None)


def reduced(function, *arguments):
    """Returns an object whose pickle calls a function, and all that it holds."""

    class Evil:
        def __reduce__(self):
            return function, arguments

    return Evil()


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_survive_every_protocol(protocol):
    value = {
        "a": [1, -2.5, None, True],
        "ü": (b"x", 2**80, (), {}),
        3: [[], "long" * 99],
    }
    value["again"] = value["a"]
    read_back = read(pickle.dumps(value, protocol)) if protocol > 2 else None
    if protocol <= 2:
        del value["ü"]  # bytes are a call there
        read_back = read(pickle.dumps(value, protocol))
    assert read_back == value
    assert read_back["again"] is read_back["a"]


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("function", "arguments", "offender"),
    [
        (__import__("os").system, ("touch evil",), r"(posix|nt|os)\.system"),
        (eval, ("1",), "builtins.eval|__builtin__.eval"),
        (getattr, ({}, "get"), "builtins.getattr|__builtin__.getattr"),
        (__import__, ("os",), "__import__"),
        (pickle.loads, (b"",), "pickle.*loads"),
    ],
)
def test_what_would_run_code_is_refused(
    protocol, function, arguments, offender, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps({"a": reduced(function, *arguments)}, protocol)
    with pytest.raises(InputError, match=f"evil.pth is refused.*({offender})"):
        read(data)
    assert not list(tmp_path.iterdir())


def test_the_oldest_way_to_call_is_refused():
    with pytest.raises(InputError, match=r"the opcode INST \(os system\)"):
        read(b"(S'touch evil'\nios\nsystem\n.")


def test_a_path_through_a_harmless_class_is_refused():
    name = b"Namespace.__init__.__globals__"
    data = b"\x80\x04\x8c\x08argparse\x8c" + bytes([len(name)]) + name + b"\x93."
    with pytest.raises(InputError, match="argparse.Namespace.__init__"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"X\x01\x00\x00\x00a)R.",  # calls a string
        b"(lN.",
        b"N}b.",  # a state for None
        b"N(K\x01K\x02u.",
        b"K\x01K\x02a.",
        b"cargparse\nNamespace\nN}bR.",
    ],
)
def test_pickles_that_make_no_sense_are_refused_or_inert(data):
    with contextlib.suppress(InputError):
        assert read(data) is None


def test_objects_of_harmless_classes_are_inert():
    value = read(pickled(Call("datetime timedelta", (1, 2), {"days": 5})))
    assert isinstance(value, Inert)
    assert (value.cls.name, value.arguments) == ("timedelta", (1, 2))
    assert not hasattr(value, "days")


def test_inert_objects_can_be_printed_however_deep():
    value = read(b"cargparse\nNamespace\n)" + b"\x85" * 100_000 + b"R.")
    assert "Inert" in repr(value)


def test_object_arrays_are_never_made():
    make = Call("numpy.core.multiarray _reconstruct", ((1,), b"b".decode()))
    make.state = (1, (2,), Call("numpy dtype", ("O8", False, True)), False, [1, 2])
    assert isinstance(read(pickled({"a": make}))["a"], Inert)


@pytest.mark.parametrize(
    "data",
    [
        b"]" * 300_000 + b"a" * 299_999 + b".",
        b")" + b"\x85" * 300_000 + b".",
        b"}" + b")" + b"\x85" * 300_000 + b"N" + b"s.",  # hashing it would recurse
        b"N" + b"r\xff\xff\xff\xff" + b".",  # a memo of 4 G entries
        b"B\xff\xff\xff\x7fabc.",  # bytes of 2 GB that are not there
        b"\x8e" + b"\xff" * 7 + b"\x7fabc.",
    ],
)
def test_bombs_are_harmless(data):
    with contextlib.suppress(InputError):
        read(b"\x80\x04" + data)


def test_endless_pickles_are_refused():
    with pytest.raises(InputError, match="truncated or damaged"):
        read(pickled({"a": 1})[:-1])
