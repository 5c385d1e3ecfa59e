"""A CT run on real digits that takes a second or two."""

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmct import config_path

TINY = {
    'model.backbone.stem_channels': 4,
    'model.backbone.base_channels': 4,
    'model.head.in_channels': 32,
    'train_dataloader.batch_size': 16,
    'train_dataloader.dataset.indices': 64,
    'train_dataloader.dataset.serialize_data': False,
    'val_dataloader.dataset.indices': 32,
    'val_dataloader.dataset.serialize_data': False,
    'train_cfg.max_epochs': 2,
    'log_level': 'WARNING',
}


@pytest.fixture
def tiny(tmp_path):
    """Make a shrunk config: ``tiny(name, hook_settings, **options)``."""

    def make(name='ct_resnet18_digits', hook=None, options=None):
        cfg = Config.fromfile(config_path(name))
        cfg.work_dir = str(tmp_path / 'work')
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
def train():
    """Train a config, as a stock tool does, and give the runner."""

    def run(cfg):
        runner = Runner.from_cfg(cfg)
        runner.train()
        return runner

    return run
