"""The original's layout of each weight and ours: matrices are transposed."""

PATCH_KERNEL = "patch_embed.proj.weight"


def to_keras(name, array):
    """Returns one of the original's arrays in our layout.

    Args:
        name: The original's name of the weight.
        array: `(out, in)` of a dense layer, `(D, C, P, P)` of the patch embedding;
            anything else is the same in both.

    Returns:
        A view or array: `(in, out)`; `(P * P * C, D)`, whose channels vary fastest.
    """
    if name == PATCH_KERNEL:
        return array.transpose(2, 3, 1, 0).reshape(-1, len(array))
    return array.T if name.endswith(".weight") else array


def to_original(name, value, patch_size):
    """Returns the value of one of our variables in the original's layout.

    The inverse of `to_keras`, which the shape alone does not tell: the patch
    embedding needs the patch's side, in pixels.
    """
    if name == PATCH_KERNEL:
        kernel = value.reshape(patch_size, patch_size, -1, value.shape[-1])
        return kernel.transpose(3, 2, 0, 1)
    return value.T if name.endswith(".weight") else value
