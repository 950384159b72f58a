"""SimMIM pre-training of ViT-B/16 on ImageNet-1k (Xie et al., 2021, A).

    python -m training.pretrain --recipe simmim_vit_base_in1k \\
        --data tfds:imagenet2012 --data_dir DIR --workdir runs/simmim

The authors' settings but for three: a cosine schedule where theirs drops once, after
700 epochs; fixed positions where theirs are a shared relative bias; no stochastic
depth where theirs is 0.1. Their learning rate is 1e-4 for 512 images.

Expectation: the authors report 83.8 % after fine-tuning.
Result: not yet measured.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    preset="mae_vit_base_patch16",
    system="simmim",
    epochs=800,
    warmup_epochs=10,
    batch_size=2048,
    base_learning_rate=5e-5,
    weight_decay=0.05,
    beta_2=0.999,
    clip_norm=5.0,
    crop_scale=(0.67, 1.0),
)
