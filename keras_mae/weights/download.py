"""Downloads weight files into Keras' cache, checked before they get their names.

`$KERAS_HOME` (`~/.keras`) `/models/keras_mae/` holds them, a folder each.
"""

import contextlib
import functools
import hashlib
import os
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError
from urllib.parse import urlsplit

import keras

from ..atomic import new_file
from ..program import InputError
from .safetensors import read_json
from .source import open_weights

_SUFFIXES = (".pth", ".pt", ".safetensors")


def fetch_published(file):
    """Returns the path of a `PublishedFile`, and whether it was downloaded just now.

    Raises:
        ValueError: It is not in the cache and cannot be downloaded, or what came
            is another file.
    """
    address, _, name = file.url.rpartition("/")
    folder = _cache() / file.preset / file.name
    is_new = _fetch(file.url, folder / name, functools.partial(_check_published, file))
    for other in file.beside:
        _fetch(f"{address}/{other}", folder / other, read_json)
    return folder / name, is_new


def fetch_address(url):
    """Returns the path of a weight file at any address, as `fetch_published`."""
    name = PurePosixPath(urlsplit(url).path).name
    if not name.endswith(_SUFFIXES):
        raise InputError(
            f"expected the address of a .pth, .pt or .safetensors file. Received: {url}"
        )
    folder = hashlib.sha256(url.encode()).hexdigest()[:16]
    path = _cache() / "by_address" / folder / name
    return path, _fetch(url, path, open_weights)


def _cache():
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser().absolute()
    return home / "models" / "keras_mae"


def _fetch(url, path, check):
    """Downloads a file unless a good one is there; tells whether it did."""
    if path.exists():
        with contextlib.suppress(InputError):
            check(path)
            return False
        print(f"{path} is not what {url} should be: downloading it again")
    with new_file(path, overwrite=True) as temporary:
        _download(url, temporary, path)
        try:
            check(temporary)
        except InputError as error:
            problem = str(error).replace(str(temporary), "it")
            raise InputError(
                f"{url} did not give the file that it should: {problem}. It was "
                "deleted; try again later. If its publisher changed it, download it "
                "yourself and give its path"
            ) from error
    return True


def _download(url, temporary, path):
    try:
        keras.utils.get_file(
            temporary.name,
            url,
            cache_subdir=str(temporary.parent),
            force_download=True,
        )
    except Exception as error:  # Keras raises no class of its own
        reason = error.__context__ or error
        if isinstance(reason, HTTPError):
            reason.close()  # the connection
        raise InputError(
            f"cannot download {url} ({reason}). Nothing of it was kept: try again, "
            f"or put the file at {path} by other means"
        ) from error


def _check_published(file, path):
    size = path.stat().st_size
    if file.size not in (None, size):
        raise InputError(f"expected {file.size} bytes. Received: {size}")
    for algorithm in ("sha256", "md5"):
        expected = getattr(file, algorithm)
        if expected is not None:
            _check_sum(path, algorithm, expected)
    open_weights(path)


def _check_sum(path, algorithm, expected):
    """Compares digits of a sum; the authors' are the first six alone."""
    with open(path, "rb") as content:
        received = hashlib.file_digest(content, algorithm).hexdigest()
    if not received.startswith(expected):
        raise InputError(f"expected the {algorithm} {expected}. Received: {received}")
