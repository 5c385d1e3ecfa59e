"""Seconds of each run that no test is about, saved; imported before the first one.

The processes of ``tool_runs.in_processes`` are forked from one that has imported this: what
is imported here, none of them imports.
"""

# ruff: noqa: F401

from functools import cache
from types import SimpleNamespace

import matplotlib.pyplot
import mmengine.config.config
import mmengine.config.utils
import mmengine.dataset.base_dataset
import mmengine.runner.runner
import mmpretrain.engine
import mmpretrain.visualization
import sklearn.datasets
import yapf.yapflib.yapf_api

import mmct.cli.studying
import mmct.cli.testing
import mmct.cli.training
import mmct.corruption_sets
import mmct.corruptions.tables
import mmct.registered
import mmct.scoring
import mmct.studies
import mmct.teacher.training


def _unformatted(text, **kwargs):
    return f'{text}\n', False


# A Runner asks gcc and nvcc for their versions, and formats the config for each checkpoint.
mmengine.runner.runner.collect_env = dict
yapf.yapflib.yapf_api.FormatCode = _unformatted
# One stack imports the formatter when it is used, the other at its start.
mmengine.config.config.FormatCode = _unformatted
# A data set collects garbage when it is built, among all objects of the imported modules.
mmengine.dataset.base_dataset.gc = SimpleNamespace(collect=lambda: 0)
# The digits are read from a file for each set of them.
sklearn.datasets.load_digits = cache(sklearn.datasets.load_digits)
# What takes a second to train need not be rehearsed; tests/teacher/test_rehearsal.py, those of
# refused starts and the second tier do.
mmct.teacher.training.rehearse = lambda *args: None
mmct.cli.training.rehearse_alone = lambda *args: None
mmct.cli.studying.check_training = lambda *args: None
# Each base of mmpretrain's is looked up in all of its 85 metafiles, read for that.
mmengine.config.utils.load = cache(mmengine.config.utils.load)
mmengine.config.Config.fromfile(mmct.config_path('ct_resnet18_digits'))
