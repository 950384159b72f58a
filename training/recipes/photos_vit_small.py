"""ViT-S/16 on photographs of 224 px, from a folder or scikit-image's own.

    python -m training.pretrain --recipe photos_vit_small --data folder:DIR \\
        --workdir runs/photos

Expectation: a starting point for a folder of thousands of pictures.
Result: not yet measured.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    preset="mae_vit_small_patch16",
    norm_pix_loss=True,
    epochs=200,
    warmup_epochs=20,
    batch_size=64,
    base_learning_rate=1.5e-4,
    picture_every=5,
)
