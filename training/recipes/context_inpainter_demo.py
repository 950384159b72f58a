"""A micro inpainter of the Context Encoder on 4,000 handwritten digits: minutes.

    python -m training.pretrain --recipe context_inpainter_demo --data demo \\
        --workdir runs/inpainter_demo

Expectation: strokes end sharply in the painted centre.
Result: not yet measured.
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
