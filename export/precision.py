"""A copy of a model that multiplies matrices in bfloat16 and keeps float32 at its ends.

Kernels are stored in bfloat16: casting them at each request would take longer than
the products save. Patch embedding, pixel predictions and the head of a classifier stay
float32, as do the weights of layer normalisations, which compute in float32 inside.
"""

from keras.dtype_policies import DTypePolicy, DTypePolicyMap

from .encoder import copy

PRECISIONS = ("float32", "bfloat16")
PRODUCTS = ".*/(qkv|attn/proj|fc1|fc2|decoder_embed)"
ENDS = ".*/(patch_embed|patch_embed/proj|decoder_pred)"


def in_bfloat16(model):
    """Returns the copy; where it is not cast, what it returns is bfloat16.

    Args:
        model: `ViTEncoder`, `ViTClassifier` or `MaskedAutoencoder`.
    """
    policies = DTypePolicyMap(default_policy=DTypePolicy("mixed_bfloat16"))
    policies[PRODUCTS] = DTypePolicy("bfloat16")
    policies[ENDS] = DTypePolicy("float32")
    return copy(model, dtype=policies)
