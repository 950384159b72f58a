"""Reads TF Serving's model configuration file."""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from keras_mae.program import InputError


def read_model_config(path, model_dir):
    """Returns versions and labels that a file gives to the model of a folder.

    Args:
        path: The file, or `None`.
        model_dir: Folder of the model's versions; its name is the model's.

    Returns:
        List of versions, empty for the newest; dictionary from label to version.

    Raises:
        InputError: The file cannot be read, or does not name the model.
    """
    if path is None:
        return [], {}
    name = Path(model_dir).resolve().name
    models = {model.name: model for model in parse(path).model_config_list.config}
    if name not in models:
        raise InputError(f"{path} does not name the model {name}; it has {[*models]}")
    policy = models[name].model_version_policy
    return list(policy.specific.versions), dict(models[name].version_labels)


def parse(path):
    """Returns the `ModelServerConfig` of a file."""
    config = model_server_config_pb2.ModelServerConfig()
    try:
        return text_format.Parse(Path(path).read_text(), config)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except text_format.ParseError as error:
        raise InputError(f"{path} is no model configuration: {error}") from error
