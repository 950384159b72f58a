"""The inpainter of street views of 128 px (Pathak et al., 2016, section 5.1).

    python -m training.pretrain --recipe context_inpainter_paris --data folder:DIR \\
        --workdir runs/inpainter

The authors' code crops 128 px of pictures scaled to 350, keeps its rates (2e-3 of the
generator, 2e-4 of the discriminator) for 500 epochs and steps the discriminator first;
here rates fall to 0 and both networks step at once.

Expectation: on Paris StreetView, mean L1 error 9.37 %, mean L2 1.96 %, PSNR 18.58 dB in
the centre (table 1 of the paper).
Result: not yet measured.
"""

from ..config import PretrainConfig

RECIPE = PretrainConfig(
    system="context_encoder_inpainter",
    preset="context_inpainter_paper",
    epochs=500,
    warmup_epochs=0,
    batch_size=64,
    base_learning_rate=8e-3,
    weight_decay=0.0,
    beta_1=0.5,
    beta_2=0.999,
    crop_scale=(0.13, 0.4),
    picture_every=10,
)
