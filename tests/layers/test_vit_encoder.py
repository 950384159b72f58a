"""The encoder: which patches it embeds, what it freezes, what it refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mae.layers import Patchify, ViTEncoder, pool
from keras_mae.preprocessing import Preprocessing

from ..checks import check_model

TINY = {
    "image_size": (8, 12),
    "patch_size": 4,
    "num_channels": 1,
    "embed_dim": 8,
    "depth": 2,
    "num_heads": 2,
}
IMAGES = np.random.default_rng(0).normal(size=(2, 8, 12, 1)).astype("float32")
IDS_KEEP = np.int32([[5, 0, 2], [1, 2, 3]])


def take(tokens, ids):
    return tf.gather(tokens, ids, batch_dims=1)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"final_norm": False, "train_positions": True, "drop_path_rate": 0.1},
    ],
)
def test_vit_encoder_keeps_the_contract(extra):
    targets = np.random.default_rng(1).normal(size=(2, 7, 8))
    check_model(ViTEncoder, {**TINY, **extra}, IMAGES, (IMAGES, targets), loss="mse")


def test_tokens_start_with_the_class_token():
    encoder = ViTEncoder(**TINY)
    assert encoder(IMAGES).shape == (2, 7, 8)
    embedded = encoder.embed(IMAGES)
    np.testing.assert_allclose(embedded[:, :1], np.tile(encoder.cls_token, (2, 1, 1)))


def test_patches_given_are_embedded_as_in_the_whole_image():
    encoder = ViTEncoder(**TINY)
    encoder.cls_token.assign_add(np.ones((1, 1, 8)))
    patches = take(Patchify(4)(IMAGES), IDS_KEEP)
    embedded = encoder.embed(patches, ids_keep=IDS_KEEP)
    whole = encoder.embed(IMAGES)
    np.testing.assert_allclose(embedded[:, 1:], take(whole[:, 1:], IDS_KEEP), atol=1e-6)
    np.testing.assert_array_equal(embedded[:, :1], whole[:, :1])


def test_all_patches_in_another_order_give_the_same_tokens():
    encoder = ViTEncoder(**TINY)
    ids = np.tile(np.int32([3, 1, 5, 0, 4, 2]), (2, 1))
    tokens = encoder(take(Patchify(4)(IMAGES), ids), ids_keep=ids)
    whole = encoder(IMAGES)
    np.testing.assert_allclose(tokens[:, 1:], take(whole[:, 1:], ids), atol=1e-5)
    np.testing.assert_allclose(tokens[:, 0], whole[:, 0], atol=1e-5)


def test_only_patches_given_are_embedded():
    encoder, lengths = ViTEncoder(**TINY), []
    product = encoder.patch_embed.proj.call
    encoder.patch_embed.proj.call = lambda x: lengths.append(x.shape[1]) or product(x)
    tokens = encoder(take(Patchify(4)(IMAGES), IDS_KEEP), ids_keep=IDS_KEEP)
    assert lengths == [3]
    assert tokens.shape == (2, 4, 8)


def test_padding_changes_no_other_token():
    encoder = ViTEncoder(**TINY)
    patches = take(Patchify(4)(IMAGES), IDS_KEEP)
    padded = encoder(
        patches, ids_keep=IDS_KEEP, attention_mask=np.array([[True, True, False]] * 2)
    )
    shorter = encoder(patches[:, :2], ids_keep=IDS_KEEP[:, :2])
    np.testing.assert_allclose(padded[:, :3], shorter, atol=1e-5)


@pytest.mark.parametrize("train_positions", [False, True])
def test_positions_are_frozen_unless_trained(train_positions):
    encoder = ViTEncoder(**TINY, train_positions=train_positions)
    encoder.trainable = False
    encoder.trainable = True
    trained = [weight.name for weight in encoder.trainable_weights]
    assert ("pos_embed" in trained) == train_positions
    assert "pos_embed" in [weight.name for weight in encoder.weights]


def test_class_token_starts_small_and_normal():
    token = np.array(ViTEncoder(**{**TINY, "embed_dim": 2000, "depth": 0}).cls_token)
    assert token.std() == pytest.approx(0.02, rel=0.1)


def test_stochastic_depth_grows_linearly():
    encoder = ViTEncoder(**{**TINY, "depth": 3}, drop_path_rate=0.2)
    assert [block.drop_path_rate for block in encoder.blocks] == [0, 0.1, 0.2]


def test_stochastic_depth_depends_on_the_seed_alone():
    encoder, seed = ViTEncoder(**TINY, drop_path_rate=0.9), np.int32([1, 2])
    images = np.tile(IMAGES, (8, 1, 1, 1))
    first = encoder(images, training=True, seed=seed)
    np.testing.assert_array_equal(first, encoder(images, training=True, seed=seed))
    other = encoder(images, training=True, seed=seed + 1)
    assert not np.array_equal(first, other)


def test_images_without_a_seed_train_too():
    encoder = ViTEncoder(**TINY, drop_path_rate=0.5)
    assert np.isfinite(encoder(IMAGES, training=True)).all()


def test_final_norm_can_be_left_out():
    names = [layer.name for layer in ViTEncoder(**TINY, final_norm=False).layers]
    assert "norm" not in names


def test_layers_follow_the_models_policy():
    encoder = ViTEncoder(**TINY, dtype="mixed_bfloat16")
    assert {block.mlp.fc1.compute_dtype for block in encoder.blocks} == {"bfloat16"}
    assert {weight.dtype for weight in encoder.weights} == {"float32"}


def test_pool_takes_the_mean_of_the_patches_or_the_class_token():
    tokens = np.float32([[[9, 9], [1, 2], [3, 6]]])
    np.testing.assert_array_equal(pool(tokens, "gap"), [[2, 4]])
    np.testing.assert_array_equal(pool(tokens, "token"), [[9, 9]])
    with pytest.raises(
        ValueError, match=r"\('gap', 'token'\). Received: pooling='max'"
    ):
        pool(tokens, "max")


def test_features_are_pooled_tokens():
    encoder = ViTEncoder(**TINY)
    np.testing.assert_allclose(
        encoder.features(IMAGES, "token"), encoder(IMAGES)[:, 0], atol=1e-6
    )
    assert encoder.features(IMAGES).shape == (2, 8)


def test_preprocessing_of_another_size_is_an_error():
    with pytest.raises(
        ValueError, match=r"\(\(8, 12\), 1\). Received: \(\(12, 8\), 1\)"
    ):
        ViTEncoder(**TINY, preprocessing=Preprocessing((12, 8), 1))


def test_preprocessing_of_other_channels_is_an_error():
    with pytest.raises(ValueError, match=r"Received: \(\(8, 12\), 3\)"):
        ViTEncoder(**TINY, preprocessing=Preprocessing((8, 12), 3))


def test_preprocessing_is_saved_with_the_encoder(tmp_path):
    preprocessing = Preprocessing((8, 12), 1, mean=0.1, std=0.3, crop_ratio=1.0)
    ViTEncoder(**TINY, preprocessing=preprocessing).save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    assert loaded.preprocessing.get_config() == preprocessing.get_config()


def test_image_size_must_be_a_multiple_of_the_patches():
    with pytest.raises(ValueError, match=r"nearest size that fits is \(8, 8\)"):
        ViTEncoder(**{**TINY, "image_size": 9})


@pytest.mark.parametrize("seed", [(1, 2), (-525267773, 0)])
def test_xla_drops_the_same_branches(seed):
    encoder = ViTEncoder(**{**TINY, "depth": 4}, drop_path_rate=0.5)
    images, seed = np.repeat(IMAGES, 8, axis=0), np.int32(seed)
    expected = encoder(images, training=True, seed=seed)
    compiled = tf.function(encoder, jit_compile=True)
    received = compiled(images, training=True, seed=seed)
    np.testing.assert_allclose(received, expected, atol=1e-5)


@pytest.mark.parametrize("size", [(12, 8), (4, 4), (8, 8)])
def test_images_of_another_size_are_refused(size):
    encoder = ViTEncoder(**TINY)
    match = rf"height x width, 8 x 12: .* Received: {size[0]} x {size[1]}"
    with pytest.raises(ValueError, match=match):
        encoder(np.zeros((2, *size, 1), "float32"))
    with pytest.raises(ValueError, match=match):
        encoder.embed(np.zeros((2, *size, 1), "float32"))
