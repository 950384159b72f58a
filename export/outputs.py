"""What an export returns of normalised images: the chosen outputs, by name.

SavedModel and ONNX serve the same function, and verification compares with it.
"""

import dataclasses
import re

import keras
import tensorflow as tf

from keras_mae.layers import MapEncoder, pool
from keras_mae.layers.vit_encoder import POOLINGS
from keras_mae.models import MaskedAutoencoder, ViTClassifier
from keras_mae.program import InputError, unknown
from keras_mae.weights import encoder_of

from .encoder import in_float32
from .error_map import error_map

ENCODER = ("features", "tokens", "patch_map")
CLASSIFIER = ("logits", "probabilities", "classes")
AUTOENCODER = ("error_map", "reconstruct")
DEFAULT = ("features", "tokens")


@dataclasses.dataclass(frozen=True)
class Outputs:
    """A function of images, with the model that it is made of; see `choose_outputs`.

    Call arguments:
        images: Float32 tensor `(batch, height, width, channels)`, normalised.

    Returns:
        Dictionary of the outputs of `names`, all but `reconstruct`, which needs a
        mask; with `classes`, `scores` too.
    """

    model: keras.Model
    names: tuple[str, ...]
    pooling: str
    class_names: tuple[str, ...] | None
    top: int

    @property
    def encoder(self):
        return encoder_of(self.model)

    @property
    def spec(self):
        """The `TensorSpec` of the images."""
        encoder = self.encoder
        shape = (None, *encoder.image_size, encoder.num_channels)
        return tf.TensorSpec(shape, tf.float32, name="images")

    @property
    def config(self):
        """What `choose_outputs` needs to make the same of the same model."""
        names = ("pooling", "class_names", "top")
        return {"outputs": self.names} | {name: getattr(self, name) for name in names}

    def of_model(self, model):
        """Returns the same outputs of a copy of the model."""
        return dataclasses.replace(self, model=model)

    def __call__(self, images):
        tokens, results = self._encode(images)
        results |= {"tokens": tokens, "patch_map": self._patch_map(tokens)}
        results["features"] = features = self._features(tokens)
        if isinstance(self.model, ViTClassifier):
            results |= self._classify(features)
        if "error_map" in self.names:
            results["error_map"] = error_map(self.model, images)
        asked = [name for name in self.names if name in results]
        asked += ["scores"] if "classes" in asked else []
        return {name: _in_float32(results[name]) for name in asked}

    def _encode(self, images):
        """Returns the encoder's tokens, and those of its blocks by output name."""
        if isinstance(self.encoder, MapEncoder):  # which has no blocks
            return self.encoder(images), {}
        tokens, of_blocks = self.encoder.embed(images), {}
        for i, block in enumerate(self.encoder.blocks):
            tokens = of_blocks[f"block_{i}"] = block(tokens)
        norm = self.encoder.norm
        return tokens if norm is None else norm(tokens), of_blocks

    def _patch_map(self, tokens):
        rows, columns = self.encoder.grid_size
        places = tokens[:, -rows * columns :]  # behind the class token
        return tf.reshape(places, (-1, rows, columns, self.encoder.embed_dim))

    def _features(self, tokens):
        if self.pooling == "both":
            return tf.concat([pool(tokens, "token"), pool(tokens, "gap")], axis=-1)
        features = self.encoder.pool(tokens, self.pooling)
        norm = getattr(self.model, "fc_norm", None)
        return features if norm is None else norm(features)

    def _classify(self, features):
        logits = self.model.head(_in_float32(features))
        probabilities = tf.nn.softmax(logits)
        results = {"logits": logits, "probabilities": probabilities}
        if "classes" in self.names:
            scores, classes = tf.math.top_k(probabilities, self.top)
            names = tf.gather(tf.constant(self.class_names), classes)
            results |= {"classes": names, "scores": scores}
        return results


