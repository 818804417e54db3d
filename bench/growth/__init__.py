"""How the cost of an example grows with width, depth, number of rows and density of the input.

``python -m bench.growth`` sets it against a floor: an example that is trained on by itself reads
and writes every weight it touches once, at the bandwidth of the cache; examples in batches take the
floating-point operations of their matrix products, at the rate of NumPy's. All in one thread.

Cost should grow without cliffs: from one point of a sweep to the next, the cost per example and
weight changes less than 1.5 times, or the report lists the step.
"""
