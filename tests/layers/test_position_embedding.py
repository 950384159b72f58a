"""Positions: which channels say row and column, and what training may change."""

import math

import keras
import numpy as np
import pytest

from keras_mae.layers import PositionEmbedding, sincos_positions

from ..checks import check_layer


def slow_sincos(embed_dim, rows, columns):
    """The positions by the book: [sin | cos] of the column, [sin | cos] of the row."""
    table, quarter = [], embed_dim // 4
    for row in range(rows):
        for column in range(columns):
            line = []
            for place in (column, row):
                for function in (math.sin, math.cos):
                    for i in range(quarter):
                        line.append(function(place / 10000 ** (i / quarter)))
            table.append(line)
    return np.array(table)


def test_position_embedding_keeps_the_contract():
    tokens = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
    config = {"grid_size": (2, 3)}
    check_layer(PositionEmbedding, config, tokens)
    check_layer(PositionEmbedding, {**config, "trainable": False}, tokens)
    check_layer(
        PositionEmbedding,
        config,
        {"tokens": tokens[:, :2], "ids_keep": np.int32([[5, 0], [1, 2]])},
    )


@pytest.mark.parametrize("grid", [(3, 5), (5, 3), (4, 4), (1, 7)])
def test_sincos_equals_the_slow_loop(grid):
    np.testing.assert_allclose(
        sincos_positions(16, grid), slow_sincos(16, *grid), atol=1e-7
    )


def test_first_half_tells_the_column_and_second_half_the_row():
    positions = sincos_positions(8, (2, 3)).reshape(2, 3, 8)
    np.testing.assert_array_equal(positions[0, :, :4], positions[1, :, :4])
    np.testing.assert_array_equal(positions[:, 0, 4:], positions[:, 2, 4:])
    assert not np.array_equal(positions[0, 0, :4], positions[0, 1, :4])


def test_each_half_is_a_block_of_sines_then_of_cosines():
    first = sincos_positions(8, (1, 1))[0]
    np.testing.assert_array_equal(first, [0, 0, 1, 1, 0, 0, 1, 1])


def test_width_must_be_a_multiple_of_four():
    with pytest.raises(ValueError, match="multiple of 4 .* Received: embed_dim=6"):
        sincos_positions(6, (2, 2))


def test_class_token_has_a_row_of_zeros():
    layer = PositionEmbedding((2, 3))
    layer.build((None, None, 8))
    np.testing.assert_array_equal(layer.class_position(), np.zeros((1, 1, 8)))
    np.testing.assert_array_equal(layer.pos_embed[0, 1:], sincos_positions(8, (2, 3)))


def test_kept_tokens_get_the_positions_of_their_patches():
    layer = PositionEmbedding((2, 2))
    ids_keep = np.int32([[3, 1], [0, 2]])
    added = layer(np.zeros((2, 2, 8), "float32"), ids_keep=ids_keep)
    np.testing.assert_array_equal(added, sincos_positions(8, (2, 2))[ids_keep])


def test_frozen_positions_stay_frozen_when_a_model_is_unfrozen():
    layer = PositionEmbedding((2, 2), trainable=False)
    tokens = keras.Input((4, 8))
    model = keras.Model(tokens, layer(tokens))
    model.trainable = True
    assert model.trainable_weights == []
