"""What masking teaches on 4,000 handwritten digits: minutes on a CPU.

    python -m training.study --recipe study_demo --data demo --workdir runs/study

Expectation: features of MAE beat those of an untrained encoder.
Result: not yet measured.
"""

from ..study_config import StudyConfig

RECIPE = StudyConfig(samplers=("random", "block", "rectangle"))
