"""Files and folders that appear under their names complete, or not at all."""

import contextlib
import os
import shutil
import uuid
from pathlib import Path

from .program import InputError


@contextlib.contextmanager
def new_directory(path):
    """Makes a folder under a temporary name and renames it when it is complete.

    Not `tempfile`: its folders are readable by their owner alone, and a server
    that runs as somebody else could not load the model.

    Args:
        path: The name that the folder gets. Missing parents are made.

    Yields:
        `Path` of the temporary folder, beside `path`.

    Raises:
        InputError: `path` exists, before or after the work.
    """
    path = Path(path)
    check_free(path)
    with _parents_of(path), _temporary_name(path) as temporary:
        temporary.mkdir()
        yield temporary
        check_free(path)
        temporary.rename(path)


@contextlib.contextmanager
def new_file(path, overwrite=False):
    """Writes a file under a temporary name and renames it when it is complete.

    Args:
        path: The name that the file gets. Missing parents are made.
        overwrite: Boolean. Whether a file of that name is replaced.

    Yields:
        `Path` of the temporary file, beside `path`, for the caller to write.

    Raises:
        InputError: `path` exists, before or after the work, and is not replaced.
    """
    path = Path(path)
    check_free(path, overwrite)
    with _parents_of(path), _temporary_name(path) as temporary:
        yield temporary
        check_free(path, overwrite)
        os.replace(temporary, path)


@contextlib.contextmanager
def new_files(path, overwrite=False):
    """Writes a file and its companions in a temporary folder, and moves them beside it.

    Args:
        path: The name that the file gets; it is moved last. Missing parents are made.
        overwrite: Boolean. Whether files of these names are replaced.

    Yields:
        `Path` of the temporary folder, for the caller to fill.

    Raises:
        InputError: One of the names exists, and is not replaced.
    """
    path = Path(path)
    check_free(path, overwrite)
    with _parents_of(path), _temporary_name(path) as folder:
        folder.mkdir()
        yield folder
        names = sorted((file.name for file in folder.iterdir()), key=path.name.__eq__)
        for name in names:
            check_free(path.with_name(name), overwrite)
        for name in names:
            os.replace(folder / name, path.with_name(name))


def remove_leftovers(path):
    """Removes what killed runs left of `new_file(path)`."""
    path = Path(path)
    for temporary in path.parent.glob(f".{path.stem}.*.tmp{path.suffix}"):
        temporary.unlink()


def check_free(path, overwrite=False):
    """Raises an `InputError` if `path` exists and may not be replaced."""
    path = Path(path)
    if path.is_dir() or (path.exists() and not overwrite):
        raise InputError(
            f"{path} exists; nothing is overwritten: use another name, or remove it"
        )


@contextlib.contextmanager
def _temporary_name(path):
    # TF Serving polls the folder: a name that is not a number means nothing to it.
    # The suffix stays: some writers tell formats by it.
    name = f".{path.stem}.{uuid.uuid4().hex[:8]}.tmp{path.suffix}"
    temporary = path.with_name(name)
    try:
        yield temporary
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _parents_of(path):
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # a file where a folder should be, or no permission
        raise InputError(f"cannot make the folder {path.parent}: {error}") from error
    try:
        yield
    except BaseException:
        for folder in missing:  # the innermost first
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
