"""Contestants of this package: training steps of its models and of their twins."""

import contextlib

import keras
import tensorflow as tf

from keras_mae.layers import ViTEncoder
from keras_mae.version import __version__

from ..classifier import build_classifier
from ..compute import choose_streams
from ..config import PretrainConfig
from ..finetune import compile_classifier
from ..finetune_config import FinetuneConfig
from ..flops import classifier_flops, step_flops
from ..pretrain import build_model, compile_model
from .peers import NUM_CLASSES
from .plain_autoencoder import PlainAutoencoder
from .plain_vit import plain_classifier
from .runtime import device
from .steps import random_images, random_labels, time_steps

VERSIONS = {"keras": keras.__version__, "tensorflow": tf.__version__}
STEPS = 1000  # of an epoch, for the schedule
SIZES = ("patch_size", "num_channels", "embed_dim", "depth", "num_heads", "mlp_ratio")


def pretrain(config, plain=False):
    """Returns a contestant: pre-training steps on random images.

    Args:
        config: Dictionary of a `PretrainConfig`.
        plain: Boolean. Whether the model is of stock Keras layers.
    """
    config = PretrainConfig(**config)
    streams = _start(config, plain)
    model = build_model(config)
    compile_model(model, config, STEPS, streams)
    images = random_images(model.encoder, config.batch_size)
    flops = step_flops(model) if isinstance(model.encoder, ViTEncoder) else None
    description = _description(model.encoder, plain, streams, flops)
    if config.system == "mae":
        description["sizes"] |= _of_autoencoder(model)
    if plain:
        with _precision(config.precision):
            model = _compiled(PlainAutoencoder(model), config)
    return description, _measure(model, images)


def finetune(config, plain=False):
    """Returns a contestant: fine-tuning steps on random images of 1000 classes.

    Args:
        config: Dictionary of a `FinetuneConfig`.
        plain: Boolean. Whether the model is of stock Keras layers.
    """
    config = FinetuneConfig(**config)
    streams = _start(config, plain)
    model = build_classifier(config, NUM_CLASSES)
    compile_classifier(model, config, STEPS, streams)
    encoder, flops = model.encoder, classifier_flops(model)
    images = random_images(encoder, config.batch_size)
    if plain:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        with _precision(config.precision):
            model = _compiled(plain_classifier(encoder, NUM_CLASSES), config, loss)
    labels = random_labels(NUM_CLASSES, config.batch_size)
    description = _description(encoder, plain, streams, flops)
    return description, _measure(model, (images, labels))


def description_of(encoder, plain=False):
    """Returns versions, device and the encoder's sizes, which peers are made by.

    Args:
        encoder: The encoder of a model.
        plain: Boolean. Whether what is measured has nothing of this package.
    """
    own = {} if plain else {"keras_mae": __version__}
    sizes = {name: getattr(encoder, name, None) for name in SIZES}
    return {
        "versions": {**own, **VERSIONS},
        "device": device(),
        "sizes": {"image_size": list(encoder.image_size), **sizes},
    }


def _start(config, plain):
    """Seeds what follows; returns the number of streams."""
    streams = 1 if plain else choose_streams(config, "one")
    keras.utils.set_random_seed(config.seed)
    return streams


def _description(encoder, plain, streams, flops):
    return {
        **description_of(encoder, plain),
        "streams": streams,
        "gflop_per_image": flops and flops / 1e9,
    }


def _of_autoencoder(model):
    """Returns what peers must know of decoder and objective."""
    config, names = model.get_config(), ("mask_ratio", "norm_pix_loss")
    return {
        name: value
        for name, value in config.items()
        if name.startswith("decoder_") or name in names
    }


@contextlib.contextmanager
def _precision(policy):
    """Makes a dtype policy that of the layers that are made inside."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _compiled(model, config, loss=None):
    """Compiles a twin with the stock optimizer."""
    model.compile(
        keras.optimizers.AdamW(1e-4, weight_decay=config.weight_decay),
        loss,
        jit_compile=config.compute == "xla",
        steps_per_execution=config.steps_per_execution,
    )
    return model


def _measure(model, batch):
    return lambda steps: {"seconds": time_steps(model, batch, steps)}
