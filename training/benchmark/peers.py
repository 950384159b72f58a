"""The peers of each task: who does the same work, and how each is started."""

from pathlib import Path

from keras_mae.program import InputError, unknown

from .processes import Contestant

HUGGING_FACE = str(Path(__file__).with_name("hf_torch.py"))
NEEDS = (
    "pip install 'keras-mae[peers]', or name an interpreter that has torch and "
    "transformers: --peers_python PATH"
)
MODELS = f"{__package__}.models"
NUM_CLASSES = 1000  # of fine-tuning: the head costs next to nothing


def training_peers(task, names, sizes, config, cores, python=None):
    """Returns the `Contestant`s of training steps.

    Args:
        task: `"pretrain"` or `"finetune"`.
        names: Names of peers, see `PEERS`.
        sizes: Dictionary of the model's sizes, as `models.py` describes it.
        config: Dictionary of the task's configuration.
        cores: Integer.
        python: Path of another interpreter for torch, or `None`.
    """
    theirs = {
        "sizes": sizes,
        "batch_size": config["batch_size"],
        "precision": config["precision"],
    }
    if task == "finetune":
        theirs["num_classes"] = NUM_CLASSES
    made = {
        "plain": lambda name: Contestant(
            name, f"{MODELS}:{task}", {"config": config, "plain": True}, cores
        ),
        "mask_token": lambda name: Contestant(
            name,
            f"{MODELS}:{task}",
            {"config": {**config, "system": "mask_token"}},
            cores,
        ),
        "hf_torch": lambda name: hugging_face(name, task, theirs, cores, python),
    }
    return [made[name](name) for name in names]


def hugging_face(name, function, request, cores, python):
    """Returns a `Contestant` of `hf_torch.py`."""
    return Contestant(name, f"{HUGGING_FACE}:{function}", request, cores, python, NEEDS)


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
