"""The linear probe on ImageNet-1k, exactly as published (He et al., 2022, A.1).

    python -m training.linear_probe --recipe linear_probe_in1k \\
        --data tfds:imagenet2012 --data_dir DIR --model mae_pretrain_vit_base.pth \\
        --workdir runs/linear_probe_vit_base --strategy mirrored

ViT-L and ViT-H need 50 epochs: `--set epochs=50`.

Expectation: top-1 of 68.0 % (ViT-B), 75.8 % (ViT-L), 76.6 % (ViT-H).
Result: not yet measured.
"""

from ..published_probe_config import PublishedProbeConfig

RECIPE = PublishedProbeConfig(
    pooling="token",
    epochs=90,
    warmup_epochs=10,
    batch_size=16384,
    base_learning_rate=0.1,
    crop_scale=(0.08, 1.0),
    flip=True,
)
