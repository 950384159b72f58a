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


def pretrain(sizes, batch_size, precision, learning_rate=1e-4):
    """Returns a contestant: steps of `ViTMAEForPreTraining` on random images.

    Args:
        sizes: Dictionary of the encoder's and decoder's sizes and the objective, as
            `models.py` describes them.
        batch_size: Integer.
        precision: `"float32"`, or `"mixed_bfloat16"` for autocast.
        learning_rate: Float.
    """
    narrow = sizes["decoder_embed_dim"]
    config = transformers.ViTMAEConfig(
        **_encoder_sizes(sizes),
        decoder_hidden_size=narrow,
        decoder_num_hidden_layers=sizes["decoder_depth"],
        decoder_num_attention_heads=sizes["decoder_num_heads"],
        decoder_intermediate_size=int(sizes["mlp_ratio"] * narrow),
        mask_ratio=sizes["mask_ratio"],
        norm_pix_loss=sizes["norm_pix_loss"],
    )
    model = _on_device(transformers.ViTMAEForPreTraining, config).train()
    images = _images(sizes, batch_size)
    step = _step(model, learning_rate, precision, lambda: model(images).loss)
    return _described(model), _measure(step)


def finetune(sizes, num_classes, batch_size, precision, learning_rate=1e-4):
    """Returns a contestant: steps of `ViTForImageClassification` on random images.

    Args:
        sizes, batch_size, precision, learning_rate: As of `pretrain`.
        num_classes: Integer.
    """
    config = transformers.ViTConfig(**_encoder_sizes(sizes), num_labels=num_classes)
    model = _on_device(transformers.ViTForImageClassification, config).train()
    images = _images(sizes, batch_size)
    classes = torch.arange(batch_size, device=DEVICE) % num_classes
    labels = torch.nn.functional.one_hot(classes, num_classes).float()

    def loss():
        return torch.nn.functional.cross_entropy(model(images).logits, labels)

    return _described(model), _measure(_step(model, learning_rate, precision, loss))


def features(sizes, precision):
    """Returns a contestant: the mean of the patches' tokens, eagerly.

    Args:
        sizes, precision: As of `pretrain`.
    """
    model = _encoder(sizes)

    def measure(steps, batch_size):
        images = _images(sizes, batch_size)
        with torch.inference_mode():
            return _measure(lambda: _in_precision(precision, model, images))(steps)

    return _described(model), measure


def export_onnx(sizes, file):
    """Writes the encoder of `features` by torch's own exporter; measures nothing.

    Args:
        sizes: As of `pretrain`.
        file: Path. The input is `images` `(batch, channels, height, width)`.
    """
    torch.onnx.export(
        _encoder(sizes).cpu(),
        (_images(sizes, 2).cpu(),),
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


def _encoder(sizes):
    config = transformers.ViTConfig(**_encoder_sizes(sizes))

    def build(config):
        return _Features(transformers.ViTModel(config, add_pooling_layer=False))

    return _on_device(build, config).eval()


def _encoder_sizes(sizes):
    height, width = sizes["image_size"]
    if height != width:
        raise ValueError(f"it takes square images alone; received {height} x {width}")
    return {
        "image_size": height,
        "patch_size": sizes["patch_size"],
        "num_channels": sizes["num_channels"],
        "hidden_size": sizes["embed_dim"],
        "num_hidden_layers": sizes["depth"],
        "num_attention_heads": sizes["num_heads"],
        "intermediate_size": int(sizes["mlp_ratio"] * sizes["embed_dim"]),
    }


def _on_device(build, config):
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    return build(config).to(DEVICE)


def _described(model):
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU"
    return {"versions": VERSIONS, "device": name}


def _images(sizes, batch_size):
    shape = (batch_size, sizes["num_channels"], *sizes["image_size"])
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
