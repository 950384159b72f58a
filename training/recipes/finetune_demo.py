"""Fine-tunes the demo's micro MAE on the labels of 4,000 handwritten digits.

    python -m training.finetune --recipe finetune_demo --data demo \\
        --model runs/demo/model.keras --workdir runs/finetuned

Without `--model` the same network is trained from scratch; then without layer decay
(`--set layer_decay=1`).

Expectation: more of the 1,000 digits held out than from scratch.
Result: top-1 of .963 to .967, from scratch .885 to .921 (seeds 0 to 2; f149a37, 2 cores
without GPU, 70 to 106 s each; one pre-training, by an earlier version).
"""

from ..finetune_config import FinetuneConfig

RECIPE = FinetuneConfig(
    preset="mae_vit_micro_patch4",
    mean=(0.1307,),
    std=(0.3081,),
    crop_ratio=1.0,
    epochs=10,
    warmup_epochs=1,
    batch_size=64,
    base_learning_rate=4e-3,
    layer_decay=0.75,
    drop_path_rate=0.0,
    crop_scale=(0.7, 1.0),
    flip=False,
    magnitude=0.0,
    erasing=0.0,
    mixup=0.0,
    cutmix=0.0,
    compute="xla",
)