def choose_outputs(model, names=DEFAULT, pooling=None, class_names=None, top=5):
    """Returns the `Outputs` of a model, which may be in mixed precision, in float32.

    | name | what | shape |
    | --- | --- | --- |
    | `features` | pooled tokens, normed as trained | `(batch, dim)` |
    | `tokens` | of the encoder, the class token first | `(batch, 1 + L, dim)` |
    | `patch_map` | its patches in their places | `(batch, rows, columns, dim)` |
    | `block_N` | tokens that leave block N, from 0; not normed | as `tokens` |
    | `logits`, `probabilities` | of a `ViTClassifier` | `(batch, num_classes)` |
    | `classes` | names of the likeliest, and `scores` | `(batch, top)` |
    | `error_map` | of a `MaskedAutoencoder` | `(batch, rows, columns)` |
    | `reconstruct` | a signature of its own | |

    Features of a `ViTClassifier` are what its head sees: with pooling `"gap"`, the
    mean of the patches after `fc_norm`. What is a patch's (`tokens`, `patch_map`) is
    what its encoder returns, not normed there.

    Args:
        model: `ViTEncoder`, or a model with one as its attribute `encoder`.
        names: Names of the table.
        pooling: `"gap"` (mean of the patches), `"token"` (class token), `"both"` (class
            token, then mean), or `None`: a classifier's own, otherwise `"gap"`.
        class_names: For `classes`: a name for each class; `None` for those that the
            classifier holds.
        top: Integer. How many classes, at most.

    Raises:
        InputError: The model has no such output, or another pooling; or there are no
            names of classes, or not as many as classes.
    """
    names = tuple(dict.fromkeys(names))
    _check_names(model, names)
    pooling = _checked_pooling(model, pooling)
    if "classes" in names:
        class_names = _checked_class_names(model, class_names)
        if top < 1:
            raise InputError(f"the top classes are at least 1. Received: top={top}")
        top = min(top, len(class_names))
    else:
        class_names = None
    return Outputs(in_float32(_needed(model, names)), names, pooling, class_names, top)


def available_outputs(model):
    """Returns the names of all outputs that a model has."""
    blocks = [f"block_{i}" for i in range(_num_blocks(model))]
    names = [*ENCODER, *blocks]
    if isinstance(model, ViTClassifier):
        names += CLASSIFIER
    if isinstance(model, MaskedAutoencoder):
        names += AUTOENCODER
    return names


def _num_blocks(model):
    """Returns the Transformer blocks of a model: convolutions are none."""
    return len(getattr(encoder_of(model), "blocks", ()))


def _check_names(model, names):
    available, kind = available_outputs(model), type(model).__name__
    if not names:
        raise InputError(f"no outputs are named; choose from {', '.join(available)}")
    for name in names:
        if name in available:
            continue
        if re.fullmatch(r"block_\d+", name) and _num_blocks(model):
            last = _num_blocks(model) - 1
            raise InputError(f"blocks are block_0 to block_{last}. Received: {name}")
        if name in CLASSIFIER + AUTOENCODER:
            of = "ViTClassifier" if name in CLASSIFIER else "MaskedAutoencoder"
            raise InputError(f"{name} is an output of a {of}. Received: a {kind}")
        raise unknown("output", name, available)


def _checked_pooling(model, pooling):
    own = model.pooling if isinstance(model, ViTClassifier) else None
    if pooling is None:
        return own or "gap"
    if isinstance(encoder_of(model), MapEncoder):
        encoder_of(model).check_pooling(pooling)
    if pooling not in (*POOLINGS, "both"):
        raise unknown("pooling", pooling, (*POOLINGS, "both"))
    if own not in (None, pooling):
        raise InputError(
            f"the classifier was trained with pooling {own!r}, and its features are "
            f"normed as trained. Received: pooling={pooling!r}; leave it out"
        )
    return pooling


def _checked_class_names(model, class_names):
    class_names = class_names or model.class_names
    if class_names is None:
        raise InputError(
            "`classes` needs names, and the classifier holds none: give a file with "
            f"the {model.num_classes} names, one a line (--class_names)"
        )
    if len(class_names) != model.num_classes:
        raise InputError(
            f"expected a name for each of the {model.num_classes} classes. Received: "
            f"{len(class_names)} names"
        )
    return tuple(class_names)


def _needed(model, names):
    """Returns the part of the model that the outputs are made of."""
    heads = set(AUTOENCODER)
    if isinstance(model, ViTClassifier):
        heads = {"features", *CLASSIFIER}
    return model if heads & set(names) else encoder_of(model)


def _in_float32(tensor):
    return tf.cast(tensor, tf.float32) if tensor.dtype.is_floating else tensor
