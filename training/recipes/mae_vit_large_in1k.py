"""MAE pre-training of ViT-L/16 on ImageNet-1k (He et al., 2022, table 8).

    python -m training.pretrain --recipe mae_vit_large_in1k \\
        --data tfds:imagenet2012 --data_dir DIR --workdir runs/mae_vit_large \\
        --strategy mirrored

`--data folder:DIR` reads `train/` and `val/`, a folder a class. A batch that devices
cannot hold at once is computed in N parts by `--set accumulation_steps=N`.
`norm_pix_loss=false` pre-trains on raw pixels, for `finetune_paper_vit_large_in1k`.

Expectation: top-1 of 85.9 % fine-tuned and 75.8 % by a linear probe (table 3, B),
85.1 % fine-tuned after raw pixels (table 7).
`--set epochs=800`: 85.4 % and 73.9 % (table 1).
Result: not yet measured.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    preset="mae_vit_large_patch16",
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
