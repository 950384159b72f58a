"""A small Context Encoder on CIFAR-10's 50,000 images of 32 px.

    python -m training.pretrain --recipe context_encoder_cifar10 --data tfds:cifar10 \\
        --data_dir DIR --workdir runs/context_cifar10

Expectation: nobody reported this network; its features should beat a random encoder's.
Result: not yet measured; they do after 500 steps of 128 images, see training/STUDY.md.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    system="context_encoder",
    preset="context_encoder_small",
    mask_sampler="region",
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    crop_ratio=1.0,
    epochs=100,
    warmup_epochs=2,
    batch_size=256,
    base_learning_rate=1e-3,
    weight_decay=0.0005,
    picture_every=5,
)
