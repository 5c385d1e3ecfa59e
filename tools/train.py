"""Train a model; with a CT config, its BN-free teacher first."""

import sys
from argparse import Namespace
from collections.abc import Callable

from mmengine.config import Config

import mmct  # noqa: F401  (registers our classes also for configs without them)
from mmct.cli import (
    CONFIG_HELP,
    Parser,
    add_common_arguments,
    build_runner,
    check_amp,
    check_resumed,
    claim_work_dir,
    data_loader,
    dump_config,
    load_config,
    merge_cfg_options,
    merge_common_arguments,
    run_tool,
    set_checkpoints,
    set_loader_defaults,
    set_teacher_options,
)
from mmct.methods import METHODS, add_methods
from mmct.runs import CTError, join_processes, set_test_domain
from mmct.runs.checkpoint import load_state_dict, safe_loading
from mmct.runs.resume import checkpoint_to_resume
from mmct.teacher import switch_on_ct, teacher_hook


def parse_args() -> Namespace:
    """Read the command line: mmpretrain's options and those for CT."""
    parser = Parser(prog='train.py', description=__doc__)
    parser.add_argument('config', help=CONFIG_HELP)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on with the latest checkpoint in the work dir, or with this one',
    )
    parser.add_argument(
        '--allow-other-config',
        action='store_true',
        help='resume a checkpoint that was saved with other settings',
    )
    parser.add_argument('--no-validate', action='store_true', help='do not validate')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the batch size',
    )
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='start data loading processes anew each epoch',
    )
    parser.add_argument(
        '--method',
        action='append',
        default=[],
        metavar='NAME',
        help=f'also train with {", ".join(METHODS)}; may be given several times',
    )
    parser.add_argument(
        '--test-domain',
        metavar='NAME',
        help='of a data set of several domains: train on the others, test on this one',
    )
    add_common_arguments(parser)
    ct = parser.add_argument_group('Counterbalancing Teacher')
    ct.add_argument('--ct', action='store_true', help='switch CT on in any config')
    ct.add_argument('--teacher', help='checkpoint of a BN-free teacher to use')
    ct.add_argument(
        '--retrain-teacher',
        action='store_true',
        help='train a new teacher; the one in the work dir is moved aside',
    )
    ct.add_argument(
        '--allow-weak-teacher',
        action='store_true',
        help='go on with a teacher that is not above chance',
    )
    return parser.parse_args()


def merge_args(cfg: Config, args: Namespace) -> Config:
    """Put the options into the config."""
    with_ct = teacher_hook(cfg) is not None
    if args.ct:
        # Before the options, so that they reach what it adds.
        switch_on_ct(cfg)
    add_methods(cfg, args.method)
    if args.test_domain:
        set_test_domain(cfg, args.test_domain)
    merge_cfg_options(cfg, args)
    # A run with a switch must not replace the baseline of the same config.
    switches = [*args.method, *(['ct'] if args.ct and not with_ct else [])]
    if args.test_domain:
        switches.append(args.test_domain)
    merge_common_arguments(cfg, args, suffix=''.join(f'_{name}' for name in switches))
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    resume = args.resume
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    if resume is not None:
        path = checkpoint_to_resume(cfg.work_dir, resume)
        # Before the student's first checkpoint there is nothing to go on with,
        # and load_from still counts.
        cfg.resume = path is not None
        cfg.load_from = path or cfg.get('load_from')
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise CTError(
                '--auto-scale-lr needs to know the batch size that the lr is '
                'for: --cfg-options auto_scale_lr.base_batch_size=N'
            )
        cfg.auto_scale_lr.enable = True
    for field in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        set_loader_defaults(cfg, field, args, persistent_workers=True)
    if args.amp:
        check_amp(cfg)
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    set_checkpoints(cfg, args.allow_other_config)
    set_teacher_options(
        cfg,
        checkpoint=args.teacher,
        retrain=args.retrain_teacher,
        on_weak_teacher='warn' if args.allow_weak_teacher else None,
    )
    return cfg


def build() -> Callable[[], object]:
    """Build the run, data included: what is wrong shows before training."""
    args = parse_args()
    cfg = merge_args(load_config(args.config), args)
    join_processes(cfg)
    lock = claim_work_dir(cfg)
    runner = build_runner(cfg)
    data_loader(runner, 'train')
    if cfg.get('val_dataloader'):
        data_loader(runner, 'val')
    file = cfg.get('load_from')
    if file and '://' not in file:
        if cfg.resume:
            check_resumed(file, runner)
        else:
            load_state_dict(file)

    def run() -> None:
        dump_config(runner, replace=False)
        with safe_loading():
            runner.train()
        if lock is not None:
            lock.release()

    return run


if __name__ == '__main__':
    sys.exit(run_tool('train.py', build, 'stopped; go on with --resume'))
