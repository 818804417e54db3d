"""fastnn.sklearn against scikit-learn: the same tasks, with one import changed.

Each side has a process of its own, with one thread, and they take turns. What they come to, the
loss after fitting or the probabilities, must be the same. A fit has as many epochs as the table
says, of which neither side saves any.
"""
