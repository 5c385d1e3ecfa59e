"""Coordinate the processes of a job."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from .errors import CTError, one_line

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner
    from torch import Tensor, nn

T = TypeVar('T')
_ALONE = ContextVar('_ALONE', default=False)


@contextmanager
def alone() -> Iterator[None]:
    """Let this process work in the block as if the job had no others, so that it waits for none."""
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


def rank_and_world_size() -> tuple[int, int]:
    """Return the rank of this process in the job, and the number of processes: 0, 1 if alone."""
    import torch.distributed as dist

    if not _ALONE.get() and dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def is_main_rank() -> bool:
    """Check whether this process is the main process of the job."""
    return rank_and_world_size()[0] == 0


def sum_over_ranks(values: Tensor) -> None:
    """Sum a tensor over the processes of the job.

    Args:
        values (Tensor): The tensor on the device of the backend, changed in place.
    """
    import torch.distributed as dist

    if rank_and_world_size()[1] > 1:
        dist.all_reduce(values)


def on_main_rank(decide: Callable[[], T]) -> T:
    """Call a function in the main process only, and broadcast its result.

    Args:
        decide (Callable): Returns anything that can be pickled.

    Returns:
        T: The result, in each process.

    Raises:
        Exception: In each process, if the function raises it: no process waits for another.
    """
    import torch.distributed as dist

    if rank_and_world_size()[1] == 1:
        return decide()
    answer: list = [None, None]
    if is_main_rank():
        try:
            answer[0] = decide()
        except Exception as error:
            # Not all exceptions can be pickled.
            said = error if isinstance(error, CTError) else CTError(one_line(error))
            dist.broadcast_object_list([None, said])
            raise
    dist.broadcast_object_list(answer)
    if answer[1] is not None:
        raise answer[1]
    return answer[0]


def unwrapped(runner: Runner) -> nn.Module:
    """Return the model of a runner without its distributed wrapper.

    Args:
        runner (Runner): Any runner.

    Returns:
        nn.Module: The model itself.
    """
    from mmengine.model import is_model_wrapper

    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def average_buffers(model: nn.Module) -> None:
    """Average the buffers of a network, such as BN's statistics, over the processes of the job.

    Args:
        model (nn.Module): The network, changed in place. Buffers that checkpoints do not have
            are constants and stay as they are.
    """
    from mmengine.dist import all_reduce

    if rank_and_world_size()[1] == 1:
        return
    kept = model.state_dict().keys()
    for name, buffer in model.named_buffers():
        if name in kept and buffer.is_floating_point():
            # Also where the network of an EMAHook is not on the backend's device.
            all_reduce(buffer, op='mean')


def available_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# The variable that each launcher sets in the environment of its processes.
_SET_BY = dict(
    pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_LOCAL_RANK'
)
_HOW = dict(
    pytorch='torchrun --nproc-per-node N tools/... --launcher pytorch',
    slurm='srun ... python tools/... --launcher slurm',
    mpi='mpirun ... python tools/... --launcher mpi',
)


def check_launcher(launcher: str) -> None:
    """Refuse a launcher that did not start this process.

    Args:
        launcher (str): 'none', 'pytorch', 'slurm' or 'mpi'.

    Raises:
        CTError: If the launcher did not start this process; the message names the command.
    """
    if launcher != 'none' and _SET_BY[launcher] not in os.environ:
        raise CTError(f'--launcher {launcher} needs its launcher: {_HOW[launcher]}')


def join_processes(cfg: Config) -> None:
    """Connect the processes of the job before anything is built, with or without GPUs.

    mmengine would do this when the Runner is built, and only with CUDA.

    Args:
        cfg (Config): A config with ``launcher``; on a CPU it gets the settings
            that mmengine's model wrapper needs there.

    Raises:
        CTError: If the launcher cannot be used on the CPU.
    """
    import torch.distributed
    from mmengine.device import get_device
    from mmengine.dist import init_dist

    if cfg.launcher == 'none' or torch.distributed.is_initialized():
        return
    if get_device() != 'cpu':
        init_dist(cfg.launcher, **(cfg.get('env_cfg') or {}).get('dist_cfg', {}))
        return
    if cfg.launcher != 'pytorch':
        raise CTError(
            f'--launcher {cfg.launcher} needs GPUs, but there is only a CPU: {_HOW["pytorch"]}'
        )
    torch.distributed.init_process_group('gloo')
    cfg.model_wrapper_cfg = {
        'type': 'MMDistributedDataParallel',
        **(cfg.get('model_wrapper_cfg') or {}),
        'device_ids': None,
        'broadcast_buffers': False,
    }
