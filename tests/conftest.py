"""What all tests need: mmpretrain's scope, one seed, few threads."""

import pytest
import torch
from mmengine.registry import init_default_scope


@pytest.fixture(autouse=True)
def _scope_and_seed(monkeypatch):
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    # A Runner asks gcc and nvcc for their versions, and formats the config for
    # each checkpoint: seconds, a hundred times.
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    # One stack imports the formatter when it is used, the other at its start.
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', _unformatted)
    monkeypatch.setattr('mmengine.config.config.FormatCode', _unformatted, raising=False)


def _unformatted(text, **kwargs):
    return text, False
