"""Seconds of each run that no test is about, saved; imported before the first one.

Also by the server that forks the processes of ``tool_runs.in_processes``: what is imported
here, none of them imports.
"""

# ruff: noqa: F401

import gc
from functools import cache

import matplotlib.pyplot
import mmengine.config.config
import mmengine.config.utils
import mmengine.runner.runner
import mmpretrain.engine
import mmpretrain.visualization
import sklearn.datasets
import yapf.yapflib.yapf_api

import mmct.cli.testing
import mmct.cli.training
import mmct.corruption_sets
import mmct.corruptions.cifar
import mmct.corruptions.imagenet
import mmct.registered
import mmct.scoring
import mmct.studies
import mmct.teacher


def _unformatted(text, **kwargs):
    return f'{text}\n', False


# A Runner asks gcc and nvcc for their versions, and formats the config for each checkpoint.
mmengine.runner.runner.collect_env = dict
yapf.yapflib.yapf_api.FormatCode = _unformatted
# One stack imports the formatter when it is used, the other at its start.
mmengine.config.config.FormatCode = _unformatted
# Each base of mmpretrain's is looked up in all of its 85 metafiles, read for that.
mmengine.config.utils.load = cache(mmengine.config.utils.load)
mmengine.config.Config.fromfile(mmct.config_path('ct_resnet18_digits'))


def freeze():
    """Let the collector forget what is there: data sets call it, and modules are many."""
    gc.collect()
    gc.freeze()


freeze()
