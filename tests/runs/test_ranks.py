"""Which launchers are taken, and what mmengine is then asked for."""

import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmct.cli.configs import merge_common_arguments
from mmct.runs import CTError
from mmct.runs.ranks import average_buffers, check_launcher, join_processes

LAUNCHERS = dict(
    pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_LOCAL_RANK'
)


@pytest.mark.parametrize('launcher', LAUNCHERS)
def test_a_launcher_must_have_started_the_process(launcher, monkeypatch):
    monkeypatch.delenv(LAUNCHERS[launcher], raising=False)
    with pytest.raises(CTError, match=f'--launcher {launcher} needs'):
        check_launcher(launcher)
    monkeypatch.setenv(LAUNCHERS[launcher], '0')
    check_launcher(launcher)


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_on_the_cpu_there_is_only_torchrun(launcher, monkeypatch):
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'cpu')
    with pytest.raises(CTError, match='only a CPU: torchrun'):
        join_processes(Config(dict(launcher=launcher)))


@pytest.mark.parametrize('launcher', LAUNCHERS)
def test_with_an_accelerator_mmengine_joins_them(launcher, monkeypatch):
    asked = []
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'cuda')
    monkeypatch.setattr(
        'mmengine.dist.init_dist', lambda *args, **kwargs: asked.append((args, kwargs))
    )
    cfg = Config(dict(launcher=launcher, env_cfg=dict(dist_cfg=dict(backend='nccl'))))
    join_processes(cfg)
    assert asked == [((launcher,), dict(backend='nccl'))]
    # The GPU's device ids are mmengine's to set.
    assert 'model_wrapper_cfg' not in cfg


def test_one_process_joins_nothing():
    cfg = Config(dict(launcher='none'))
    join_processes(cfg)
    assert dict(cfg) == dict(launcher='none')


def test_buffers_that_checkpoints_have_are_averaged(monkeypatch):
    network = nn.Sequential(nn.BatchNorm1d(3))
    network.register_buffer('mean', torch.full((3,), 0.1), persistent=False)
    network[0].running_var.fill_(3.0)
    monkeypatch.setattr('mmct.runs.ranks.rank_and_world_size', lambda: (0, 2))
    # The other process has 5.
    monkeypatch.setattr('mmengine.dist.all_reduce', lambda values, op: values.add_(5).div_(2))
    average_buffers(network)
    assert network[0].running_var.tolist() == [4.0] * 3
    assert network[0].num_batches_tracked == 0
    assert torch.equal(network.mean, torch.full((3,), 0.1))


@pytest.mark.parametrize(('launcher', 'variables', 'rank'), [
    ('none', {}, '0'),
    ('none', {'OMPI_COMM_WORLD_LOCAL_RANK': '3'}, '0'),
    ('mpi', {'OMPI_COMM_WORLD_LOCAL_RANK': '3'}, '3'),
    ('mpi', {'OMPI_COMM_WORLD_LOCAL_RANK': '3', 'LOCAL_RANK': '1'}, '1'),
])  # fmt: skip
def test_the_device_of_a_process_is_that_of_its_launcher(monkeypatch, launcher, variables, rank):
    for name in ('LOCAL_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK'):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    args = SimpleNamespace(local_rank=0, launcher=launcher, work_dir='w', config='c.py')
    merge_common_arguments(Config({}), args)
    assert os.environ['LOCAL_RANK'] == rank
