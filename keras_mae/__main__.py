"""`python -m keras_mae` is the command `keras-mae`."""

from .cli import main

if __name__ == "__main__":
    main()
