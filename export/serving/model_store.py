"""Finds the version of a model that a request asks for."""

from pathlib import Path

from keras_mae.program import InputError

from ..saved_model import list_versions
from .refusal import Refusal
from .served_model import ServedModel


class ModelStore:
    """The loaded versions of one model.

    Nothing is polled: what is loaded stays, and what comes later is not seen.

    Args:
        directory: Folder of all versions, as `write_saved_model` makes it.
        name: Name of the model; `None` for the folder's.
        versions: Numbers of the versions to load; none stands for the newest.
        labels: Dictionary from label to version, such as `{"stable": 1}`.

    Raises:
        InputError: There is no such folder or version.
    """

    def __init__(self, directory, name=None, versions=(), labels=None):
        directory = Path(directory).resolve()
        self.name, self.labels = name or directory.name, labels or {}
        found = list_versions(directory)
        if not found:
            raise InputError(
                f"{directory} holds no version; name the folder that holds 1/, 2/, ..."
            )
        self.versions = {
            version: ServedModel(_existing(directory, version, found), self.name)
            for version in sorted(versions or found[-1:])
        }
        _check_labels(self.labels, self.versions)

    def find(self, name, version=None, label=""):
        """Returns the `ServedModel` of a request.

        Args:
            name: Name of the model.
            version: Its number, or `None` for the newest.
            label: A label instead of a number, or `""`.

        Raises:
            Refusal: There is none, as TF Serving says it.
        """
        wanted = (
            f"Latest({name})" if version is None else f"Specific({name}, {version})"
        )
        if label and name == self.name:
            if label not in self.labels:
                raise Refusal(
                    "INVALID_ARGUMENT", f"Unrecognized servable version label: {label}"
                )
            version = self.labels[label]
        version = max(self.versions) if version is None else version
        if name != self.name or version not in self.versions:
            raise Refusal("NOT_FOUND", f"Servable not found for request: {wanted}")
        return self.versions[version]

    def list(self, name, version=None):
        """Returns the numbers of the loaded versions, or the one that is asked for."""
        if name != self.name:
            raise Refusal("NOT_FOUND", f"Could not find any versions of model {name}")
        if version is not None and version not in self.versions:
            raise Refusal(
                "NOT_FOUND", f"Could not find version {version} of model {name}"
            )
        return sorted(self.versions) if version is None else [version]


def _existing(directory, version, found):
    if version not in found:
        raise InputError(f"{directory} has no version {version}; it has {found}")
    return directory / str(version)


def _check_labels(labels, versions):
    for label, version in labels.items():
        if version not in versions:
            raise InputError(
                f"the label {label} stands for version {version}, which is not loaded; "
                f"loaded: {sorted(versions)}"
            )
