"""Engines: what computes with the parameters of a network."""

from .base import Descent, Engine, Epochs, Objective, StepRule

__all__ = ["Descent", "Engine", "Epochs", "Objective", "StepRule"]
