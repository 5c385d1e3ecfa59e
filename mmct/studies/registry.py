"""Registries of the parts that study configs name."""

from mmengine.registry import Registry

# The scope is that of the runs: with another one, mmengine warns at each use.
SCORES = Registry('study score', scope='mmpretrain', locations=['mmct.studies.scores'])
"""What is measured of each trained network."""

TABLES = Registry('study table', scope='mmpretrain', locations=['mmct.studies.tables'])
"""What is made of the results of all, beside the table of the arms."""

FIGURES = Registry('study figure', scope='mmpretrain', locations=['mmct.studies.figures'])
"""What is drawn from the results of all."""
