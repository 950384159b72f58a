"""Fine-tuning of ViT-H/14 on ImageNet-1k with the settings of the released code.

    python -m training.finetune --recipe finetune_vit_huge_in1k \\
        --data tfds:imagenet2012 --data_dir DIR --model mae_pretrain_vit_huge.pth \\
        --workdir runs/finetune_vit_huge --strategy mirrored

Expectation: top-1 / top-5 of 86.928 / 98.088 % (the authors' released model,
pre-trained for 1,600 epochs with normalised pixels).
Result: not yet measured.
"""

from ..finetune_config import FinetuneConfig

RECIPE = FinetuneConfig(
    preset="mae_vit_huge_patch14",
    pooling="gap",
    epochs=50,
    warmup_epochs=5,
    batch_size=1024,
    base_learning_rate=1e-3,
    min_learning_rate=1e-6,
    layer_decay=0.75,
    weight_decay=0.05,
    beta_2=0.999,
    drop_path_rate=0.3,
    magnitude=9.0,
    erasing=0.25,
    label_smoothing=0.1,
    mixup=0.8,
    cutmix=1.0,
)
