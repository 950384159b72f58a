"""BERT-style masking: mask tokens go through the encoder, with the whole sequence."""

import keras

from ..from_preset import from_preset
from ..layers import Dense2D, FullSequenceDecoder, PatchCorruption, UnitSampler
from ..losses import masked_mean_absolute_error, masked_mean_squared_error
from ..positive import check_positive
from ..program import unknown
from .masked_autoencoder import DECODER_NAMES
from .patch_autoencoder import PatchAutoencoder, as_inputs
from .step_seed import CORRUPTION, step_seed

PREDICTION_HEADS = ("decoder", "linear")
PIXEL_LOSSES = {"l2": masked_mean_squared_error, "l1": masked_mean_absolute_error}

# Arguments of SimMIM (Xie et al., 2021, 4.1): units of 32 px at a patch of 16.
SIMMIM = {
    "mask_ratio": 0.6,
    "mask_sampler": UnitSampler("random", unit=2),
    "prediction_head": "linear",
    "pixel_loss": "l1",
    "norm_pix_loss": False,
}
# Arguments of ViT's own experiment (Dosovitskiy et al., 2020, B.1.2), with the third
# of the targets that it tried: all pixels of a patch, under L2.
BERT = {
    "mask_ratio": 0.5,
    "prediction_head": "linear",
    "corruption": (0.8, 0.1, 0.1),
    "norm_pix_loss": False,
}


