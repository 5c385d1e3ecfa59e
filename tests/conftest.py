"""What all tests need: mmpretrain's scope, one seed, few threads."""

import pytest
import torch
from mmengine.registry import init_default_scope


@pytest.fixture(autouse=True)
def _scope_and_seed(monkeypatch):
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    # A Runner asks gcc and nvcc for their versions: seconds, a hundred times.
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
