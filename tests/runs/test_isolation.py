"""What happens inside stays inside."""

import random

import numpy as np
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmct.runs.isolation import isolated, stop_workers


def _draws():
    return random.random(), np.random.rand(), torch.rand(1).item()


def _seed():
    random.seed(1), np.random.seed(1), torch.manual_seed(1)


def test_random_generators_go_on_as_if_nothing_had_run():
    _seed()
    expected = _draws()
    _seed()
    with isolated():
        torch.manual_seed(7), np.random.seed(7), random.seed(7)
        _draws()
    assert _draws() == expected


def test_current_instances_are_the_outer_ones(tmp_path):
    log = str(tmp_path / 'inner.log')
    outer = MMLogger.get_instance('outer'), MessageHub.get_instance('outer')
    DefaultScope.get_instance('outer', scope_name='mmpretrain')
    with isolated():
        inner = MMLogger.get_instance('inner', log_file=log)
        MessageHub.get_instance('inner')
        DefaultScope.get_instance('inner', scope_name='mmengine')
        assert MMLogger.get_current_instance() is inner
    current = MMLogger.get_current_instance(), MessageHub.get_current_instance()
    assert current == outer
    assert DefaultScope.get_current_instance().scope_name == 'mmpretrain'
    files = [h for h in inner.handlers if hasattr(h, 'baseFilename')]
    assert len(files) == 1
    assert files[0].stream is None, 'the inner log file is still open'


def test_they_are_restored_after_an_error_too():
    outer = MMLogger.get_instance('outer')
    try:
        with isolated():
            MMLogger.get_instance('inner')
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert MMLogger.get_current_instance() is outer


def test_stop_workers_ends_persistent_processes(tiny):
    options = {
        'train_dataloader.num_workers': 1,
        'train_dataloader.persistent_workers': True,
        'train_cfg.max_epochs': 1,
    }
    runner = Runner.from_cfg(tiny('nobn_resnet18_digits', options=options))
    runner.train()
    workers = runner.train_dataloader._iterator._workers
    assert all(worker.is_alive() for worker in workers)
    stop_workers(runner)
    for worker in workers:
        worker.join(10)
    assert not any(worker.is_alive() for worker in workers)
