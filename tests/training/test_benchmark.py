import numpy as np
import pytest

import keras_mae
from training import benchmark
from training.flops import step_flops
from training.plain_keras import PlainAutoencoder


@pytest.mark.slow
def test_arithmetic_of_the_papers_base_model():
    model = keras_mae.MaskedAutoencoder.from_preset("mae_vit_base_patch16")
    assert step_flops(model) / 1e9 == pytest.approx(58, abs=0.5)


def test_benchmark_measures_a_share_of_the_ceiling(monkeypatch):
    monkeypatch.setattr(benchmark, "SIDE", 256)
    settings = ["depth=1", "batch_size=4", "steps_per_execution=2"]
    results = benchmark.main(["--recipe", "demo", "--steps", "3", "--set", *settings])
    assert results["steps"] == 3
    assert results["slowest"] <= results["images_per_second"] <= results["fastest"]
    assert results["share_of_ceiling"] > 0


def test_benchmark_measures_stock_keras_layers_beside_ours(monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "SIDE", 256)
    settings = ["--recipe", "demo", "--steps", "1", "--set", "depth=1", "batch_size=4"]
    results = benchmark.main([*settings, "--plain"])
    assert results["plain_keras"]["share_of_ceiling"] > 0
    assert "stock Keras layers" in capsys.readouterr().out


def test_the_plain_autoencoder_is_the_same_function():
    model = keras_mae.MaskedAutoencoder(
        8, 4, 3, embed_dim=8, depth=2, num_heads=2, decoder_embed_dim=8,
        decoder_depth=1, decoder_num_heads=4,
    )  # fmt: skip
    plain = PlainAutoencoder(model)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    _, patches, mask = plain(images)
    masked = model.masking(patches, mask=mask)
    place(plain.encoder, model.encoder)
    place(plain.decoder, model.decoder)
    latent = plain.encoder([masked["visible"], masked["ids_keep"]])
    pred = plain.decoder([latent, masked["ids_restore"]])
    ours = model({"images": images, "mask": mask})
    np.testing.assert_allclose(pred, ours["pred"], atol=1e-5)
    loss = plain.compute_loss(images, None, (pred, patches, mask))
    expected = model.compute_loss(x=images, y_pred=ours)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def place(plain, ours):
    """Copies the trained weights; ours list the token before the first product."""
    token, kernel, bias, *rest = ours.trainable_weights
    sources = [kernel, bias, token, *rest]
    for weight, source in zip(plain.trainable_weights, sources, strict=True):
        weight.assign(source)


def test_stock_layers_are_those_of_a_masked_autoencoder(capsys):
    with pytest.raises(SystemExit, match="2"):
        benchmark.main(["--recipe", "demo", "--plain", "--set", "system=simmim"])
    assert "it needs system=mae; received system=simmim" in capsys.readouterr().err


def test_steps_must_be_positive(capsys):
    with pytest.raises(SystemExit, match="2"):
        benchmark.main(["--steps", "0"])
    assert "--steps must be at least 1" in capsys.readouterr().err
