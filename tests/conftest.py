"""What all tests need: mmpretrain's scope, one seed, few threads; and pictures."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmct.datasets import PACS


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


@pytest.fixture(scope='session')
def pictures(tmp_path_factory):
    """PACS in small: four domains, seven classes of six pictures."""
    root = tmp_path_factory.mktemp('PACS')
    rng = np.random.default_rng(0)
    for domain in PACS.DOMAINS:
        for name in PACS.METAINFO['classes']:
            (root / domain / name).mkdir(parents=True)
            for number in range(6):
                image = rng.integers(0, 256, (24, 24, 3), np.uint8)
                cv2.imwrite(str(root / domain / name / f'{number}.png'), image)
    return root


def _unformatted(text, **kwargs):
    return text, False
