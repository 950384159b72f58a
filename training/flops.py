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
        model: A `MaskedAutoencoder`.
    """
    encoder, decoder = model.encoder, model.decoder
    length = model.num_patches
    visible = model.masking.num_visible(length)
    width, narrow = encoder.embed_dim, decoder.embed_dim
    forward = 2 * visible * decoder.patch_dim * width  # patch embedding
    forward += encoder.depth * block_flops(1 + visible, width, encoder.mlp_ratio)
    forward += 2 * (1 + visible) * width * narrow  # into the decoder
    forward += decoder.depth * block_flops(1 + length, narrow, decoder.mlp_ratio)
    forward += 2 * length * narrow * decoder.patch_dim  # predicted pixels
    return 3 * forward
