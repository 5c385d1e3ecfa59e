"""Which launchers are taken, and what mmengine is then asked for."""

import pytest
from mmengine.config import Config

from mmct.runs import CTError
from mmct.runs.ranks import check_launcher, join_processes

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
