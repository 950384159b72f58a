"""Programs that train and judge: `python -m training.pretrain --help`."""

import os

# Both are read when TensorFlow is first imported. Its notes would bury the program's
# own; oneDNN's products are the faster ones on CPUs without AVX-512 VNNI, too, where
# TensorFlow does without them by itself.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
