"""BERT's 80/10/10 on patches, as ViT's authors tried it, on CIFAR-10.

    python -m training.pretrain --recipe bert_cifar10_vit_tiny \\
        --data tfds:cifar10 --data_dir DIR --workdir runs/bert

Half of the patches is hidden: of these 80 % become the mask token, 10 % another patch
of the image and 10 % stay. All pixels of a patch are predicted under L2, the third
target of Dosovitskiy et al. (2020, B.1.2), whose best one was a patch's mean colour.

Expectation: nobody is known to have measured this.
Result: not yet measured.
"""

import dataclasses

from .cifar10_vit_tiny import RECIPE as MAE

RECIPE = dataclasses.replace(MAE, system="bert", norm_pix_loss=False)
