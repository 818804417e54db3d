"""Engines: what computes with the parameters of a network."""

from .base import Engine

__all__ = ["Engine"]
