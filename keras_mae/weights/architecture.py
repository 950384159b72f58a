"""The architecture that the shapes of a file's tensors tell."""

import dataclasses
import math

from ..presets import PRESETS
from ..program import InputError
from ..published import describe_content
from .spellings import find_spelling


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What a file's names and shapes tell; heads are not among it.

    Attributes:
        spelling: The `Spelling` of the names.
        config: Dictionary of `patch_size`, `num_channels`, `embed_dim`, `depth`,
            `mlp_ratio`, and `decoder_embed_dim` and `decoder_depth` if any.
        num_patches: Integer. Number of positions.
        num_classes: Integer, or `None` without a classifier.
        has_norm: Boolean. Whether the encoder ends in a norm.
    """

    spelling: object
    config: dict
    num_patches: int
    num_classes: int | None
    has_norm: bool

    @property
    def has_decoder(self):
        """Whether the file holds the decoder too."""
        return "decoder_depth" in self.config

    @property
    def pooling(self):
        """`"token"` behind the encoder's norm, `"gap"` behind `fc_norm`."""
        return "token" if self.has_norm else "gap"

    @property
    def content(self):
        """One line: what is in the file."""
        return describe_content(self)


def find_architecture(tensors, path):
    """Infers the `Architecture` of a file's tensors.

    Raises:
        ValueError: The names are unknown, or the shapes do not fit each other.
    """
    shapes = _Shapes(tensors, find_spelling(tensors, path), path)
    embed_dim, num_channels, *patch = shapes.of("patch_embed.proj.weight", 4)
    if patch[0] != patch[1]:
        raise InputError(f"{path}: patches must be square. Received: {patch}")
    config = {"patch_size": patch[0], "num_channels": num_channels}
    config["embed_dim"] = embed_dim
    config["depth"], hidden = _blocks("blocks", embed_dim, shapes)
    config["mlp_ratio"] = _ratio(hidden, embed_dim)
    if shapes.has("decoder_embed.weight"):
        config.update(_decoder(config, shapes))
    num_classes = None
    if shapes.has("head.weight"):
        num_classes, _ = shapes.of("head.weight", 2, (None, embed_dim))
    num_patches = _positions("pos_embed", embed_dim, shapes)
    has_norm = shapes.has("norm.weight")
    return Architecture(shapes.spelling, config, num_patches, num_classes, has_norm)


class _Shapes:
    """Shapes of a file's tensors by the original's names."""

    def __init__(self, tensors, spelling, path):
        self.tensors, self.spelling, self.path = tensors, spelling, path

    def has(self, name):
        return self.spelling.keys(name)[0] in self.tensors

    def of(self, name, axes, expected=None):
        """Returns a shape; queries, keys and values are counted together.

        A model is built after these shapes, so that a file of a few bytes must not
        claim a width that its matrices do not have. `None` in `expected` is free.
        """
        keys = self.spelling.keys(name)
        shapes = [self.tensors[key].shape for key in keys if key in self.tensors]
        if len(shapes) != len(keys):
            raise InputError(f"{self.path} lacks a tensor that is needed: {keys}")
        expected = expected or (None,) * axes
        first = shapes[0]
        if len(set(shapes)) == 1 and len(first) == axes and 0 not in first:
            shape = (len(keys) * first[0], *first[1:])
            pairs = zip(shape, expected, strict=True)
            if all(wanted in (None, size) for size, wanted in pairs):
                return shape
        raise InputError(
            f"{self.path}: {name} must have the shape {expected} (None: 1 or more). "
            f"Received: {', '.join(map(str, shapes))}"
        )


def _blocks(blocks, dim, shapes):
    """Returns number and MLP width of blocks, all of them checked."""
    if not shapes.has(f"{blocks}.0.norm1.weight"):
        raise InputError(f"{shapes.path} has no {blocks}, but what goes with them")
    depth, (hidden, _) = 0, shapes.of(f"{blocks}.0.mlp.fc1.weight", 2, (None, dim))
    while shapes.has(f"{blocks}.{depth}.norm1.weight"):
        shapes.of(f"{blocks}.{depth}.attn.qkv.weight", 2, (3 * dim, dim))
        shapes.of(f"{blocks}.{depth}.mlp.fc1.weight", 2, (hidden, dim))
        depth += 1
    return depth, hidden


def _decoder(config, shapes):
    dim, _ = shapes.of("decoder_embed.weight", 2, (None, config["embed_dim"]))
    depth, hidden = _blocks("decoder_blocks", dim, shapes)
    patch_dim = config["patch_size"] ** 2 * config["num_channels"]
    shapes.of("decoder_pred.weight", 2, (patch_dim, dim))
    _positions("decoder_pos_embed", dim, shapes)
    pairs = [(config["embed_dim"], config["mlp_ratio"]), (dim, _ratio(hidden, dim))]
    ratio = max(own for _, own in pairs)  # the smaller one lost more to rounding
    if any(int(width * ratio) != int(width * own) for width, own in pairs):
        raise InputError(
            f"{shapes.path}: encoder and decoder must have one mlp_ratio. Received: "
            f"{pairs[0][1]} and {pairs[1][1]}"
        )
    return {"decoder_embed_dim": dim, "decoder_depth": depth, "mlp_ratio": ratio}


def _positions(name, dim, shapes):
    """Returns the number of patches that have a position."""
    _, positions, _ = shapes.of(name, 3, (1, None, dim))
    if positions < 2:
        raise InputError(f"{shapes.path}: {name} must hold a class token and patches")
    return positions - 1


def _ratio(hidden, dim):
    ratio = hidden / dim
    # Layers take int(dim * ratio), which must not lose a unit to rounding.
    return ratio if int(dim * ratio) == hidden else math.nextafter(ratio, math.inf)


def preset_heads(embed_dim, prefix=""):
    """Returns the number of heads of the presets of a width, or `None`.

    Args:
        embed_dim: Integer. Width of the tokens.
        prefix: `""` or `"decoder_"`.
    """
    heads = {
        preset.config[f"{prefix}embed_dim"]: preset.config[f"{prefix}num_heads"]
        for preset in PRESETS.values()
    }
    return heads.get(embed_dim)
