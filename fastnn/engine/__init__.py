"""Engines: what computes with the parameters of a network."""

from .base import Engine, Epochs, Objective, StepRule, Trainer

__all__ = ["Engine", "Epochs", "Objective", "StepRule", "Trainer"]
