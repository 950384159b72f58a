"""A micro inpainter of the Context Encoder on 4,000 handwritten digits: minutes.

    python -m training.pretrain --recipe context_inpainter_demo --data demo \\
        --workdir runs/inpainter_demo

Expectation: strokes go on through the painted centre without a seam.
Result: they do after 8 epochs (epochs=8 compute=xla), a little blurred; weighted L2
loss .192, the discriminator's 1.09 (seed 0 alone; d945958, 2 cores without GPU, 2
minutes).
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    system="context_encoder_inpainter",
    preset="context_inpainter_micro",
    crop_ratio=1.0,
    epochs=20,
    warmup_epochs=0,
    batch_size=64,
    base_learning_rate=8e-3,
    weight_decay=0.0,
    beta_1=0.5,
    beta_2=0.999,
    crop_scale=(1.0, 1.0),
    flip=False,
    picture_every=5,
)
