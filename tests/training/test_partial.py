import pytest

from keras_mae import ViTClassifier
from keras_mae.program import InputError
from keras_mae.weights.rows import named_variables
from training.partial import train_last_blocks


def trained_stems(encoder, trainable_blocks, pooling="gap"):
    """The layers that are trained, by the original's names."""
    model = ViTClassifier.from_encoder(encoder(), 3, pooling)
    train_last_blocks(model, trainable_blocks)
    names = [n for n, v in named_variables(model).items() if v.trainable]
    trained = {id(variable) for variable in model.trainable_variables}
    assert trained == {id(named_variables(model)[name]) for name in names}
    return {name.rpartition(".")[0] or name for name in names}


HEAD = {"fc_norm", "head"}
MLP_1 = {"blocks.1.norm2", "blocks.1.mlp.fc1", "blocks.1.mlp.fc2"}
BLOCK_1 = MLP_1 | {"blocks.1.norm1", "blocks.1.attn.qkv", "blocks.1.attn.proj"}
MLP_0 = {name.replace("1", "0", 1) for name in MLP_1}
BLOCK_0 = {name.replace("1", "0", 1) for name in BLOCK_1}
EMBEDDINGS = {"cls_token", "pos_embed", "patch_embed.proj"}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ("0", HEAD),
        ("0.5", HEAD | MLP_1),
        ("1", HEAD | BLOCK_1),
        ("1.5", HEAD | BLOCK_1 | MLP_0),
        ("2", HEAD | BLOCK_1 | BLOCK_0),
        ("all", HEAD | BLOCK_1 | BLOCK_0 | EMBEDDINGS),
    ],
)
def test_the_last_blocks_are_trained_and_half_a_block_is_its_mlp(
    encoder, blocks, expected
):
    assert trained_stems(encoder, blocks) == expected


def test_the_final_norm_is_trained_with_the_head(encoder):
    assert trained_stems(encoder, "0", "token") == {"norm", "head"}


@pytest.mark.parametrize("blocks", ["3", "-1", "0.3", "some", "nan"])
def test_blocks_that_there_are_not_are_errors(encoder, blocks):
    with pytest.raises(InputError, match=f"a number of blocks, 0 to 2.*'{blocks}'"):
        trained_stems(encoder, blocks)
