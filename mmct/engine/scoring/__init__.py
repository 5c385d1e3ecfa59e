"""Scoring a network on all cells of a corruption set, in one run that can be killed."""

from .scoring import Scoring, score

__all__ = ['Scoring', 'score']
