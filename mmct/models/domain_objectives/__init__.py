"""What is asked of a network beside the task, where images have domains."""

from .coral import CORAL, coral
from .group_dro import GroupDRO
from .irm import IRM, irm_penalty
from .mmd import MMD, mmd

__all__ = ['CORAL', 'GroupDRO', 'IRM', 'MMD', 'coral', 'irm_penalty', 'mmd']
