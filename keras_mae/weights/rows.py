"""Rows of the copier: each variable of a model, and where a file keeps its values."""

import dataclasses
from collections.abc import Callable

import keras

from ..layers import ViTEncoder
from .channels import fit_kernel, fit_prediction
from .layouts import PATCH_KERNEL, to_keras
from .positions import fit_positions


@dataclasses.dataclass(frozen=True)
class Row:
    """One variable and its source.

    Attributes:
        variable: The Keras variable to assign.
        keys: Names of the tensors in the file, joined along the first axis.
        transform: Function of the joined array; returns the variable's value.
    """

    variable: keras.Variable
    keys: tuple
    transform: Callable


def named_variables(model):
    """Returns the variables of a model by the original's names.

    Args:
        model: A `MaskedAutoencoder`, `MaskTokenAutoencoder`, `ViTClassifier` or
            `ViTEncoder`; of a model with a convolutional encoder, of which there are
            no files of others, names are Keras' paths.
    """
    encoder = getattr(model, "encoder", model)
    if not isinstance(encoder, ViTEncoder):
        return {variable.path: variable for variable in model.weights}
    variables = _encoder(encoder)
    if getattr(model, "decoder", None) is not None:
        variables |= _decoder(model.decoder)
    if getattr(model, "patch_corruption", None) is not None:
        variables |= {"mask_token": model.patch_corruption.mask_token}
    if getattr(model, "decoder_pred", None) is not None:
        variables |= _layer("decoder_pred", model.decoder_pred)
    if getattr(model, "fc_norm", None) is not None:
        variables |= _layer("fc_norm", model.fc_norm)
    if getattr(model, "head", None) is not None:
        variables |= _layer("head", model.head)
    return variables


def make_rows(model, architecture, path, without=()):
    """Returns the `Row`s of a model, and notes of what will be changed.

    Args:
        model: The model to fill.
        architecture: The file's `Architecture`.
        path: Path of the file, for errors.
        without: Names, by the original's, of variables that the file lacks.
    """
    notes, keys = [], architecture.spelling.keys
    rows = [
        Row(variable, keys(name), _transform(name, model, architecture, path, notes))
        for name, variable in named_variables(model).items()
        if name not in without
    ]
    return rows, notes


def _encoder(encoder):
    variables = {
        "cls_token": encoder.cls_token,
        "pos_embed": encoder.positions.pos_embed,
        **_layer("patch_embed.proj", encoder.patch_embed.proj),
        **_blocks("blocks", encoder.blocks),
    }
    return variables | (_layer("norm", encoder.norm) if encoder.norm else {})


def _decoder(decoder):
    mask_token = getattr(decoder, "mask_token", None)
    return {
        **({} if mask_token is None else {"mask_token": mask_token}),
        "decoder_pos_embed": decoder.positions.pos_embed,
        **_blocks("decoder_blocks", decoder.blocks),
        **_layer("decoder_embed", decoder.decoder_embed),
        **_layer("decoder_norm", decoder.decoder_norm),
        **_layer("decoder_pred", decoder.decoder_pred),
    }


def _blocks(name, blocks):
    variables = {}
    for i, block in enumerate(blocks):
        layers = {
            "norm1": block.norm1,
            "attn.qkv": block.attn.qkv,
            "attn.proj": block.attn.proj,
            "norm2": block.norm2,
            "mlp.fc1": block.mlp.fc1,
            "mlp.fc2": block.mlp.fc2,
        }
        for stem, layer in layers.items():
            variables |= _layer(f"{name}.{i}.{stem}", layer)
    return variables


def _layer(name, layer):
    if isinstance(layer, keras.layers.Dense):
        return {f"{name}.weight": layer.kernel, f"{name}.bias": layer.bias}
    return {f"{name}.weight": layer.gamma, f"{name}.bias": layer.beta}


def _transform(name, model, architecture, path, notes):
    encoder = model if isinstance(model, ViTEncoder) else model.encoder
    channels = architecture.config["num_channels"]
    if name == PATCH_KERNEL:
        if channels != encoder.num_channels:
            notes.append(
                f"patch embedding changed: {channels} to {encoder.num_channels} "
                "channels"
            )
        return lambda kernel: to_keras(name, fit_kernel(kernel, encoder.num_channels))
    if name in ("pos_embed", "decoder_pos_embed"):
        return lambda table: _fit(table, encoder.grid_size, path, notes)
    if name.startswith("decoder_pred."):
        return lambda array: to_keras(
            name, fit_prediction(array, channels, encoder.num_channels)
        )
    return lambda array: to_keras(name, array)


def _fit(table, grid_size, path, notes):
    table, note = fit_positions(table, grid_size, path)
    if note and note not in notes:
        notes.append(note)
    return table
