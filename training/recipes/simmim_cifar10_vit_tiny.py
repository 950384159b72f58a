"""SimMIM (Xie et al., 2021) with the encoder and schedule of `cifar10_vit_tiny`.

    python -m training.pretrain --recipe simmim_cifar10_vit_tiny \\
        --data tfds:cifar10 --data_dir DIR --workdir runs/simmim

Raw pixels under L1, a linear head, 60 % hidden in units of 2 by 2 patches: 8 of 32
pixels, a larger share of the image than the paper's 32 of 224.

Expectation: nobody is known to have measured this.
Result: not yet measured.
"""

import dataclasses

from .cifar10_vit_tiny import RECIPE as MAE

RECIPE = dataclasses.replace(MAE, system="simmim", norm_pix_loss=False)
