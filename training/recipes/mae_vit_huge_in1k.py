"""MAE pre-training of ViT-H/14 on ImageNet-1k (He et al., 2022, table 8).

    python -m training.pretrain --recipe mae_vit_huge_in1k \\
        --data tfds:imagenet2012 --data_dir DIR --workdir runs/mae_vit_huge \\
        --strategy mirrored

`--data folder:DIR` reads `train/` and `val/`, a folder a class. A batch that devices
cannot hold at once is computed in N parts by `--set accumulation_steps=N`.
`norm_pix_loss=false` pre-trains on raw pixels, for `finetune_paper_vit_huge_in1k`.

Expectation: top-1 of 86.9 % fine-tuned and 76.6 % by a linear probe (table 3, B),
86.2 % fine-tuned after raw pixels (table 7).
Result: not yet measured.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    preset="mae_vit_huge_patch14",
    mask_ratio=0.75,
    norm_pix_loss=True,
    epochs=1600,
    warmup_epochs=40,
    batch_size=4096,
    base_learning_rate=1.5e-4,
    weight_decay=0.05,
    beta_1=0.9,
    beta_2=0.95,
    crop_scale=(0.2, 1.0),
)
