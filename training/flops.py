"""Arithmetic of models and their training steps, counted from shapes."""

import math


def block_flops(num_tokens, dim, mlp_ratio=4.0):
    """Returns the operations of one Transformer block for one image, forward.

    Products for q, k, v and the output, the MLP, and the two products of attention;
    a multiplication and an addition count as two.
    """
    dense = (8 + 4 * mlp_ratio) * num_tokens * dim**2
    attention = 4 * num_tokens**2 * dim
    return dense + attention


def step_flops(model):
    """Returns the operations of one image's pre-training step: forward and backward.

    Backward costs twice forward: one product for the inputs' gradient and one for
    the weights'.

    Args:
        model: A `MaskedAutoencoder` or `MaskTokenAutoencoder`.
    """
    forward = encoder_flops(model.encoder, model.num_encoded)
    return 3 * (forward + _prediction_flops(model))


def classifier_flops(model):
    """Returns the operations of one image's step of a `ViTClassifier`."""
    head = 2 * model.encoder.embed_dim * model.num_classes
    return 3 * (encoder_flops(model.encoder) + head)


def encoder_flops(encoder, num_patches=None):
    """Returns the operations of a `ViTEncoder` for one image, forward.

    Args:
        encoder: A `ViTEncoder`.
        num_patches: Integer, how many it encodes; `None` for all.
    """
    width = encoder.embed_dim
    if num_patches is None:
        num_patches = math.prod(encoder.grid_size)
    embedding = 2 * num_patches * encoder.patch_size**2 * encoder.num_channels * width
    block = block_flops(1 + num_patches, width, encoder.mlp_ratio)
    return embedding + encoder.depth * block


def _prediction_flops(model):
    decoder, length = model.decoder, model.num_patches
    width = model.encoder.embed_dim
    if decoder is None:
        return 2 * length * width * model.patch_dim
    narrow = decoder.embed_dim
    flops = 2 * (1 + model.num_encoded) * width * narrow  # into the decoder
    flops += decoder.depth * block_flops(1 + length, narrow, decoder.mlp_ratio)
    return flops + 2 * length * narrow * model.patch_dim  # predicted pixels
