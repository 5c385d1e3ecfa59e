"""Scoring a network on all cells of a corruption set, in one run that can be killed."""

from .adaptation import drawn_batches
from .scoring import Scoring, score

__all__ = ['Scoring', 'drawn_batches', 'score']
