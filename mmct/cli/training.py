"""Run the ``train`` command, from its options to a trained model."""

import copy
import logging
import random
from argparse import Namespace
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from filelock import FileLock
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.runner import Runner
from pydantic import Field

from mmct.methods import add_methods
from mmct.records import Record, read_record
from mmct.runs.building import build_runner, data_loader, dump_config
from mmct.runs.checkpoint import checkpoint_to_resume, other_checkpoints
from mmct.runs.config_check import check_config
from mmct.runs.configs import (
    import_mmct,
    length_key,
    load_config,
    resume_from,
    scoped,
    start_anew,
    type_name,
    use_resumable_checkpoints,
)
from mmct.runs.console import RunConsole
from mmct.runs.domains import set_test_domain
from mmct.runs.errors import CTError, config_errors, hook_errors
from mmct.runs.files import lock_folder, write_json
from mmct.runs.progress_hook import TrainingProgressHook
from mmct.runs.ranks import join_processes, on_main_rank, unwrapped
from mmct.runs.weights import check_fits, check_some_fit, load, load_state_dict, safe_loading
from mmct.teacher import switch_on_ct, teacher_hook
from mmct.teacher.config import is_pretrained
from mmct.teacher.rehearsal import rehearse_alone

from .configs import cfg_options, merge_cfg_options, merge_common_arguments, set_loader
from .console import header


def train(args: Namespace, console: RunConsole | None = None) -> None:
    """Build the run with its data, and train.

    Args:
        args (Namespace): The options.
        console (RunConsole, optional): The console that shows header and progress. Defaults to
            None, which shows neither.

    Raises:
        CTError: If config, data or checkpoint have an error. It is raised before training.
    """
    cfg = load_config(args.config)
    check_config(cfg)
    needed = ('train_dataloader', 'train_cfg', 'optim_wrapper')
    given = {word.split('=')[0].split('.')[0] for word in args.cfg_options or []}
    missing = [key for key in needed if not cfg.get(key) and key not in given]
    if missing:
        raise CTError(f'config {args.config} trains nothing: set {", ".join(missing)}')
    with config_errors():
        merge_args(cfg, args)
    join_processes(cfg)
    _check_config_stays(cfg)
    lock = _claim_work_dir(cfg)
    runner = build_runner(cfg)
    _leave_out_permissions(runner.config_to_dump, args)
    data_loader(runner, 'train')
    if cfg.get('val_dataloader'):
        data_loader(runner, 'val')
    _check_start(cfg, runner)
    if console is not None:
        _show(console, runner)
    if teacher_hook(cfg) is None:  # which rehearses both stages
        rehearse_alone(runner)
    dump_config(runner, replace=False)
    with safe_loading(), hook_errors():
        runner.train()
    if lock is not None:
        lock.release()


def merge_args(cfg: Config, args: Namespace) -> Config:
    """Merge the options into the config.

    Args:
        cfg (Config): The config. It is changed in place.
        args (Namespace): The options.

    Returns:
        Config: The same ``cfg``, which now contains everything that the run depends on.

    Raises:
        CTError: If an option does not fit the config.
    """
    with_ct = teacher_hook(cfg) is not None
    given = cfg_options(args)
    starts = 'load_from' in given and not given.get('resume')
    if starts and 'start_from' in cfg:
        # The dumped config of a resumed run: these weights are to start from.
        cfg.resume = False
        cfg.pop('start_from')
    if args.ct:
        # Before the options, so that they can change what the switch adds. That depends on the
        # weights to start from, which they may name.
        named = {key: value for key, value in given.items() if key.split('.')[0] == 'model'}
        if starts:
            named['load_from'] = given['load_from']
        start = copy.deepcopy(cfg)
        for key, value in named.items():
            # What a method has yet to add cannot be changed here; below it can.
            with suppress(KeyError, TypeError):
                start.merge_from_dict({key: value})
        switch_on_ct(cfg, is_pretrained(start))
    add_methods(cfg, args.method)
    if args.test_domain:
        set_test_domain(cfg, args.test_domain)
    merge_cfg_options(cfg, args)
    check_config(cfg)
    # A run with a switch must not replace the baseline of the same config.
    switches = [*args.method, *(['ct'] if args.ct and not with_ct else [])]
    if args.test_domain:
        switches.append(args.test_domain)
    merge_common_arguments(cfg, args, suffix=''.join(f'_{name}' for name in switches))
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    _set_resume(cfg, args)
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise CTError(
                '--auto-scale-lr needs to know the batch size that the lr is '
                'for: --cfg-options auto_scale_lr.base_batch_size=N'
            )
        cfg.auto_scale_lr.enable = True
    for field in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        set_loader(cfg, field, args, persistent_workers=True)
    if args.amp:
        _use_amp(cfg)
    if args.channels_last:
        hooks = dict(cfg.get('default_hooks') or {})
        cfg.default_hooks = dict(hooks, channels_last=dict(type=scoped(cfg, 'ChannelsLastHook')))
        import_mmct(cfg)
    _set_checkpoints(cfg, args.allow_other_config)
    # A command that goes on does not train again what it has finished.
    retrain = True if args.resume is None else 'unless_trained'
    set_teacher_options(
        cfg,
        checkpoint=args.teacher,
        retrain=retrain if args.retrain_teacher else None,
        on_weak_teacher='warn' if args.allow_weak_teacher else None,
    )
    return cfg


