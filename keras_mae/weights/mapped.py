"""Mapped files: read where they are used, and given back when they are not."""

import mmap


def map_file(path):
    """Returns the bytes of a file that is not empty, read when they are used."""
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class MappedTensors(dict):
    """Read-only arrays by name that share the memory of files.

    Args:
        arrays: Dictionary of arrays.
        buffers: List of what `map_file` returned for the files.
    """

    def __init__(self, arrays, buffers):
        super().__init__(arrays)
        self.buffers = buffers

    def release(self):
        """Gives memory back to the system; later uses read the files again."""
        if hasattr(mmap, "MADV_DONTNEED"):  # Windows has none
            for buffer in self.buffers:
                buffer.madvise(mmap.MADV_DONTNEED)
