"""`python -m keras_mae` is the command `keras-mae`.

TensorFlow, which comes with the package, has been imported: see `keras_mae_cli.py`.
"""

from .cli import main

if __name__ == "__main__":
    main()