@keras.saving.register_keras_serializable(package="keras_mae")
class MaskTokenAutoencoder(PatchAutoencoder):
    """Replaces hidden patches by a mask token and encodes all patches.

    The masked autoencoder's rival, of the same parts: masks, objective, encoder and,
    with `prediction_head="decoder"`, decoder differ in nothing but that the mask token
    stands before the encoder, which therefore sees every place. The token takes the
    place of a patch's embedding, before positions are added. Trained, reconstructed
    from, saved and exported as a `MaskedAutoencoder`.

    `SIMMIM` and `BERT` of this module are the arguments of two published systems:
    `MaskTokenAutoencoder.from_preset("mae_vit_base_patch16", **SIMMIM)`. The encoder
    is MAE's in all cases; SimMIM's had a shared relative position bias instead of
    absolute positions.

    Args:
        image_size, patch_size, num_channels: As of `MaskedAutoencoder`.
        embed_dim, depth, num_heads, mlp_ratio, layer_norm_eps: The encoder.
        decoder_embed_dim, decoder_depth, decoder_num_heads: The decoder, if any.
        mask_ratio: Float in `[0, 1)`. Fraction of patches to hide.
        mask_sampler: A `MaskSampler` or its name; a `UnitSampler` hides squares of
            several patches.
        prediction_head: `"decoder"`, MAE's, or `"linear"`, SimMIM's one layer from the
            encoder's tokens to pixels.
        pixel_loss: `"l2"`, mean squared error, or `"l1"`, mean absolute error.
        corruption: Three floats, see `PatchCorruption`: shares of hidden patches that
            get the mask token, another patch of the image, or stay as they are. Outside
            training all get the token, so that nothing hidden is seen.
        norm_pix_loss: Boolean. Whether targets are normalised patch by patch.
        seed: Integer. Masks are those of a `MaskedAutoencoder` of this seed.
        preprocessing: A `Preprocessing` or `None` for the default one.

    Call arguments:
        inputs: As of `MaskedAutoencoder`.
        training: Boolean. Whether masks follow the step, `corruption` is drawn, and a
            decoder predicts hidden patches alone (`pred` is 0 elsewhere).

    Returns:
        A dictionary of `pred`, `(batch, num_patches, patch_size * patch_size *
        channels)`, and `mask`, float32 `(batch, num_patches)`, 1 = hidden.

    Raises:
        ValueError: Sizes that do not fit each other, a ratio or shares out of range,
            or an unknown head or loss.

    Reference: [He et al., 2022](https://arxiv.org/abs/2111.06377), table 1c;
        [Xie et al., 2021](https://arxiv.org/abs/2111.09886);
        [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), B.1.2.
    """

    def __init__(
        self,
        image_size=224,
        patch_size=16,
        num_channels=3,
        embed_dim=768,
        depth=12,
        num_heads=12,
        decoder_embed_dim=512,
        decoder_depth=8,
        decoder_num_heads=16,
        mlp_ratio=4.0,
        layer_norm_eps=1e-6,
        mask_ratio=0.75,
        mask_sampler="random",
        prediction_head="decoder",
        pixel_loss="l2",
        corruption=(1.0, 0.0, 0.0),
        norm_pix_loss=False,
        seed=0,
        preprocessing=None,
        name="mask_token_autoencoder",
        **kwargs,
    ):
        _check_names(prediction_head, pixel_loss)
        check_positive(
            decoder_embed_dim=decoder_embed_dim, decoder_num_heads=decoder_num_heads
        )
        encoder = {
            "image_size": image_size,
            "patch_size": patch_size,
            "num_channels": num_channels,
            "embed_dim": embed_dim,
            "depth": depth,
            "num_heads": num_heads,
            "mlp_ratio": mlp_ratio,
            "layer_norm_eps": layer_norm_eps,
            "preprocessing": preprocessing,
        }
        objective = (mask_ratio, mask_sampler, norm_pix_loss, seed)
        super().__init__(encoder, *objective, name=name, **kwargs)
        self.decoder_embed_dim = decoder_embed_dim
        self.decoder_depth = decoder_depth
        self.decoder_num_heads = decoder_num_heads
        self.prediction_head = prediction_head
        self.pixel_loss = pixel_loss
        policy = self.dtype_policy
        self.patch_corruption = PatchCorruption(
            corruption, dtype=policy, name="patch_corruption"
        )
        self.decoder = self.decoder_pred = None
        if prediction_head == "linear":
            self.decoder_pred = Dense2D(
                self.patch_dim, dtype=policy, name="decoder_pred"
            )
        else:
            self.decoder = FullSequenceDecoder(
                self.encoder.grid_size,
                self.patch_dim,
                decoder_embed_dim,
                decoder_depth,
                decoder_num_heads,
                mlp_ratio,
                layer_norm_eps,
                dtype=policy,
                name="decoder",
            )
        self.build((None, *self.encoder.image_size, num_channels))

    @classmethod
    def from_preset(cls, preset, **overrides):
        """Builds a preset's model with random weights.

        Args:
            preset: String, see `keras_mae.list_presets()`: those of MAE.
            **overrides: Constructor arguments.

        Raises:
            ValueError: The preset is unknown, and the error names the near ones.
        """
        return from_preset(cls, preset, None, overrides)

    def build(self, input_shape):
        if not self.built:
            tokens = (None, None, self.encoder.embed_dim)
            self.patch_corruption.build(tokens)
            (self.decoder or self.decoder_pred).build(tokens)
            self.built = True

    def call(self, inputs, training=False):
        inputs = as_inputs(inputs)
        masked = self.hide(inputs, training)
        seed = None
        if training and self.patch_corruption.is_random:
            seed = step_seed(self, CORRUPTION, training)

        def corrupt(tokens):
            return self.patch_corruption(tokens, masked["mask"], seed=seed)

        tokens = self.encoder.embed(inputs["images"], corrupt=corrupt)
        latent = self.encoder.transform(tokens, training=training)
        return {"pred": self._predict(latent, masked, training), "mask": masked["mask"]}

    def masked_error(self, targets, pred, mask, sample_weight=None):
        """The objective: the error that `pixel_loss` names."""
        return PIXEL_LOSSES[self.pixel_loss](targets, pred, mask, sample_weight)

    def get_config(self):
        names = (*DECODER_NAMES, "prediction_head", "pixel_loss")
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "corruption": self.patch_corruption.corruption,
        }

    def _predict(self, latent, masked, training):
        if self.decoder is None:
            return self.decoder_pred(latent[:, 1:])
        num_visible = masked["visible"].shape[1]
        num_hidden = self.num_patches - num_visible if training else None
        return self.decoder(latent, masked["ids_restore"], num_hidden=num_hidden)


def _check_names(prediction_head, pixel_loss):
    if prediction_head not in PREDICTION_HEADS:
        raise unknown("prediction_head", prediction_head, PREDICTION_HEADS)
    if pixel_loss not in PIXEL_LOSSES:
        raise unknown("pixel_loss", pixel_loss, PIXEL_LOSSES)
