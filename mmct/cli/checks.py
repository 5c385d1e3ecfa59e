"""What would fail later, or silently, is refused before a run."""

import json
import random
from pathlib import Path

from filelock import FileLock
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmct.runs.checkpoint import check_fits, load_state_dict
from mmct.runs.configs import type_name
from mmct.runs.errors import CTError
from mmct.runs.files import lock_folder, write_json
from mmct.runs.ranks import in_main_process
from mmct.runs.resume import other_checkpoints


def check_amp(cfg: Config) -> None:
    """Refuse mixed precision where it cannot be had.

    Args:
        cfg (Config): The training config.

    Raises:
        CTError: If the optimizer wrapper is of another kind, or there is no
            accelerator.
    """
    kind = type_name(cfg.optim_wrapper) or 'OptimWrapper'
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise CTError(
            f'--amp cannot be used with optim_wrapper.type={kind}: only OptimWrapper '
            'has a mixed-precision twin'
        )
    if get_device() == 'cpu':
        raise CTError(
            '--amp needs an accelerator (mmengine runs AmpOptimWrapper on CUDA and '
            'the like), but this machine has only a CPU: leave --amp out'
        )


def data_loader(runner: Runner, split: str, option: str | None = None) -> DataLoader:
    """Build the loader of a split, and check its classes.

    Args:
        runner (Runner): Of which the loader is.
        split (str): 'train', 'val' or 'test'.
        option (str, optional): What names the folder of the data. Defaults to
            the setting of the config.

    Returns:
        DataLoader: The runner's own.

    Raises:
        CTError: If there is no data, or the head does not fit.
    """
    field = f'{split}_dataloader'
    try:
        loader = getattr(runner, field)
    except CTError:
        raise
    except (OSError, RuntimeError) as error:
        where = getattr(error, 'filename', None)
        cause = f'{where} does not exist' if where else str(error).rstrip('.')
        option = option or f'--cfg-options {field}.dataset.data_root=FOLDER'
        raise CTError(
            f'no data for {field}: {cause}; put the data there, or name its folder with {option}'
        ) from error
    check_classes(loader, runner)
    return loader


def check_classes(loader: DataLoader, runner: Runner) -> None:
    """Refuse a head that has not as many outputs as the data has classes.

    Args:
        loader (DataLoader): Loader of the data.
        runner (Runner): Holds the model.

    Raises:
        CTError: Names both numbers.
    """
    classes = getattr(loader.dataset, 'metainfo', {}).get('classes')
    head = getattr(getattr(runner.model, 'module', runner.model), 'head', None)
    expected = getattr(head, 'num_classes', None)
    if classes is not None and expected is not None and len(classes) != expected:
        raise CTError(
            f'the data has {len(classes)} classes but the head has {expected}: set '
            f'model.head.num_classes={len(classes)}, or check the data folder'
        )


def check_checkpoint(path: str, runner: Runner) -> None:
    """Refuse a checkpoint that lacks weights of the model.

    mmengine would only log what is missing and test with random weights.

    Args:
        path (str): The file.
        runner (Runner): Holds the model.

    Raises:
        CTError: Names the first parameter.
    """
    # Test-time augmentation wraps the model as distributed training does.
    model = getattr(runner.model, 'module', runner.model)
    check_fits(f'checkpoint {path}', load_state_dict(path), model)


def check_resumed(path: str, runner: Runner) -> None:
    """Refuse a damaged or foreign checkpoint before anything is written.

    Args:
        path (str): The checkpoint to resume.
        runner (Runner): The run that is to go on.

    Raises:
        CTError: Says what is wrong, and which other checkpoints there are.
    """
    try:
        check_checkpoint(path, runner)
    except CTError as error:
        raise CTError(f'{error}{other_checkpoints(path, runner.work_dir)}') from error


def claim_work_dir(cfg: Config) -> FileLock | None:
    """Lock the work dir, and settle the run's seed before anything is built.

    A seed that the config leaves open is drawn once in a work dir and kept in
    its ``seed.json``: a run that is started again has the same one.

    Args:
        cfg (Config): With ``work_dir``; gets ``randomness.seed``.

    Returns:
        FileLock: In the main process; held as long as it is referenced.

    Raises:
        CTError: In all processes, if another run writes to the folder or its
            ``seed.json`` is damaged.
    """
    lock = None

    def claim() -> int:
        nonlocal lock
        lock = lock_folder(Path(cfg.work_dir), 'use another --work-dir')
        return _seed(cfg)

    seed = in_main_process(claim)
    cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': seed}
    return lock


def _seed(cfg: Config) -> int:
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None:
        return seed
    file = Path(cfg.work_dir) / 'seed.json'
    if not file.exists():
        # Not from the global generators, which somebody may have seeded.
        write_json(file, dict(seed=random.SystemRandom().randrange(2**31)))
    try:
        return int(json.loads(file.read_text(encoding='utf-8'))['seed'])
    except (ValueError, TypeError, KeyError) as error:
        raise CTError(f'{file} is damaged: set randomness.seed, or remove it') from error
