"""ViT-Ti/4 on CIFAR-10's labels, after `cifar10_vit_tiny` or from scratch.

    python -m training.finetune --recipe finetune_cifar10_vit_tiny \\
        --data tfds:cifar10 --data_dir DIR --model runs/cifar10/model.keras \\
        --workdir runs/cifar10_finetuned

Without `--model` the same network is trained from scratch; then without layer decay
(`--set layer_decay=1`).

Expectation: others report 89.8 % after 2,000 epochs of pre-training, 74 to 76 % from
scratch (IcarusWizard/MAE and a rerun of it).
Result: not yet measured.
"""

from ..finetune_config import FinetuneConfig

RECIPE = FinetuneConfig(
    preset="mae_vit_tiny_patch16",
    image_size=32,
    patch_size=4,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    crop_ratio=1.0,
    epochs=100,
    warmup_epochs=5,
    batch_size=128,
    base_learning_rate=1e-3,
    layer_decay=0.75,
    crop_scale=(0.4, 1.0),
    erasing=0.0,
    evaluate_every=5,
)
