"""Arithmetic of a pre-training step, counted from shapes."""


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
    encoder, encoded = model.encoder, model.num_encoded
    width = encoder.embed_dim
    forward = 2 * encoded * model.patch_dim * width  # patch embedding
    forward += encoder.depth * block_flops(1 + encoded, width, encoder.mlp_ratio)
    return 3 * (forward + _prediction_flops(model))


def _prediction_flops(model):
    decoder, length = model.decoder, model.num_patches
    width = model.encoder.embed_dim
    if decoder is None:
        return 2 * length * width * model.patch_dim
    narrow = decoder.embed_dim
    flops = 2 * (1 + model.num_encoded) * width * narrow  # into the decoder
    flops += decoder.depth * block_flops(1 + length, narrow, decoder.mlp_ratio)
    return flops + 2 * length * narrow * model.patch_dim  # predicted pixels
