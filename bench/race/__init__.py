"""How long it takes to learn MNIST: 98.0 % of the test images, as a median over seeds.

``python -m bench.race`` lets each contender train a network of its own making, 784-300-10 with ReLU
and softmax, as it does it fastest: its batch size, optimizer, schedule and number of epochs are in
``entries.py``. Each seed runs in a process of its own. The time is that of the training alone:
libraries are imported, and the data are in memory in the form that the library takes.
"""
