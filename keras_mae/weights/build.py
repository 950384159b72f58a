"""Makes a Keras model of an opened weight file."""

from ..layers import ViTEncoder
from ..models import MaskedAutoencoder, ViTClassifier
from ..presets import PAPER_DECODER
from ..program import InputError, checking_input
from .architecture import find_architecture
from .arguments import (
    DECODER_ONLY,
    find_arguments,
    known_settings,
    parameters_of,
    told_heads,
    told_size,
)
from .class_names import told_class_names
from .copier import copy
from .report import Report
from .rows import make_rows, named_variables


def build(
    source,
    overrides,
    allow_missing_decoder=False,
    encoder_alone=False,
    progress=iter,
):
    """Builds the model that a file holds and fills it.

    Args:
        source: The `Source`.
        overrides: Dictionary of constructor arguments of the model.
        allow_missing_decoder: Boolean. Whether an encoder becomes a
            `MaskedAutoencoder` whose decoder is random.
        encoder_alone: Boolean. Whether a `ViTEncoder` is made whatever else the
            file holds.
        progress: Function that passes a list of tensors on while they are read.

    Returns:
        The model, and the `Report` of what was found and done.

    Raises:
        ValueError: The file does not tell a model, or does not fit it.
    """
    architecture = find_architecture(source.tensors, source.path)
    with checking_input():
        if encoder_alone:
            model = _make_encoder(source, architecture, overrides)
        else:
            _check_decoder(source.path, architecture, overrides, allow_missing_decoder)
            model = _make(source, architecture, overrides, allow_missing_decoder)
    random = _missing_decoder(model, architecture)
    rows, notes = make_rows(model, architecture, source.path, without=random)
    ignored = find_ignored(source.tensors, architecture, model)
    copy(
        rows,
        source.tensors,
        model.weights,
        source.path,
        ignored,
        random.values(),
        lambda rows: _releasing(progress(rows), source.tensors),
    )
    return model, describe(source, architecture, model, notes, _stems(random))


def _releasing(rows, tensors):
    """Passes rows on; their tensors are copied and need no memory after that."""
    for row in rows:
        yield row
        tensors.release()


def describe(source, architecture, model=None, notes=(), random=()):
    """Returns the `Report` of a file, and of the model made of it if there is one."""
    return Report(
        str(source.path),
        source.layout,
        architecture.spelling.description,
        architecture.content,
        _config(source, architecture, model),
        sum(tensor.size for tensor in source.tensors.values()),
        known_settings(source, architecture).get("norm_pix_loss"),
        tuple(notes),
        find_ignored(source.tensors, architecture, model),
        random,
    )


def _config(source, architecture, model):
    """Sizes by the file, or by the model made of it."""
    config = {
        "image_size": told_size(source, architecture),
        **architecture.config,
        **told_heads(source, architecture),
        "layer_norm_eps": known_settings(source, architecture)["layer_norm_eps"],
    }
    if model is None:
        return config
    of_model = getattr(model, "encoder", model).get_config() | model.get_config()
    return {name: of_model.get(name, config[name]) for name in config}


def find_ignored(tensors, architecture, model=None):
    """Returns the tensors of a file that its model has not, and the reason."""
    spelling = architecture.spelling
    reasons = dict(spelling.ignored)
    if not architecture.has_decoder:
        for name in ("mask_token", "decoder_pos_embed"):
            reasons[spelling.keys(name)[0]] = "of a decoder that is not in the file"
    if architecture.num_classes is None:
        reasons["fc_norm."] = "of a classifier that is not in the file"
    if isinstance(model, ViTEncoder) and architecture.has_decoder:
        for start in ("mask_token", "decoder_"):
            reasons[spelling.decoder + start] = "of the decoder"
    if isinstance(model, ViTEncoder) and architecture.num_classes:
        for name in ("fc_norm.weight", "head.weight"):
            start = spelling.keys(name)[0].removesuffix("weight")
            reasons[start] = "of the classifier"
    return {
        key: reason
        for key in tensors
        for start, reason in reasons.items()
        if key.startswith(start)
    }


def _check_decoder(path, architecture, overrides, allow_missing_decoder):
    if architecture.has_decoder:
        return
    asked = sorted(DECODER_ONLY & set(overrides))
    if asked and not allow_missing_decoder and not architecture.num_classes:
        raise InputError(
            f"{path} holds an encoder alone, which has no {', '.join(asked)}. For a "
            "MaskedAutoencoder whose decoder is random, give "
            "`allow_missing_decoder=True`"
        )
    if allow_missing_decoder and (
        architecture.num_classes or not architecture.has_norm
    ):
        raise InputError(
            f"{path} holds an {architecture.content}, which cannot become a "
            "MaskedAutoencoder: expected an encoder that ends in a norm"
        )


def _make(source, architecture, overrides, allow_missing_decoder):
    if architecture.has_decoder or allow_missing_decoder:
        return _make_autoencoder(source, architecture, overrides)
    if architecture.num_classes:
        return _make_classifier(source, architecture, overrides)
    return _make_encoder(source, architecture, overrides)


def _make_encoder(source, architecture, overrides):
    names = parameters_of(ViTEncoder)
    arguments = find_arguments(source, architecture, overrides, names)
    return ViTEncoder(**arguments, final_norm=architecture.has_norm)


def _make_autoencoder(source, architecture, overrides):
    if not architecture.has_decoder:  # then the paper's
        overrides = {**PAPER_DECODER, **overrides}
    names = parameters_of(MaskedAutoencoder)
    arguments = find_arguments(source, architecture, overrides, names)
    return MaskedAutoencoder(**arguments)


def _make_classifier(source, architecture, overrides):
    names = {*parameters_of(ViTEncoder), "seed"} - {"name"}
    arguments = find_arguments(source, architecture, overrides, names)
    arguments.setdefault("train_positions", True)  # as in fine-tuning
    seed = arguments.pop("seed", 0)
    encoder = ViTEncoder(**arguments, final_norm=architecture.has_norm)
    return ViTClassifier(
        encoder,
        architecture.num_classes,
        architecture.pooling,
        seed,
        told_class_names(source, architecture.num_classes),
        dtype=encoder.dtype_policy,
    )


def _stems(names):
    """Names of layers and blocks that stay random; positions are not."""
    stems = [".".join(name.split(".")[:-1][:2]) or name for name in names]
    return tuple(dict.fromkeys(stem for stem in stems if stem != "decoder_pos_embed"))


def _missing_decoder(model, architecture):
    """Variables that keep random values, by the original's names."""
    if architecture.has_decoder or not isinstance(model, MaskedAutoencoder):
        return {}
    return {
        name: variable
        for name, variable in named_variables(model).items()
        if name == "mask_token" or name.startswith("decoder_")
    }
