"""One call of ``train``: its arguments, its loop, and what it leaves to the next."""
