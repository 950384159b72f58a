"""Peers are asked for the same work as ours."""

import pytest

from keras_mae.program import InputError
from training.benchmark.hugging_face import mae_config, vit_config
from training.benchmark.peers import check_peers, training_peers
from training.config import PretrainConfig

SIZES = {
    "image_size": [8, 8],
    "patch_size": 4,
    "num_channels": 3,
    "embed_dim": 16,
    "depth": 2,
    "num_heads": 4,
    "mlp_ratio": 4.0,
    "decoder_embed_dim": 8,
    "decoder_depth": 1,
    "decoder_num_heads": 2,
    "mask_ratio": 0.5,
    "norm_pix_loss": True,
}
THEIRS = {"batch_size": 4, "precision": "mixed_bfloat16", "remat": True}
CONFIG = {**THEIRS, "system": "mae"}


def test_hugging_face_has_names_of_its_own():
    config = mae_config(SIZES)
    assert config["intermediate_size"] == 64
    assert config["decoder_intermediate_size"] == 32
    assert (config["hidden_size"], config["decoder_hidden_size"]) == (16, 8)
    assert (config["num_hidden_layers"], config["decoder_num_hidden_layers"]) == (2, 1)
    assert (config["mask_ratio"], config["norm_pix_loss"]) == (0.5, True)
    assert vit_config(SIZES).items() < config.items()


def test_images_must_be_square_for_hugging_face():
    with pytest.raises(InputError, match="square images alone; received 8 x 12"):
        vit_config({**SIZES, "image_size": [8, 12]})


def test_torch_is_asked_for_the_same_work():
    pythons = {"hf_torch": "/its/python"}
    (peer,) = training_peers("finetune", ["hf_torch"], SIZES, CONFIG, 2, pythons)
    assert peer.function.endswith("hf_torch.py:finetune")
    assert (peer.cores, peer.python) == (2, "/its/python")
    assert peer.request == {
        "config": vit_config(SIZES),
        "num_classes": 1000,
        **THEIRS,
    }


def test_every_library_has_a_file_of_its_own():
    names = ["hf_tf", "hf_torch"]
    first, second = training_peers("pretrain", names, SIZES, CONFIG, 1)
    assert first.function.endswith("hf_tensorflow.py:pretrain")
    assert second.function.endswith("hf_torch.py:pretrain")
    assert first.python is None
    assert "transformers<5" in first.needs


def test_twins_have_the_same_configuration():
    names = ["plain", "mask_token"]
    plain, tokens = training_peers("pretrain", names, SIZES, CONFIG, 1)
    assert plain.request == {"config": CONFIG, "plain": True}
    assert tokens.request == {"config": {**CONFIG, "system": "mask_token"}}


def test_peers_that_keep_all_for_their_gradients_are_not_measured_beside_remat():
    config = PretrainConfig(remat=True)
    check_peers("pretrain", ["hf_torch", "mask_token"], config)
    with pytest.raises(InputError, match="plain cannot compute blocks once more"):
        check_peers("pretrain", ["hf_torch", "plain"], config)
