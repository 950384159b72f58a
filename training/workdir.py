"""The folder of a run: its configuration, and that a resumed run is the same one."""

import dataclasses
import json
import os
import tempfile
from pathlib import Path

from keras_mae.atomic import new_file
from keras_mae.program import DISK_IS_FULL, InputError

# Inputs that earlier versions did not write: a run that lacks them has the same.
LATER_INPUTS = ("examples", "model_sha256")
CONFIG = "config.json"
MODEL = "model.keras"


def open_workdir(workdir, config, flag="--workdir", file=CONFIG, **inputs):
    """Makes the folder of a run, or checks that it holds a run of these settings.

    Args:
        workdir: Path.
        config: Dataclass instance of the run.
        flag: What the program calls the folder.
        file: Name of the file in it that holds the settings.
        **inputs: What the run reads: `data`, the data spec, ... An earlier version's
            run may lack those of `LATER_INPUTS`.

    Returns:
        The `Path`.

    Raises:
        InputError: The folder holds another run, and the error lists what differs; or
            it cannot be made.
    """
    workdir = Path(workdir)
    if workdir.exists() and not workdir.is_dir():
        raise InputError(f"{flag} {workdir} is a file; expected a folder")
    settings = _as_json({**inputs, **dataclasses.asdict(config)})
    path = workdir / file
    if path.exists():
        # An earlier version's file lacks settings that came later.
        later = {name: settings[name] for name in LATER_INPUTS if name in settings}
        saved = _as_json(_defaults(config)) | later | _read(path, flag)
        _compare(path, saved, settings, flag)
    else:
        _begin(path, settings, flag)
    return workdir


def save_model(model, workdir):
    """Saves a model as `model.keras`, complete or not at all; returns the path."""
    path = Path(workdir) / MODEL
    with new_file(path, overwrite=True) as partial:
        model.save(partial)
    return path


def write_atomically(path, text):
    """Writes a text file that is complete or absent, whatever happens."""
    with new_file(path, overwrite=True) as partial:
        partial.write_text(text)


def check_writable(path, flag):
    """Checks, by trying, that a file can be written, before hours are spent on it.

    Args:
        path: Path of the file. Folders that are missing will be made.
        flag: What the program calls the file.

    Raises:
        InputError: It is a folder, or its own folder takes no files.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{flag} {path} is a folder; expected the name of a file")
    # `os.path`: what may not be looked at does not exist either.
    folder = next(p for p in path.absolute().parents if os.path.exists(p))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"{flag} {path} cannot be written ({error.strerror}: {folder}); choose a "
            "folder that takes files"
        ) from error


def _begin(path, settings, flag):
    """Makes the folder of a run, with its settings."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(settings, indent=2) + "\n")
    except OSError as error:
        if error.strerror in DISK_IS_FULL:  # no fault of the name
            raise
        raise InputError(
            f"{flag} {path.parent} cannot be made or written into ({error.strerror}); "
            f"use another {flag}"
        ) from error


def _defaults(config):
    fields = dataclasses.fields(config)
    missing = dataclasses.MISSING
    return {field.name: field.default for field in fields if field.default != missing}


def _as_json(settings):
    """Returns settings as they come back from a file."""
    return json.loads(json.dumps(settings))


def _read(path, flag):
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}; use another {flag}") from error


def _compare(path, saved, settings, flag):
    keys = sorted(saved.keys() | settings.keys())
    differing = [
        f"{key} (there {saved.get(key)!r}, here {settings.get(key)!r})"
        for key in keys
        if saved.get(key) != settings.get(key)
    ]
    if differing:
        raise InputError(
            f"{path.parent} holds a run of another configuration: "
            f"{', '.join(differing)}; use another {flag}, or the same settings to "
            "resume"
        )
