import numpy as np

from keras_mae.layers import ChannelwiseDense

from ..checks import check_layer


def maps(height, width, channels):
    normal = np.random.default_rng(0).normal
    return normal(size=(2, height, width, channels)).astype("float32")


def test_channelwise_dense_is_a_keras_layer():
    check_layer(ChannelwiseDense, {}, maps(2, 3, 4))


def test_there_are_m_n_to_the_4_weights():
    layer = ChannelwiseDense()
    layer.build((None, 6, 6, 256))
    assert layer.count_params() == 256 * 6**4 == 331_776


def test_each_map_depends_on_itself_alone():
    layer, before = ChannelwiseDense(), maps(3, 2, 4)
    after = before.copy()
    after[..., 1] += 1.0
    moved = np.any(np.array(layer(after)) != np.array(layer(before)), axis=(0, 1, 2))
    np.testing.assert_array_equal(moved, [False, True, False, False])


def test_every_place_reaches_every_other():
    layer = ChannelwiseDense()
    corner = np.zeros((1, 3, 3, 1), "float32")
    corner[0, 0, 0] = 1.0
    assert np.all(np.array(layer(corner)) != 0)


def test_a_kernel_moves_values_as_it_says():
    layer = ChannelwiseDense()
    layer.build((None, 1, 3, 2))
    forward, backward = np.eye(3)[[1, 2, 0]], np.eye(3)[[2, 0, 1]]
    layer.kernel.assign(np.stack([forward, backward]))  # from a row to a column
    moved = layer(np.float32([[[[1, 4], [2, 5], [3, 6]]]]))
    np.testing.assert_array_equal(moved, [[[[3, 5], [1, 6], [2, 4]]]])
