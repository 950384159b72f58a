"""What Hugging Face's folders say beside the tensors, to write and to read."""

from ..models import MaskedAutoencoder, ViTClassifier
from ..program import InputError
from .class_names import labels_of
from .spellings import HUB, HUB_ENCODER

_NEUTRAL = {  # what transformers' configurations have and no model here
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.0,
    "initializer_range": 0.02,
    "qkv_bias": True,
}
_RESAMPLE = {"bilinear": 2, "bicubic": 3}  # Pillow's numbers


def spelling_of(model):
    """Returns the `Spelling` that goes with `make_config`."""
    return HUB if hasattr(model, "encoder") else HUB_ENCODER


def make_config(model):
    """Returns the `config.json` of a model as a dictionary.

    Of a `MaskedAutoencoder` it is transformers' `ViTMAEForPreTraining`, of a
    classifier of the class token `ViTForImageClassification`, of an encoder
    `ViTModel` (without its pooler: `add_pooling_layer=False`).

    Raises:
        ValueError: transformers has no such model.
    """
    encoder = getattr(model, "encoder", model)
    _check(encoder)
    config = {
        **_NEUTRAL,
        "dtype": encoder.cls_token.dtype,
        "image_size": encoder.image_size[0],
        "layer_norm_eps": encoder.layer_norm_eps,
        "num_channels": encoder.num_channels,
        "patch_size": encoder.patch_size,
        **_sizes(encoder),
    }
    if isinstance(model, MaskedAutoencoder):
        return {**config, **_pretraining(model)}
    config["model_type"] = "vit"
    if isinstance(model, ViTClassifier):
        return {**config, **_classification(model)}
    return {**config, "architectures": ["ViTModel"]}


def make_processor(preprocessing):
    """Returns the `preprocessor_config.json` of a `Preprocessing` as a dictionary.

    The shorter side is resized to a whole number of pixels and the centre cut out;
    where `crop_ratio` asks for a fraction of a pixel, it is rounded. Pictures that
    have the size already are resized too, and all values are rounded to bytes.
    """
    side = preprocessing.image_size[0]
    return {
        "image_processor_type": "BitImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": round(side / preprocessing.crop_ratio)},
        "resample": _RESAMPLE[preprocessing.interpolation],
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(preprocessing.mean),
        "image_std": list(preprocessing.std),
        "do_convert_rgb": preprocessing.num_channels == 3,
    }


def preprocessing_of(processor):
    """Returns what a `preprocessor_config.json` tells of a `Preprocessing`.

    Args:
        processor: Dictionary of the file.

    Returns:
        Dictionary of arguments, not checked.
    """
    told = {"mean": processor.get("image_mean"), "std": processor.get("image_std")}
    names = {number: name for name, number in _RESAMPLE.items()}
    told["interpolation"] = names.get(processor.get("resample"))
    size, crop = processor.get("size"), processor.get("crop_size")
    if isinstance(size, dict) and isinstance(crop, dict):
        shortest, height = size.get("shortest_edge"), crop.get("height")
        if all(type(side) is int and side > 0 for side in (shortest, height)):
            told["crop_ratio"] = min(height / shortest, 1.0)
    return told


def _check(encoder):
    height, width = encoder.image_size
    if height != width:
        raise InputError(
            "transformers' models take square images. Received: "
            f"image_size={(height, width)}; write a .safetensors file instead"
        )
    if not encoder.final_norm:
        raise InputError(
            "transformers' models end in the encoder's norm, which a model of the "
            "patches' mean (pooling 'gap') lacks; write a .safetensors file instead"
        )


def _pretraining(model):
    decoder = model.decoder
    return {
        **_sizes(decoder, "decoder_"),
        "architectures": ["ViTMAEForPreTraining"],
        "mask_ratio": model.mask_ratio,
        "model_type": "vit_mae",
        "norm_pix_loss": model.norm_pix_loss,
    }


def _classification(model):
    names = labels_of(model.class_names, model.num_classes)
    return {
        "architectures": ["ViTForImageClassification"],
        "id2label": names,
        "label2id": {name: i for i, name in names.items()},
    }


def _sizes(part, prefix=""):
    return {
        f"{prefix}hidden_size": part.embed_dim,
        f"{prefix}intermediate_size": int(part.embed_dim * part.mlp_ratio),
        f"{prefix}num_attention_heads": part.num_heads,
        f"{prefix}num_hidden_layers": part.depth,
    }
