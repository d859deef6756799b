"""The toolbox's test_example_CNN.m, on the 6,000 digits that cnnbp carries.

It trains a 6c-2s-12c-2s network for as many steps as the original's one epoch of 60,000 digits:
12 epochs of 5,000. Expect about 13 % error, and the curve of the loss in toolbox_example.png.
"""

import matplotlib.pyplot as plt
import numpy as np

import cnnbp
from cnnbp.toolbox import Net, Options, cnnsetup, cnntest, cnntrain

# The toolbox's shapes: rows × columns × samples and classes × samples. `.T` also transposes each
# digit, which is how the toolbox reads MNIST.
digits = cnnbp.data.digits()
train_x, train_y = digits.x_train[:, 0].T / 255, np.eye(10)[:, digits.y_train]
test_x, test_y = digits.x_test[:, 0].T / 255, np.eye(10)[:, digits.y_test]

cnn = Net(
    [
        {"type": "i"},  # input layer
        {"type": "c", "outputmaps": 6, "kernelsize": 5},  # convolution layer
        {"type": "s", "scale": 2},  # subsampling layer
        {"type": "c", "outputmaps": 12, "kernelsize": 5},  # convolution layer
        {"type": "s", "scale": 2},  # subsampling layer
    ]
)
opts = Options(alpha=1, batchsize=50, numepochs=12)

cnn = cnnsetup(cnn, train_x, train_y, seed=0)
cnn = cnntrain(cnn, train_x, train_y, opts, seed=0)

er, bad = cnntest(cnn, test_x, test_y)
print(f"{er:.1%} of {test_y.shape[1]} test digits misread, the first of them number {bad[0]}")

plt.plot(cnn.rL)
plt.xlabel("batch")
plt.ylabel("smoothed mean squared error")
plt.savefig("toolbox_example.png")
assert er < 0.15, "error too large"
