"""A run's folder: one writer, one seed."""

import json
import random
from pathlib import Path

from filelock import FileLock
from mmengine.config import Config

from ..errors import CTError
from ..locks import lock_folder
from ..main_process import in_main_process
from ..whole_files import write_json


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
