"""The paper's Context Encoder for features, on ImageNet-1k (Pathak et al., 2016, 4.2).

    python -m training.pretrain --recipe context_encoder_in1k --data folder:DIR \\
        --workdir runs/context_in1k

The paper states random regions, L2 alone and about 100,000 iterations, 14 hours on a
Titan X; 20 epochs are as many in batches of 256. Optimizer and rate are ours: it does
not state them for this network. AlexNet here is without groups and normalisation.

Expectation: pool5 fine-tuned on PASCAL VOC 2007 classifies at 56.5 % mAP, from random
weights at 53.3 % (table 2 of the paper).
Result: not yet measured.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    system="context_encoder",
    preset="context_encoder_alexnet",
    mask_sampler="region",
    epochs=20,
    warmup_epochs=0.2,
    batch_size=256,
    base_learning_rate=5e-4,
    weight_decay=0.0005,
    picture_every=1,
)
