"""Checkpoints hold the config as it is, formatted once; test_resume.py has all about resuming."""

import torch
from mmengine.config import Config
from mmengine.hooks import Hook


class Rename(Hook):
    """Changes the config in the second epoch."""

    def before_train_epoch(self, runner):
        if runner.epoch == 1:
            runner.cfg.experiment_name = 'renamed'


def test_a_config_is_formatted_once_for_all_checkpoints_unless_it_changes(
    tiny, train, monkeypatch, tmp_path
):
    formatted, texts = Config.pretty_text, []

    def counted(cfg):
        texts.append(formatted.fget(cfg))
        return texts[-1]

    monkeypatch.setattr(Config, 'pretty_text', property(counted))
    checkpoint = dict(type='ResumableCheckpointHook', interval=1, max_keep_ckpts=-1)
    cfg = tiny('bn_resnet18_digits', options={'train_cfg.max_epochs': 3})
    cfg.default_hooks.checkpoint = checkpoint
    train(cfg, Rename())
    saved = [
        torch.load(tmp_path / 'work' / f'epoch_{epoch}.pth', weights_only=False)['meta']['cfg']
        for epoch in (1, 2, 3)
    ]
    assert saved[0] != saved[1] == saved[2]
    assert 'renamed' in saved[1] and texts.count(saved[1]) == texts[1:].count(saved[1]) == 1
    assert Config.pretty_text.fget is counted
