import keras
import pytest
import tensorflow as tf

import keras_mae
from training.flops import step_flops
from training.study.graph_flops import graph_flops


def test_a_product_costs_twice_rows_times_columns_times_what_is_summed():
    product = tf.function(lambda a, b: tf.matmul(a, b, transpose_a=True))
    counts = graph_flops(product, tf.TensorSpec((5, 3)), tf.TensorSpec((5, 4)))
    assert counts == {"MatMul": 2 * 3 * 4 * 5}


def test_products_in_a_batch_count_each():
    product = tf.function(tf.matmul)
    counts = graph_flops(product, tf.TensorSpec((2, 7, 3, 5)), tf.TensorSpec((5, 4)))
    assert sum(counts.values()) == 2 * 14 * 3 * 4 * 5


def test_products_with_a_vector_are_left_out():
    product = tf.function(tf.matmul)
    counts = graph_flops(product, tf.TensorSpec((5, 3)), tf.TensorSpec((3, 1)))
    assert sum(counts.values()) == 0


def test_a_convolution_and_its_gradients_cost_the_same():
    layer = keras.layers.Conv2D(5, 3, 2, padding="same")
    layer.build((2, 8, 8, 3))

    @tf.function
    def gradients(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(layer(images) ** 2)
        return tape.gradient(loss, [images, layer.kernel.value])

    counts = graph_flops(gradients, tf.TensorSpec((2, 8, 8, 3)))
    cost = 2 * (2 * 4 * 4 * 5) * (3 * 3 * 3)
    assert counts == {
        "Conv2D": cost,
        "Conv2DBackpropInput": cost,
        "Conv2DBackpropFilter": cost,
    }


def test_products_inside_functions_and_branches_count():
    inner = tf.function(lambda a: tf.matmul(a, a))

    @tf.function
    def outer(a):
        a = tf.cond(a[0, 0] > 0, lambda: tf.matmul(a, a) @ a, lambda: a)
        return inner(a)

    counts = graph_flops(outer, tf.TensorSpec((4, 4)))
    assert counts == {"MatMul": 3 * 2 * 4**3}


def test_unknown_shapes_are_refused():
    product = tf.function(tf.matmul)
    with pytest.raises(ValueError, match="is not known before it runs"):
        graph_flops(product, tf.TensorSpec((None, 3)), tf.TensorSpec((3, 4)))


def test_a_training_step_costs_about_what_its_shapes_say():
    model = keras_mae.MaskedAutoencoder(
        32, 8, 3, 64, 2, 2, decoder_embed_dim=32, decoder_depth=1, decoder_num_heads=2
    )
    model.compile(keras.optimizers.SGD())
    step = tf.function(lambda images: model.train_step(images))
    counts = graph_flops(step, tf.TensorSpec((4, 32, 32, 3)))
    # No gradient for pixels, and the last block asks for hidden patches alone.
    assert 0.8 < sum(counts.values()) / 4 / step_flops(model) < 1
