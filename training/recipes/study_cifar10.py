"""What masking teaches a small ViT on CIFAR-10; a short budget.

    python -m training.study --recipe study_cifar10 --data tfds:cifar10 \\
        --data_dir DIR --workdir runs/study_cifar10

Four blocks of 96 on patches of 4 px. More systems and samplers may be added to the
same folder afterwards.

Expectation: features of MAE beat those of an untrained encoder; ratios and samplers
differ less than seeds at so few steps.
Result: MAE's do, and samplers differ more than seeds in frozen features, not
fine-tuned; see training/STUDY.md.
"""

from ..study_config import StudyConfig

RECIPE = StudyConfig(
    pretrain_recipe="cifar10_vit_tiny",
    pretrain_settings=(
        *("embed_dim=96", "depth=4", "num_heads=3"),
        *("decoder_embed_dim=64", "decoder_depth=2", "decoder_num_heads=2"),
        "batch_size=128",
    ),
    context_recipe="context_encoder_cifar10",
    finetune_recipe="finetune_cifar10_vit_tiny",
    finetune_settings=(
        *("batch_size=128", "drop_path_rate=0"),
        *("magnitude=0", "mixup=0", "cutmix=0"),
    ),
    steps=500,
    finetune_steps=150,
    judge_images=5000,
    systems=("pixels", "untrained", "scratch", "mae"),
    samplers=("random", "rectangle"),
    ratios=(0.75,),
)