def _set_resume(cfg: Config, args: Namespace) -> None:
    resume = args.resume
    # What a resumed run of ours wrote has start_from: it starts anew, unless told not to.
    own = 'start_from' in cfg and not cfg_options(args).get('resume')
    if resume is None and cfg.get('resume') and not own:
        resume = cfg.get('load_from') or 'auto'
    path = None if resume is None else checkpoint_to_resume(cfg.work_dir, resume)
    if path is None:
        start_anew(cfg, args.config)
    if resume is not None:
        resume_from(cfg, path)


def _leave_out_permissions(cfg: Config, args: Namespace) -> None:
    """Leave what is permitted for one start out of the config from which others may start.

    ``on_weak_teacher`` stays: without it, the config would not train the same student.
    """
    if args.retrain_teacher:
        teacher_hook(cfg).pop('retrain', None)
    if args.allow_other_config:
        cfg.default_hooks.checkpoint.pop('on_other_config', None)


def _use_amp(cfg: Config) -> None:
    """Set mixed precision: mmengine's on an accelerator, bfloat16 on a CPU or an Apple GPU."""
    kind = type_name(cfg.optim_wrapper) or 'OptimWrapper'
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'BFloat16OptimWrapper'):
        raise CTError(
            f'--amp cannot be used with optim_wrapper.type={kind}: only OptimWrapper '
            'has a mixed-precision twin'
        )
    if kind == 'BFloat16OptimWrapper':
        return
    if get_device() in ('cpu', 'mps'):  # mmengine's needs one that it knows
        cfg.optim_wrapper.type = scoped(cfg, 'BFloat16OptimWrapper')
        for name in ('loss_scale', 'dtype'):
            cfg.optim_wrapper.pop(name, None)
        import_mmct(cfg)
    else:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def _set_checkpoints(cfg: Config, allow_other_config: bool) -> None:
    """Let the run save checkpoints from which it can be resumed unchanged."""
    hook = use_resumable_checkpoints(cfg)
    counts_epochs = hook is not None and hook.get('by_epoch', True) and hook.get('interval') != -1
    if counts_epochs and length_key(cfg) == 'max_iters':
        print_log(
            'the training counts iterations and its checkpoints epochs, so that it has none before '
            'its end and cannot be resumed: set by_epoch=False and interval=N in '
            'default_hooks.checkpoint',
            logger='current',
            level=logging.WARNING,
        )
    if not allow_other_config:
        return
    if type_name(hook) != 'ResumableCheckpointHook':
        raise CTError('--allow-other-config needs default_hooks.checkpoint to be a CheckpointHook')
    hook.on_other_config = 'warn'


