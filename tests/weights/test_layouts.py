import numpy as np
import pytest

from keras_mae.weights.layouts import to_keras, to_original


def test_channels_of_a_patch_vary_fastest():
    kernel = np.arange(2 * 3 * 4).reshape(2, 3, 2, 2)  # D, C, P, P
    ours = to_keras("patch_embed.proj.weight", kernel)
    np.testing.assert_array_equal(ours[:, 0], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("patch_embed.proj.weight", (5, 3, 2, 2)),
        ("blocks.0.attn.qkv.weight", (6, 2)),
        ("norm.weight", (4,)),
        ("norm.bias", (4,)),
        ("pos_embed", (1, 3, 4)),
    ],
)
def test_each_layout_is_the_others_inverse(name, shape):
    array = np.arange(np.prod(shape)).reshape(shape)
    ours = to_keras(name, array)
    np.testing.assert_array_equal(to_original(name, ours, patch_size=2), array)
