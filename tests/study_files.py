"""Studies of digits that take seconds, and what can happen to their cells."""

import json
import os
import signal
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from small_network import MODEL

import mmct
from mmct.studies import Executor, run_cell
from mmct.studies.executors import log_of

# Three epochs of four batches; the arms differ in nothing that takes longer.
TINY = f"""
bn, nobn, ct = {[mmct.config_path(f'{kind}_resnet18_digits') for kind in ('bn', 'nobn', 'ct')]!r}
common = dict(
    model={MODEL!r},
    train_cfg=dict(max_epochs=3, val_interval=3),
    train_dataloader=dict(batch_size=16, dataset=dict(indices=64)),
    val_dataloader=dict(dataset=dict(indices=32)),
    test_dataloader=dict(dataset=dict(indices=40)),
    default_hooks=dict(checkpoint=dict(interval=1, max_keep_ckpts=-1)),
)
hook = dict(type='NoBNTeacherHook', on_weak_teacher='warn')
arms = dict(BN=dict(config=bn))
scores = dict(
    corruption=dict(type='CorruptionScore', corruptions=['gaussian_noise'], severities=[5]))
table = dict(error='corruption.clean_error_pct')
"""

# Four arms, one of them tuned, two with one teacher, and every figure.
SHARED = """
arms = dict(
    BN=dict(config=bn, variant='BN', group='net'),
    none=dict(config=nobn, variant='none', group='net', baseline='BN', tuning=dict(
        points=[dict(optim_wrapper=dict(optimizer=dict(lr=lr))) for lr in (0.01, 0.1)],
        seed=9)),
    **{
        f'CT {weight}': dict(
            config=ct, variant=f'CT {weight}', group='net', baseline='BN', overlay=dict(
                model=dict(consistency=dict(loss_weight=weight)), custom_hooks=[hook]))
        for weight in (1.0, 2.0)
    },
)
scores.update(
    along=dict(type='AlongTraining', corruptions=['fog'], severities=[3]),
    features=dict(type='FeatureReliance', images=64),
)
table.update(gap=dict(curve='along', x='clean_error_pct', y='gap_pct'))
figures = dict(
    errors=dict(type='ErrorArrows'), paths=dict(type='TrainingPaths'),
    spectra=dict(type='VarianceSpectra'), reliance=dict(type='ReplacedHalves'))
seeds = 2
"""


def write_study(folder, text='', name='study.py'):
    """Write the config of a study."""
    file = folder / name
    file.write_text(TINY + text)
    return file


def stopping(marker, how='kill'):
    """The text of a study, of two cells, of which one is stopped once."""
    imports = ['mmct.models', 'mmct.engine', 'mmct.datasets', 'study_files']
    hook = dict(type='StopOnce', marker=str(marker), how=how)
    overlay = dict(custom_imports=dict(imports=imports), custom_hooks=[hook])
    return f'arms = dict(none=dict(config=nobn), BN=dict(config=bn, overlay={overlay!r}))\n'


def results_of(folder):
    """The results of a study, by the titles of their cells."""
    found = [json.loads(file.read_text()) for file in (folder / 'results').glob('*.json')]
    return {result['title']: result for result in found}


def starts_of(folder):
    """How often each cell was trained or gone on with, by its key."""
    # mmengine makes a folder with the time at each start.
    return {run.name: len(list(run.glob('2*_*'))) for run in (folder / 'runs').iterdir()}


class InThisProcess(Executor):
    """Runs one cell after the other in the tests' process, which has imported everything."""

    def __init__(self, jobs):
        super().__init__(jobs)
        self.cells = []

    @property
    def running(self):
        return [cell.key for cell, _ in self.cells]

    def start(self, cell, folder):
        self.cells.append((cell, folder))

    def wait(self, seconds):
        cell, folder = self.cells.pop(0)
        log = log_of(cell, folder)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open('a') as file, redirect_stdout(file), redirect_stderr(file):
            return [run_cell(cell, folder)]

    def close(self):
        self.cells = []


@HOOKS.register_module(force=True)
class StopOnce(Hook):
    """Stops the process at the end of the second epoch, but only once.

    Args:
        marker (str): The file that says that it has done so.
        how (str): 'kill' or 'error'.
    """

    def __init__(self, marker, how='kill'):
        self.marker, self.how = Path(marker), how

    def after_train_epoch(self, runner):
        if runner.epoch != 1 or self.marker.exists():
            return
        self.marker.touch()
        if self.how == 'kill':
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError('first line\nthe last line')
