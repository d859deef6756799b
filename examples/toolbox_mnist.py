"""The toolbox's example, 6c5-2s-12c5-2s with sigmoids and mse, on all 60,000 digits of MNIST.

Rate 1, batches of 50, as in test_example_CNN.m. Test error after one epoch: 11.0 %, as the toolbox
has it; after 100 epochs 1.13 %, where the toolbox names 1.2 %. An epoch takes about a second.
"""

from mnist import read_arguments

import cnnbp

digits, epochs = read_arguments(epochs=1)
net = cnnbp.Network.from_spec(
    "6c5-2s-12c5-2s-10o",
    input_shape=(1, 28, 28),
    loss="mse",
    optimizer=cnnbp.optim.SGD(lr=1.0),
)
net.fit(
    digits.x_train,
    digits.y_train,
    epochs=epochs,
    batch_size=50,
    validation_data=(digits.x_test, digits.y_test),
)
error = 1 - net.evaluate(digits.x_test, digits.y_test)["accuracy"]
print(f"test error after {epochs} epochs: {error:.2%}")
