"""Packages, extras and the console script; everything else is in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+?)"', (ROOT / "keras_mae" / "version.py").read_text()
)[1]

# training/ and export/ live inside the installed package, so that nothing
# called `training` lands in site-packages. The command alone lies beside it.
SUBPACKAGES = {
    f"keras_mae.{name}": name
    for top in ("training", "export")
    for name in (top, *(f"{top}.{sub}" for sub in find_packages(top)))
}

EXTRAS = {
    "train": [
        "tensorflow-datasets==4.9.10",
        "importlib_resources",
        "tensorboard",
        "keras-cv==0.9.0",
        "pillow",
        "matplotlib",
        "pyarrow>=16",
    ],
    "export": [
        "tf2onnx==1.17.*",
        "onnx>=1.17",
        "onnxruntime",
        "onnxscript",
        "tensorflow-serving-api>=2.20,<2.22",
    ],
    "demo": ["mlxtend", "scikit-image"],
    "test": ["pytest", "pytest-xdist", "pyyaml", "ruff==0.17.6", "setuptools>=77"],
}
EXTRAS["all"] = sorted({need for needs in EXTRAS.values() for need in needs})
# What `training.benchmark --peers` times beside us; nothing else needs torch.
EXTRAS["peers"] = ["torch>=2.8", "transformers>=4.57", "onnxscript"]
# Not among all: it needs an older protobuf, pyarrow and pillow than the others.
EXTRAS["beam"] = [
    *EXTRAS["train"],
    "apache-beam>=2.77,<3",
    "tensorflow-hub",
    "onnx>=1.17",
    "onnxruntime",
]

setup(
    name="keras-mae",
    version=VERSION,
    description="Masked autoencoders for Keras 3 on TensorFlow, trained by model.fit, "
    "served as SavedModel and ONNX",
    long_description=(ROOT / "README.md").read_text()
    if (ROOT / "README.md").exists()
    else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[*find_packages(include=["keras_mae", "keras_mae.*"]), *SUBPACKAGES],
    package_dir={
        name: folder.replace(".", "/") for name, folder in SUBPACKAGES.items()
    },
    py_modules=["keras_mae_cli"],
    package_data={"keras_mae.export.serving": ["templates/*"]},
    install_requires=["tensorflow>=2.20,<2.22", "keras>=3.15,<3.16", "numpy"],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["keras-mae = keras_mae_cli:main"]},
)
