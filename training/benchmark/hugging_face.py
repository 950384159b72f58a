"""Peers of Hugging Face: their configurations, and how they are started."""

from pathlib import Path

from keras_mae.program import InputError

from .processes import Contestant

# Name of a library: file of its contestants, and what to do where it is missing.
LIBRARIES = {
    "hf_torch": (
        "hf_torch.py",
        "pip install 'keras-mae[peers]', or name an interpreter that has torch and "
        "transformers: --peers_python hf_torch=PATH",
    ),
    "hf_tf": (
        "hf_tensorflow.py",
        "name an interpreter that has TensorFlow, tf-keras and transformers<5: "
        "--peers_python hf_tf=PATH",
    ),
}


def hugging_face(name, function, request, cores, pythons, library="hf_torch"):
    """Returns a `Contestant`.

    Args:
        name: What tables call it.
        function: Name of a function in the library's file.
        request: Dictionary of its arguments.
        cores: Integer.
        pythons: Dictionary of interpreters by library.
        library: A key of `LIBRARIES`.
    """
    file, needs = LIBRARIES[library]
    function = f"{Path(__file__).with_name(file)}:{function}"
    return Contestant(name, function, request, cores, pythons.get(library), needs)


def vit_config(sizes):
    """Returns the arguments of Hugging Face's `ViTConfig`.

    Args:
        sizes: Dictionary of an encoder's sizes, as `models.py` describes it.

    Raises:
        InputError: Images that are not square.
    """
    height, width = sizes["image_size"]
    if height != width:
        raise InputError(
            "Hugging Face's models take square images alone; received "
            f"{height} x {width}"
        )
    return {
        "image_size": height,
        "patch_size": sizes["patch_size"],
        "num_channels": sizes["num_channels"],
        "hidden_size": sizes["embed_dim"],
        "num_hidden_layers": sizes["depth"],
        "num_attention_heads": sizes["num_heads"],
        "intermediate_size": int(sizes["mlp_ratio"] * sizes["embed_dim"]),
    }


def mae_config(sizes):
    """Returns the arguments of Hugging Face's `ViTMAEConfig`; see `vit_config`."""
    narrow = sizes["decoder_embed_dim"]
    return {
        **vit_config(sizes),
        "decoder_hidden_size": narrow,
        "decoder_num_hidden_layers": sizes["decoder_depth"],
        "decoder_num_attention_heads": sizes["decoder_num_heads"],
        "decoder_intermediate_size": int(sizes["mlp_ratio"] * narrow),
        "mask_ratio": sizes["mask_ratio"],
        "norm_pix_loss": sizes["norm_pix_loss"],
    }
