"""Hugging Face's models in torch: peers, which the project does not need otherwise.

Contestants of `worker.py`; this file imports nothing of the project, so that torch and
transformers may live in another environment.
"""

import contextlib
import os
import time

import torch
import transformers

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
VERSIONS = {"transformers": transformers.__version__, "torch": torch.__version__}
HALF = {"float32": None, "mixed_bfloat16": torch.bfloat16}


def pretrain(config, batch_size, precision, remat=False, learning_rate=1e-4):
    """Returns a contestant: steps of `ViTMAEForPreTraining` on random images.

    Args:
        config: Dictionary of arguments of `ViTMAEConfig`.
        batch_size: Integer.
        precision: `"float32"`, or `"mixed_bfloat16"` for autocast.
        remat: Boolean. Whether blocks are computed anew for their gradients.
        learning_rate: Float.
    """
    config = transformers.ViTMAEConfig(**config)
    model = _trained(transformers.ViTMAEForPreTraining, config, remat)
    images = _images(config, batch_size)
    step = _step(model, learning_rate, precision, lambda: model(images).loss)
    return _described(model), _measure(step)


def finetune(
    config, num_classes, batch_size, precision, remat=False, learning_rate=1e-4
):
    """Returns a contestant: steps of `ViTForImageClassification` on random images.

    Args:
        config: Dictionary of arguments of `ViTConfig`.
        num_classes: Integer.
        batch_size, precision, remat, learning_rate: As of `pretrain`.
    """
    config = transformers.ViTConfig(**config, num_labels=num_classes)
    model = _trained(transformers.ViTForImageClassification, config, remat)
    images = _images(config, batch_size)
    classes = torch.arange(batch_size, device=DEVICE) % num_classes
    labels = torch.nn.functional.one_hot(classes, num_classes).float()

    def loss():
        return torch.nn.functional.cross_entropy(model(images).logits, labels)

    return _described(model), _measure(_step(model, learning_rate, precision, loss))


def features(config, precision):
    """Returns a contestant: the mean of the patches' tokens, eagerly.

    Args:
        config: Dictionary of arguments of `ViTConfig`.
        precision: As of `pretrain`.
    """
    model = _encoder(config)
    config = transformers.ViTConfig(**config)

    def measure(steps, batch_size):
        images = _images(config, batch_size)
        with torch.inference_mode():
            return _measure(lambda: _in_precision(precision, model, images))(steps)

    return _described(model), measure


def export_onnx(config, file):
    """Writes the encoder of `features` by torch's own exporter; measures nothing.

    Args:
        config: As of `features`.
        file: Path. The input is `images` `(batch, channels, height, width)`.
    """
    torch.onnx.export(
        _encoder(config).cpu(),
        (_images(transformers.ViTConfig(**config), 2).cpu(),),
        file,
        input_names=["images"],
        output_names=["features"],
        dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        dynamo=True,
        external_data=False,
    )
    return {"versions": VERSIONS}, None


class _Features(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model(images).last_hidden_state[:, 1:].mean(1)


def _encoder(config):
    def build(config):
        return _Features(transformers.ViTModel(config, add_pooling_layer=False))

    return _on_device(build, transformers.ViTConfig(**config)).eval()


def _trained(build, config, remat):
    model = _on_device(build, config).train()
    if remat:
        model.gradient_checkpointing_enable()
    return model


def _on_device(build, config):
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    return build(config).to(DEVICE)


def _described(model):
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU"
    return {"versions": VERSIONS, "device": name}


def _images(config, batch_size):
    size = (config.image_size, config.image_size)
    shape = (batch_size, config.num_channels, *size)
    return torch.randn(shape, device=DEVICE)


def _step(model, learning_rate, precision, loss):
    """Returns a function of one step: forward, backward, AdamW."""
    optimizer = torch.optim.AdamW(
        [weight for weight in model.parameters() if weight.requires_grad],
        learning_rate,
        betas=(0.9, 0.95),
        weight_decay=0.05,
        fused=True,  # transformers' own choice, and the fastest
    )

    def step():
        optimizer.zero_grad()
        _in_precision(precision, loss).backward()
        optimizer.step()

    return step


def _in_precision(precision, function, *arguments):
    if precision not in HALF:
        raise ValueError(
            f"precision must be one of {', '.join(HALF)}; received {precision}"
        )
    half = HALF[precision]
    autocast = torch.autocast(DEVICE, half) if half else contextlib.nullcontext()
    with autocast:
        return function(*arguments)


def _measure(call):
    def measure(steps):
        seconds = []
        for _ in range(steps):
            began = time.perf_counter()
            call()
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
        return {"seconds": seconds}

    return measure
