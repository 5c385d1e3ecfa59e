"""Data sets and transforms that mmpretrain lacks."""

from .corrupted_dataset import CorruptedDataset
from .digits import Digits
from .transforms import Corrupt

__all__ = ['Corrupt', 'CorruptedDataset', 'Digits']
