"""Helpers that know nothing of networks: arrays, checks of plain arguments, errors and warnings."""
