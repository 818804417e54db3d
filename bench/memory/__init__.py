"""How much memory training takes on data that do not fit in it.

``python -m bench.memory`` writes a temporary file of 2 GB, opens it with `numpy.memmap`, and trains
a small network on it for one epoch: the whole as one array, and block by block. What it prints is
by how much the process grows at most, without the pages of the file: they are the system's to take
back. The goal is less than 400 MB. It needs Linux, and room where temporary files go: not a tmpfs,
whose pages are memory.
"""