def set_teacher_options(cfg: Config, **options: object) -> None:
    """Add options to the settings of the teacher hook.

    Args:
        cfg (Config): The config. It is changed in place.
        **options: Arguments of ``NoBNTeacherHook``. None and False are skipped.

    Raises:
        CTError: If the config lacks the hook although an option is given or its model is a
            ``CTClassifier``, or a teacher is both given and to be trained.
    """
    given = {name: value for name, value in options.items() if value}
    hook = teacher_hook(cfg)
    if hook is None and type_name(cfg.get('model')) == 'CTClassifier':
        raise CTError(
            'the model is a CTClassifier, but custom_hooks has no '
            "NoBNTeacherHook: add --ct, or dict(type='NoBNTeacherHook')"
        )
    if given and hook is None:
        raise CTError(
            'options for the teacher need a CT config: add --ct, or '
            "dict(type='NoBNTeacherHook') to custom_hooks"
        )
    for name, value in given.items():
        hook[name] = value
    if hook is not None and hook.get('checkpoint') and hook.get('retrain'):
        raise CTError(
            f'a teacher is given, {hook.checkpoint}, and is to be trained (--retrain-teacher): '
            'leave out one of them'
        )


def _check_config_stays(cfg: Config) -> None:
    """Refuse a work dir where the run would overwrite the user's config with its own.

    The config that an earlier run wrote may be given again, as mmengine would write it unchanged.
    """
    file = Path(cfg.filename or '')
    written = Path(cfg.work_dir) / file.name
    runs = Path(cfg.work_dir).glob('[0-9]' * 8 + '_' + '[0-9]' * 6 + '*')
    if file.is_file() and written.is_file() and written.samefile(file) and not any(runs):
        raise CTError(
            f'--work-dir {cfg.work_dir} is the folder of the config, which the run would write its '
            'own over: use another folder'
        )


def _claim_work_dir(cfg: Config) -> FileLock | None:
    """Lock the work dir, and determine the run's seed before anything is built.

    If the config sets no seed, one is drawn and stored in ``seed.json`` in the work dir. A run
    that is started again there uses the same seed.

    Returns:
        FileLock: The lock on the main rank, held as long as it is referenced; None on others.
    """
    lock = None

    def claim() -> int:
        nonlocal lock
        lock = lock_folder(Path(cfg.work_dir), 'use another --work-dir')
        return _seed(cfg)

    seed = on_main_rank(claim)
    cfg.randomness = {**(cfg.get('randomness') or {}), 'seed': seed}
    return lock


def _show(console: RunConsole, runner: Runner) -> None:
    """Print the header, and register the hook that shows progress."""
    splits = ['train', *(['val'] if runner.cfg.get('val_dataloader') else [])]
    for line in header(runner, *splits):
        console.say(line)
    stage = 'training' if teacher_hook(runner.cfg) is None else 'student'
    runner.register_hook(TrainingProgressHook(console, stage))


class _Seed(Record):
    seed: Annotated[int, Field(ge=0, lt=2**32)]


def _seed(cfg: Config) -> int:
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None:
        return seed
    file = Path(cfg.work_dir) / 'seed.json'
    if not file.exists():
        # Do not draw from the global generators, which may have been seeded.
        resumed, drawn = _resumed_seed(cfg), random.SystemRandom().randrange(2**31)
        write_json(file, dict(seed=drawn if resumed is None else resumed))
    try:
        return read_record(file, _Seed)['seed']
    except ValueError as error:
        text = f'{file} is damaged ({error}): set randomness.seed, or remove it'
        raise CTError(text) from error


def _resumed_seed(cfg: Config) -> int | None:
    """Return the seed of the checkpoint to resume, which may be of a run in another folder."""
    if not cfg.get('resume'):
        return None
    # What is wrong with the checkpoint is said when the run is built.
    with suppress(CTError, KeyError, TypeError, ValueError):
        return _Seed(seed=load(cfg.load_from)['meta']['seed']).seed
    return None


def _check_start(cfg: Config, runner: Runner) -> None:
    """Refuse a checkpoint that is damaged or does not fit, before anything is written."""
    file = cfg.get('load_from')
    if not file:
        return
    try:
        check = check_fits if cfg.resume else check_some_fit
        check(f'checkpoint {file}', load_state_dict(file), unwrapped(runner))
    except CTError as error:
        others = other_checkpoints(file, runner.work_dir) if cfg.resume else ''
        raise CTError(f'{error}{others}') from error
