"""ViT-H/14 on ImageNet-1k from scratch, with labels: the paper's baseline (table 11).

    python -m training.finetune --recipe supervised_vit_huge_in1k \\
        --data tfds:imagenet2012 --data_dir DIR \\
        --workdir runs/supervised_vit_huge --strategy mirrored

Expectation: top-1 of 83.1 % (He et al., 2022, table 3 and A.2).
Result: not yet measured.
"""

from ..finetune_config import FinetuneConfig

RECIPE = FinetuneConfig(
    preset="mae_vit_huge_patch14",
    pooling="token",
    epochs=200,
    warmup_epochs=20,
    batch_size=4096,
    base_learning_rate=1e-4,
    min_learning_rate=0.0,
    layer_decay=1.0,
    weight_decay=0.3,
    beta_2=0.95,
    ema=0.9999,
    drop_path_rate=0.2,
    magnitude=9.0,
    erasing=0.0,
    label_smoothing=0.1,
    mixup=0.8,
    cutmix=1.0,
)
