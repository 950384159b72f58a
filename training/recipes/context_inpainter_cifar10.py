"""A small inpainter of the Context Encoder on CIFAR-10's 50,000 images of 32 px.

    python -m training.pretrain --recipe context_inpainter_cifar10 \\
        --data tfds:cifar10 --data_dir DIR --workdir runs/inpainter_cifar10

Expectation: nobody reported this network; the centre is painted without blur.
Result: not yet measured.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    system="context_encoder_inpainter",
    preset="context_inpainter_small",
    crop_ratio=1.0,
    epochs=100,
    warmup_epochs=0,
    batch_size=64,
    base_learning_rate=8e-3,
    weight_decay=0.0,
    beta_1=0.5,
    beta_2=0.999,
    crop_scale=(0.8, 1.0),
    picture_every=5,
)
