"""What all tests need: mmpretrain's scope and one seed; small configs and pictures.

Imported too by the process that only hands the tests out to others, which needs no torch.
"""

import pytest
from small_network import OPTIONS

TINY = {
    **OPTIONS,
    'train_dataloader.batch_size': 16,
    'train_dataloader.dataset.indices': 64,
    'train_dataloader.dataset.serialize_data': False,
    'val_dataloader.dataset.indices': 32,
    'val_dataloader.dataset.serialize_data': False,
    'train_cfg.max_epochs': 2,
    'log_level': 'WARNING',
}


def pytest_configure(config):
    hands_out = getattr(config.option, 'numprocesses', None) and not hasattr(config, 'workerinput')
    if not hands_out:
        import quick  # noqa: F401
        import tool_runs

        tool_runs.serve()


@pytest.fixture(autouse=True)
def _scope_and_seed():
    import torch
    from mmengine.registry import init_default_scope

    init_default_scope('mmpretrain')
    torch.manual_seed(0)


@pytest.fixture(scope='session')
def pictures(tmp_path_factory):
    """PACS in small: four domains, seven classes of six pictures."""
    import cv2
    import numpy as np

    from mmct.datasets import PACS

    root = tmp_path_factory.mktemp('PACS')
    rng = np.random.default_rng(0)
    for domain in PACS.DOMAINS:
        for name in PACS.METAINFO['classes']:
            (root / domain / name).mkdir(parents=True)
            for number in range(6):
                image = rng.integers(0, 256, (24, 24, 3), np.uint8)
                cv2.imwrite(str(root / domain / name / f'{number}.png'), image)
    return root


@pytest.fixture
def tiny(tmp_path):
    """Make a shrunk config: ``tiny(name, hook_settings, **options)``."""

    from mmengine.config import Config

    from mmct import config_path

    def make(name='ct_resnet18_digits', hook=None, options=None):
        cfg = Config.fromfile(config_path(name))
        cfg.work_dir = str(tmp_path / 'work')
        # Not the recipe of the config, but the defaults of loss and hook.
        cfg.model.pop('consistency', None)
        cfg.merge_from_dict({**TINY, **(options or {})})
        if name.startswith('ct'):
            # Two epochs on 64 images need not make a good teacher.
            settings = {'type': 'NoBNTeacherHook', 'on_weak_teacher': 'warn', **(hook or {})}
            cfg.custom_hooks = [settings]
        elif hook:
            for own in cfg.custom_hooks:
                own.update(hook)
        return cfg

    return make


@pytest.fixture
def rehearsed(monkeypatch):
    """Rehearse before a teacher is trained, as outside of tests."""
    from mmct.teacher.rehearsal import rehearse

    monkeypatch.setattr('mmct.teacher.training.rehearse', rehearse)


@pytest.fixture
def train():
    """Train a config, as a stock tool does, perhaps with more hooks, and give the runner."""

    from mmengine.runner import Runner

    def run(cfg, *hooks):
        runner = Runner.from_cfg(cfg)
        for hook in hooks:
            runner.register_hook(hook)
        runner.train()
        return runner

    return run


@pytest.fixture
def server(monkeypatch):
    """A server of files, between whose answers nothing waits."""
    from file_server import running

    monkeypatch.setattr('mmct.runs.download._PAUSE', 0.0)
    with running() as found:
        yield found
