"""How each source spells the names of the weights.

The original's names are the common tongue: a spelling turns one of them into the
names of the tensors that hold it in a file. Queries, keys and values are one tensor
in the original and three in Hugging Face's files.
"""

import dataclasses

from ..program import InputError

_HF_TOKENS = {
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "norm": "layernorm",
}
_HUB_BLOCK = {
    "norm1": ("layernorm_before",),
    "attn.qkv": tuple(
        f"attention.attention.{part}" for part in ("query", "key", "value")
    ),
    "attn.proj": ("attention.output.dense",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("intermediate.dense",),
    "mlp.fc2": ("output.dense",),
}
_MODULE_BLOCK = {
    "norm1": ("layernorm_before",),
    "attn.qkv": tuple(f"attention.{part}_proj" for part in "qkv"),
    "attn.proj": ("attention.o_proj",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.fc2": ("mlp.fc2",),
}


@dataclasses.dataclass(frozen=True)
class Spelling:
    """The names of one source.

    Attributes:
        description: One line.
        encoder, decoder: What stands before the names of each.
        blocks, decoder_blocks: What stands before a block's number.
        block: Names inside a block, by the original's; empty for the original.
        others: Names outside blocks that differ, by the original's.
        ignored: Starts of names of tensors to leave out, and why.
        is_hugging_face: Boolean. Whether a config.json goes with the file.
    """

    description: str
    encoder: str = ""
    decoder: str = ""
    blocks: str = "blocks"
    decoder_blocks: str = "decoder_blocks"
    block: dict = dataclasses.field(default_factory=dict)
    others: dict = dataclasses.field(default_factory=dict)
    ignored: dict = dataclasses.field(default_factory=dict)
    is_hugging_face: bool = False

    def keys(self, name):
        """Returns the names of the tensors that hold the original's `name`."""
        first, _, rest = name.partition(".")
        if first in ("blocks", "decoder_blocks"):
            number, _, rest = rest.partition(".")
            return self._keys_in_block(getattr(self, first), number, rest)
        prefix = self.encoder
        if first.startswith("decoder_") or first == "mask_token":
            prefix = self.decoder
        stem, dot, leaf = name.rpartition(".")
        if first == "head" and "head" in self.others:
            return (f"{self.others['head']}.{leaf}",)
        if name in self.others:
            return (prefix + self.others[name],)
        return (f"{prefix}{self.others.get(stem, stem)}{dot}{leaf}",)

    def _keys_in_block(self, blocks, number, rest):
        stem, _, leaf = rest.rpartition(".")
        stems = self.block.get(stem, (stem,))
        return tuple(f"{blocks}.{number}.{stem}.{leaf}" for stem in stems)


def _hugging_face(description, blocks, block, prefix="vit.", decoder_blocks="layers"):
    return Spelling(
        description,
        encoder=prefix,
        decoder="decoder.",
        blocks=prefix + blocks,
        decoder_blocks=f"decoder.decoder_{decoder_blocks}",
        block=block,
        others={**_HF_TOKENS, "head": "classifier"},
        ignored={f"{prefix}pooler.": "the pooler of ViTModel; no model here has one"},
        is_hugging_face=True,
    )


_HUB = "Hugging Face, the hub's names"
_MODULES = "Hugging Face, the names of transformers 5's modules"
ORIGINAL = Spelling("the names of the authors' code and of timm")
HUB = _hugging_face(_HUB, "encoder.layer", _HUB_BLOCK)
MODULES = _hugging_face(_MODULES, "layers", _MODULE_BLOCK)
SAVED_BY_5 = _hugging_face(
    "Hugging Face, the names that transformers 5 saves",
    "encoder.layer",
    _HUB_BLOCK,
    decoder_blocks="encoder.layer",
)
HUB_ENCODER = _hugging_face(f"{_HUB}, an encoder", "encoder.layer", _HUB_BLOCK, "")
# Without a decoder, what transformers 5 saves has the hub's names.
SPELLINGS = (
    ORIGINAL,
    SAVED_BY_5,
    HUB,
    MODULES,
    HUB_ENCODER,
    _hugging_face(f"{_MODULES}, an encoder", "layers", _MODULE_BLOCK, ""),
)


def find_spelling(tensors, path):
    """Returns the `Spelling` of a file's names.

    Raises:
        ValueError: The names are none that are known.
    """
    for spelling in SPELLINGS:
        marks = ["blocks.0.norm1.weight"]
        if spelling is SAVED_BY_5:
            marks.append("decoder_blocks.0.norm1.weight")
        if all(spelling.keys(mark)[0] in tensors for mark in marks):
            return spelling
    expected = [spelling.keys("blocks.0.norm1.weight")[0] for spelling in SPELLINGS]
    raise InputError(
        f"{path} has no names of a Vision Transformer: expected one of "
        f"{sorted(set(expected))}. Received: {sorted(tensors)[:8]}"
    )
