"""The peers of each task: who does the same work, and how each is started."""

from keras_mae.program import InputError, unknown

from .hugging_face import hugging_face, mae_config, vit_config
from .processes import Contestant

MODELS = f"{__package__}.models"
NUM_CLASSES = 1000  # of fine-tuning: the head costs next to nothing
WITHOUT_REMAT = ("plain", "hf_tf")


def training_peers(task, names, sizes, config, cores, pythons=None):
    """Returns the `Contestant`s of training steps.

    Args:
        task: `"pretrain"` or `"finetune"`.
        names: Names of peers, see `PEERS`.
        sizes: Dictionary of the model's sizes, as `models.py` describes it.
        config: Dictionary of the task's configuration.
        cores: Integer.
        pythons: Dictionary of other interpreters, by library of Hugging Face.
    """
    make = {
        "plain": lambda: _of_package(task, cores, config=config, plain=True),
        "mask_token": lambda: _of_package(
            task, cores, config={**config, "system": "mask_token"}
        ),
    }
    theirs = {name: config[name] for name in ("batch_size", "precision", "remat")}
    return [
        Contestant(name, *make[name]())
        if name in make
        else hugging_face(
            name, task, {**_sizes(task, sizes), **theirs}, cores, pythons or {}, name
        )
        for name in names
    ]


def _of_package(task, cores, **request):
    return f"{MODELS}:{task}", request, cores


def _sizes(task, sizes):
    if task == "pretrain":
        return {"config": mae_config(sizes)}
    return {"config": vit_config(sizes), "num_classes": NUM_CLASSES}


def check_peers(task, names, config=None):
    """Raises an `InputError` for peers that a task does not have.

    Args:
        task: A key of `PEERS`.
        names: Names of peers.
        config: The task's configuration, or `None`.
    """
    for name in names:
        if name not in PEERS[task]:
            raise unknown(f"peer of {task}", name, PEERS[task])
        if name in WITHOUT_REMAT and getattr(config, "remat", False):
            raise InputError(
                f"{name} cannot compute blocks once more for their gradients; leave "
                "out remat=true or this peer"
            )
    system = getattr(config, "system", "mae")
    if names and system != "mae":
        raise InputError(
            "peers are measured beside a masked autoencoder: --peers needs system=mae; "
            f"received system={system}"
        )


PEERS = {
    "pretrain": {
        "plain": "the same autoencoder of stock Keras layers",
        "mask_token": "this package's, with mask tokens in the encoder",
        "hf_torch": "Hugging Face's ViTMAEForPreTraining in torch",
        "hf_tf": "Hugging Face's TFViTMAEForPreTraining, which transformers 5 dropped",
    },
    "finetune": {
        "plain": "the same classifier of stock Keras layers",
        "hf_torch": "Hugging Face's ViTForImageClassification in torch",
    },
    "inference": {
        "plain": "a ViT of stock Keras layers, as tf2onnx converts it",
        "hf_torch": "Hugging Face's ViT in torch, eager",
        "hf_torch_bf16": "the same under bfloat16 autocast",
        "hf_onnx": "the same as torch's own exporter writes it as ONNX",
    },
}
