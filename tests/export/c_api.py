"""Runs requests on a SavedModel through TensorFlow's C API, without its Python.

    python -P c_api.py SAVED_MODEL IN.npz OUT.npz

Only core ops are registered here, as in TF Serving. IN.npz maps
`signature/number/input` to an array; bytes are base64, because NumPy cuts zeros off
the ends of strings. OUT.npz maps `signature/number/output` to arrays. Prints one JSON
line: the errors by `signature/number`, and by how many bytes the memory's peak grew
after the last request that was answered.
"""

import base64
import ctypes
import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np

STRING, INVALID_ARGUMENT = 7, 3  # of TF_DataType and TF_Code
DTYPES = {1: "float32", 2: "float64", 3: "int32", 4: "uint8", 10: "bool"}
NUMBERS = {np.dtype(name): number for number, name in DTYPES.items()}
STRING_BYTES = 24  # of a TF_TString
POINTERS = (
    "TF_NewStatus",
    "TF_NewGraph",
    "TF_NewSessionOptions",
    "TF_LoadSessionFromSavedModel",
    "TF_GraphOperationByName",
    "TF_AllocateTensor",
    "TF_TensorData",
    "TF_StringGetDataPointer",
)


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def load_library():
    folder = Path(importlib.util.find_spec("tensorflow").origin).parent
    ctypes.CDLL(folder / "libtensorflow_framework.so.2", ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(folder / "libtensorflow_cc.so.2", ctypes.RTLD_GLOBAL)
    for name in POINTERS:
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    library.TF_StringGetSize.restype = ctypes.c_size_t
    return library


class Session:
    """A loaded SavedModel: `TF_LoadSessionFromSavedModel`, then `TF_SessionRun`."""

    def __init__(self, path):
        self.library = load_library()
        self.status = ctypes.c_void_p(self.library.TF_NewStatus())
        self.graph = ctypes.c_void_p(self.library.TF_NewGraph())
        options = ctypes.c_void_p(self.library.TF_NewSessionOptions())
        tags = (ctypes.c_char_p * 1)(b"serve")
        session = self.library.TF_LoadSessionFromSavedModel(
            options, None, path.encode(), tags, 1, self.graph, None, self.status
        )
        self._raise_for_status()
        self.session = ctypes.c_void_p(session)

    def run(self, feeds, fetches):
        """Returns the arrays of the tensors named `fetches`."""
        inputs = (Output * len(feeds))(*map(self._output, feeds))
        tensors = [self._tensor(array) for array in feeds.values()]
        values = (ctypes.c_void_p * len(feeds))(*tensors)
        outputs = (Output * len(fetches))(*map(self._output, fetches))
        results = (ctypes.c_void_p * len(fetches))()
        fed, fetched = (inputs, values, len(feeds)), (outputs, results, len(fetches))
        try:
            self.library.TF_SessionRun(
                self.session, None, *fed, *fetched, None, 0, None, self.status
            )
            self._raise_for_status()
            return [self._array(ctypes.c_void_p(result)) for result in results]
        finally:
            for tensor in (*tensors, *results):
                self.library.TF_DeleteTensor(ctypes.c_void_p(tensor))

    def _output(self, name):
        operation, index = name.split(":")
        found = self.library.TF_GraphOperationByName(self.graph, operation.encode())
        return Output(found, int(index))

    def _tensor(self, array):
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        is_string = array.dtype == object
        number = STRING if is_string else NUMBERS[array.dtype]
        size = ctypes.c_size_t(array.size * STRING_BYTES if is_string else array.nbytes)
        tensor = self.library.TF_AllocateTensor(number, dims, array.ndim, size)
        data = self.library.TF_TensorData(ctypes.c_void_p(tensor))
        if is_string:
            for i, content in enumerate(array.ravel()):
                place = ctypes.c_void_p(data + i * STRING_BYTES)
                self.library.TF_StringInit(place)
                length = ctypes.c_size_t(len(content))
                self.library.TF_StringCopy(place, content, length)
        else:
            ctypes.memmove(data, np.ascontiguousarray(array).ctypes.data, array.nbytes)
        return tensor

    def _array(self, tensor):
        rank = self.library.TF_NumDims(tensor)
        shape = [self.library.TF_Dim(tensor, axis) for axis in range(rank)]
        number = self.library.TF_TensorType(tensor)
        data = self.library.TF_TensorData(tensor)
        if number == STRING:
            places = [data + i * STRING_BYTES for i in range(int(np.prod(shape)))]
            strings = [self._string(ctypes.c_void_p(place)) for place in places]
            return np.array(strings).reshape(shape)
        size = self.library.TF_TensorByteSize(tensor)
        content = ctypes.string_at(data, size)
        return np.frombuffer(content, DTYPES[number]).reshape(shape)

    def _string(self, place):
        data = self.library.TF_StringGetDataPointer(place)
        return ctypes.string_at(data, self.library.TF_StringGetSize(place))

    def _raise_for_status(self):
        code = self.library.TF_GetCode(self.status)
        if code:
            name = "INVALID_ARGUMENT" if code == INVALID_ARGUMENT else f"code {code}"
            message = self.library.TF_Message(self.status).decode()
            raise RuntimeError(f"{name}: {message}")


def read_requests(file):
    """Returns a dictionary of inputs for each `signature/number`."""
    requests = {}
    with np.load(file) as stored:
        for key in stored.files:
            request, _, name = key.rpartition("/")
            requests.setdefault(request, {})[name] = decode(stored[key])
    return requests


def decode(array):
    if array.dtype.kind != "S":
        return array
    decoded = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        decoded[place] = base64.b64decode(array[place])
    return decoded


def memory():
    """Returns this process's peak; `resource` would count the one that started it."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def main(path, input_file, output_file):
    manifest = json.loads(Path(path, "assets.extra", "manifest.json").read_text())
    session, outputs, errors, start = Session(path), {}, {}, None
    for request, inputs in read_requests(input_file).items():
        signature = manifest["signatures"][request.split("/")[0]]
        tensors = {key: i["tensor"] for key, i in signature["outputs"].items()}
        feeds = {signature["inputs"][k]["tensor"]: v for k, v in inputs.items()}
        try:
            results = session.run(feeds, tensors.values())
        except RuntimeError as error:
            errors[request] = str(error)
            continue
        for name, array in zip(tensors, results, strict=True):
            outputs[f"{request}/{name}"] = array
        start = memory()  # what comes after the last answer is refused
    np.savez(output_file, **outputs)
    modules = [name for name in ("tensorflow", "keras") if name in sys.modules]
    grown = memory() - (start or memory())
    print(json.dumps({"errors": errors, "modules": modules, "grown": grown}))


if __name__ == "__main__":
    main(*sys.argv[1:])
