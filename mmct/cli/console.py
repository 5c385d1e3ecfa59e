"""Show a run's header, progress and results on the console."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mmengine
import mmpretrain
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner
from torch import nn

from mmct.messages import counted
from mmct.runs.configs import type_name
from mmct.runs.console import RunConsole
from mmct.runs.quiet_logging import quiet_logging
from mmct.runs.ranks import rank_and_world_size, unwrapped
from mmct.stack import installed_stack
from mmct.version import __version__


@contextmanager
def run_console(verbose: bool) -> Iterator[RunConsole | None]:
    """Show a run in a few lines within the block, and always remove its progress bar at the end.

    Args:
        verbose (bool): Whether to show the full log instead.

    Yields:
        RunConsole: The console; None if the full log is shown.
    """
    if verbose:
        yield None
        return
    console = RunConsole()
    with quiet_logging(console):
        try:
            yield console
        finally:
            console.end()


def header(runner: Runner, *splits: str) -> list[str]:
    """Describe a run in five lines: versions, config, model, data, and device with settings.

    Args:
        runner (Runner): The runner, before it runs.
        *splits (str): The splits that it reads, from 'train', 'val' and 'test'.
    """
    cfg = runner.cfg
    versions = f'mmengine {mmengine.__version__}, mmpretrain {mmpretrain.__version__}'
    return [
        f'mmct {__version__}, {installed_stack()} stack ({versions}), torch {torch.__version__}',
        f'config  {_near(cfg.filename)}',
        f'model   {_network(unwrapped(runner), cfg)}',
        f'data    {_data(runner, splits)}',
        f'run     {_device()}, {_precision(cfg, splits)}, seed {runner.seed}, '
        f'log in {_near(runner.logger.log_file)}',
    ]


def _network(model: nn.Module | dict, cfg: Config) -> str:
    """Name a model and its backbone, with the number of parameters."""
    # Test-time augmentation wraps the model, and some runners build it later.
    model = getattr(model, 'module', model)
    if not isinstance(model, nn.Module):
        return type_name(cfg.model)
    backbone = getattr(model, 'backbone', None)
    inside = '' if backbone is None else f' with {type(backbone).__name__}'
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return f'{type(model).__name__}{inside}, {counted(parameters, "parameter", "parameters")}'


def _precision(cfg: Config, splits: tuple[str, ...]) -> str:
    if 'train' in splits:
        mixed = type_name(cfg.optim_wrapper) in ('AmpOptimWrapper', 'BFloat16OptimWrapper')
    else:
        mixed = cfg.test_cfg.get('fp16')
    return 'mixed precision' if mixed else 'float32'


def _data(runner: Runner, splits: tuple[str, ...]) -> str:
    sets = {split: getattr(runner, f'{split}_dataloader').dataset for split in splits}
    uses = dict(train='for training', val='for validation', test='for the test')
    first = next(iter(sets.values()))
    counts = [
        f'{counted(len(data), "image", "images")} {uses[split]}' for split, data in sets.items()
    ]
    classes = getattr(first, 'metainfo', {}).get('classes')
    if classes is not None:
        counts.append(counted(len(classes), 'class', 'classes'))
    return f'{type(first).__name__}: {", ".join(counts)}'


def _device() -> str:
    name = get_device()
    if name == 'cuda':
        name = torch.cuda.get_device_name()
    processes = rank_and_world_size()[1]
    return f'{processes} x {name}' if processes > 1 else name


def _near(path: str | None) -> str:
    """Shorten a path below the working directory to a relative path."""
    if not path:
        return 'none'
    path, here = Path(path).absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
