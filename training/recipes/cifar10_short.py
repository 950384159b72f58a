"""A small ViT on CIFAR-10's 50,000 images, in half an hour on 2 CPU cores.

    python -m training.pretrain --recipe cifar10_short --data tfds:cifar10 \\
        --data_dir DIR --workdir runs/cifar10_short

Six blocks of 128 on patches of 4 px, 1.2 million weights, in bfloat16; then
`finetune_cifar10_short`.

Expectation: fine-tuned for six epochs it beats the same network from scratch.
Result: see training/README.md.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    preset="mae_vit_tiny_patch16",
    image_size=32,
    patch_size=4,
    embed_dim=128,
    depth=6,
    num_heads=4,
    decoder_embed_dim=64,
    decoder_depth=1,
    decoder_num_heads=4,
    norm_pix_loss=True,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
    crop_ratio=1.0,
    epochs=30,
    warmup_epochs=2,
    batch_size=256,
    base_learning_rate=1.5e-3,
    crop_scale=(0.3, 1.0),
    precision="mixed_bfloat16",
    picture_every=10,
)
