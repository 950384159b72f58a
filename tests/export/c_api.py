"""Runs a SavedModel through TensorFlow's C API, without its Python.

    python -P c_api.py SAVED_MODEL IMAGES.npy INPUT_TENSOR OUTPUT_TENSOR

Only core ops are registered here, as in TF Serving. Prints one JSON line: the
features of the images, and the answers to bad requests.
"""

import ctypes
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np

FLOAT, UINT8, INVALID_ARGUMENT = 1, 4, 3  # of TF_DataType and TF_Code
DTYPES = {np.dtype("float32"): FLOAT, np.dtype("uint8"): UINT8}


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def load_library():
    folder = Path(importlib.util.find_spec("tensorflow").origin).parent
    ctypes.CDLL(folder / "libtensorflow_framework.so.2", ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(folder / "libtensorflow_cc.so.2", ctypes.RTLD_GLOBAL)
    for name in (
        "TF_NewStatus",
        "TF_NewGraph",
        "TF_NewSessionOptions",
        "TF_LoadSessionFromSavedModel",
        "TF_GraphOperationByName",
        "TF_AllocateTensor",
        "TF_TensorData",
    ):
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    return library


class Session:
    """A loaded SavedModel: `TF_LoadSessionFromSavedModel`, then `TF_SessionRun`."""

    def __init__(self, path):
        self.library = load_library()
        self.status = self._pointer(self.library.TF_NewStatus())
        self.graph = self._pointer(self.library.TF_NewGraph())
        options = self._pointer(self.library.TF_NewSessionOptions())
        tags = (ctypes.c_char_p * 1)(b"serve")
        session = self.library.TF_LoadSessionFromSavedModel(
            options, None, path.encode(), tags, 1, self.graph, None, self.status
        )
        self._raise_for_status()
        self.session = self._pointer(session)

    def run(self, input_name, array, output_name):
        inputs = (Output * 1)(self._output(input_name))
        outputs = (Output * 1)(self._output(output_name))
        values = (ctypes.c_void_p * 1)(self._tensor(array))
        results = (ctypes.c_void_p * 1)()
        feeds, fetches = (inputs, values, 1), (outputs, results, 1)
        self.library.TF_SessionRun(
            self.session, None, *feeds, *fetches, None, 0, None, self.status
        )
        self._raise_for_status()
        return self._array(self._pointer(results[0]))

    def _output(self, name):
        operation, index = name.split(":")
        found = self.library.TF_GraphOperationByName(self.graph, operation.encode())
        return Output(found, int(index))

    def _tensor(self, array):
        array = np.ascontiguousarray(array)
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        size = ctypes.c_size_t(array.nbytes)
        dtype = DTYPES[array.dtype]
        tensor = self.library.TF_AllocateTensor(dtype, dims, array.ndim, size)
        data = self.library.TF_TensorData(self._pointer(tensor))
        ctypes.memmove(data, array.ctypes.data, array.nbytes)
        return tensor

    def _array(self, tensor):
        rank = self.library.TF_NumDims(tensor)
        shape = [self.library.TF_Dim(tensor, axis) for axis in range(rank)]
        data = self.library.TF_TensorData(tensor)
        floats = ctypes.cast(data, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(floats, shape)

    def _raise_for_status(self):
        code = self.library.TF_GetCode(self.status)
        if code:
            name = "INVALID_ARGUMENT" if code == INVALID_ARGUMENT else f"code {code}"
            message = self.library.TF_Message(self.status).decode()
            raise RuntimeError(f"{name}: {message}")

    @staticmethod
    def _pointer(address):
        return ctypes.c_void_p(address)


def main(path, images_file, input_name, output_name):
    session = Session(path)
    features = session.run(input_name, np.load(images_file), output_name)
    refused = {}
    for name, array in {
        "rank 2": np.zeros((1, 2), "float32"),
        "rank 3": np.zeros((32, 24, 3), "float32"),
        "wrong size": np.zeros((1, 33, 24, 3), "float32"),
        "wrong dtype": np.zeros((1, 32, 24, 3), "uint8"),
    }.items():
        try:
            session.run(input_name, array, output_name)
            refused[name] = "accepted"
        except RuntimeError as error:
            refused[name] = str(error)
    modules = [name for name in ("tensorflow", "keras") if name in sys.modules]
    print(
        json.dumps(
            {
                "features": features.tolist(),
                "refused": refused,
                "python_modules": modules,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
