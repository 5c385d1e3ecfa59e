"""Transforms that mmpretrain lacks."""

from .corrupt import Corrupt

__all__ = ['Corrupt']
