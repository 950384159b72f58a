"""Fine-tuning of ViT-H/14 on ImageNet-1k with the paper's settings (table 9).

    python -m training.finetune --recipe finetune_paper_vit_huge_in1k \\
        --data tfds:imagenet2012 --data_dir DIR --model mae_visualize_vit_huge.pth \\
        --workdir runs/finetune_paper_vit_huge --strategy mirrored

They are the settings for models pre-trained on raw pixels; the class token is pooled.

Expectation: top-1 of 86.2 % after 1,600 epochs of pre-training (He et al., 2022,
table 7, pixels without normalisation).
Result: not yet measured.
"""

from ..finetune_config import FinetuneConfig

RECIPE = FinetuneConfig(
    preset="mae_vit_huge_patch14",
    pooling="token",
    epochs=50,
    warmup_epochs=5,
    batch_size=1024,
    base_learning_rate=1e-3,
    min_learning_rate=0.0,
    layer_decay=0.75,
    weight_decay=0.05,
    beta_2=0.999,
    drop_path_rate=0.2,
    magnitude=9.0,
    erasing=0.0,
    label_smoothing=0.1,
    mixup=0.8,
    cutmix=1.0,
)
