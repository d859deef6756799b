"""MNIST's digits and the number of epochs, from the command line of an example."""

import os
import sys

import cnnbp

WHERE = """\
usage: python {script} [FOLDER [EPOCHS]]

FOLDER holds MNIST's four IDX files, plain or .gz: train-images-idx3-ubyte, train-labels-idx1-ubyte,
t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte. It may also be named by the environment variable
CNNBP_MNIST. Get the files from http://yann.lecun.com/exdb/mnist/ or from its mirror
https://ossci-datasets.s3.amazonaws.com/mnist/
"""


def read_arguments(*, epochs: int) -> tuple[cnnbp.data.Dataset, int]:
    """Read the digits, and how many epochs to train if not as many as usual."""
    script, *given = sys.argv
    folder = given[0] if given else os.environ.get("CNNBP_MNIST")
    if not folder or len(given) > 2:
        sys.exit(WHERE.format(script=script))
    if len(given) > 1:
        if not given[1].isdecimal() or int(given[1]) < 1:
            sys.exit(f"{script}: EPOCHS must be an integer of at least 1, got {given[1]!r}")
        epochs = int(given[1])
    return cnnbp.data.load(folder), epochs
