"""The lines and the bar of a training."""

import io
import re

import pytest
from mmengine.hooks import Hook
from rich.console import Console

from mmct.runs.console import RunConsole
from mmct.runs.progress_hook import TrainingProgressHook


class Losses(Hook):
    """Collects the loss of each step."""

    def __init__(self):
        self.values = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.values.append(outputs['loss'].item())


@pytest.fixture
def shown(tiny, train):
    """Train the digits, and give what was shown, the losses and the runner."""

    def run(options, **terminal):
        out, losses = io.StringIO(), Losses()
        console = RunConsole(Console(file=out, width=100, **terminal))
        cfg = tiny('bn_resnet18_digits', options=options)
        cfg.param_scheduler = []
        train(cfg, TrainingProgressHook(console), losses)
        return out.getvalue(), losses.values

    return run


def test_an_epoch_is_a_line_with_its_mean_loss_and_its_validation(shown):
    text, losses = shown({'train_cfg.max_epochs': 3, 'train_cfg.val_interval': 2})
    lines = text.splitlines()
    assert len(lines) == 3
    for number, line in enumerate(lines):
        mean = sum(losses[4 * number :][:4]) / 4
        assert line.startswith(f'epoch {number + 1} of 3   loss {mean:.4f}   ')
        assert line.count('lr 0.1   ') == 1
    assert ['accuracy' in line for line in lines] == [False, True, True]
    assert [line.endswith(' left') for line in lines] == [True, True, False]
    assert not re.search(r'[\x00-\x09\x0b-\x1f]', text)


def test_a_training_of_iterations_has_a_line_for_a_tenth_and_a_validation(shown):
    loop = dict(_delete_=True, by_epoch=False, max_iters=20, val_interval=7)
    text, losses = shown({'train_cfg': loop, 'log_processor.by_epoch': False})
    lines = text.splitlines()
    seen = [2, 4, 6, 7, 9, 11, 13, 14, 16, 18, 20]
    assert [int(line.split()[1]) for line in lines] == seen
    assert [int(line.split()[1]) for line in lines if 'accuracy' in line] == [7, 14, 20]
    assert f'   loss {losses[6]:.4f}   ' in lines[3]
    assert f'   loss {sum(losses[7:9]) / 2:.4f}   ' in lines[4]


def test_a_terminal_has_a_bar_that_is_gone_at_the_end(shown, monkeypatch):
    monkeypatch.setattr('mmct.runs.console._EVERY', 0)
    text, _ = shown({}, force_terminal=True)
    plain = re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', text)
    assert [f'{number}/8' in plain for number in range(9)] == [True] * 9
    drawn = [part for part in re.split(r'[\r\n]+', plain) if part.strip()]
    assert [part[:13] for part in drawn if part.startswith('epoch')] == [
        'epoch 1 of 2 ', 'epoch 2 of 2 '
    ]  # fmt: skip
    assert text.endswith('\x1b[2K')
