"""`cifar10_vit_tiny` with mask tokens in the encoder, all else the same.

    python -m training.pretrain --recipe mask_token_cifar10_vit_tiny \\
        --data tfds:cifar10 --data_dir DIR --workdir runs/mask_token

Expectation: about three times the time of MAE, and a linear probe below it (at ViT-L
on ImageNet 59.6 against 73.5: He et al., 2022, table 1c).
Result: not yet measured.
"""

import dataclasses

from .cifar10_vit_tiny import RECIPE as MAE

RECIPE = dataclasses.replace(MAE, system="mask_token")
