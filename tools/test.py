"""Evaluate a checkpoint, a stock model's or a CT student's; also on corrupted images."""

import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process

import mmct  # noqa: F401  (registers our classes also for configs without them)
from mmct.cli import (
    CONFIG_HELP,
    DumpWholeResults,
    Parser,
    add_common_arguments,
    add_corruption_arguments,
    build_runner,
    check_checkpoint,
    check_corruption_arguments,
    data_loader,
    load_config,
    merge_cfg_options,
    merge_common_arguments,
    run_tool,
    set_corruptions,
    set_loader_defaults,
    write_result,
)
from mmct.runs import CTError, join_processes
from mmct.runs.checkpoint import safe_loading

# The formats in which mmengine writes each item of --out.
ENDINGS = dict(
    pred=('.pkl', '.pickle'), metrics=('.json', '.yaml', '.yml', '.pkl', '.pickle')
)


def parse_args() -> Namespace:
    """Read the command line: mmpretrain's options."""
    parser = Parser(prog='test.py', description=__doc__)
    parser.add_argument('config', help=CONFIG_HELP)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='file for the results')
    parser.add_argument(
        '--out-item', choices=['metrics', 'pred'], help='what to write, default pred'
    )
    parser.add_argument('--show-dir', help='folder for images with predictions')
    parser.add_argument('--show', action='store_true', help='show them in a window')
    parser.add_argument('--interval', type=int, default=1, help='draw each n-th image')
    parser.add_argument('--wait-time', type=float, default=2, help='seconds a window')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    parser.add_argument(
        '--recalibrate-bn',
        type=batch_count,
        default=0,
        metavar='N',
        help='estimate the statistics of BatchNorm anew on N random test batches, without '
        'labels; with --corruptions on N of each cell. It uses test images: report it apart',
    )
    add_common_arguments(parser)
    add_corruption_arguments(parser)
    args = parser.parse_args()
    check_corruption_arguments(args)
    if args.corruptions is not None:
        check_scorecard_out(parser, args)
        return args
    if args.out is None and args.out_item is not None:
        parser.error('--out-item needs --out FILE')
    endings = ENDINGS[args.out_item or 'pred']
    if args.out is not None and not args.out.endswith(endings):
        what = args.out_item or 'pred'
        parser.error(f'--out of --out-item {what} must end in {endings}')
    if args.tta and (args.show or args.show_dir is not None):
        # The hook that draws takes one picture an image.
        parser.error('--tta cannot be used with --show or --show-dir')
    if args.tta and args.recalibrate_bn:
        parser.error('--tta cannot be used with --recalibrate-bn')
    return args


def batch_count(word: str) -> int:
    """A number of batches from the command line."""
    if not word.isdecimal() or int(word) < 1:
        raise ArgumentTypeError(f'must be a positive number of batches, got {word!r}')
    return int(word)


def check_scorecard_out(parser: Parser, args: Namespace) -> None:
    """Refuse what a scorecard does not have."""
    if args.out is not None and not args.out.endswith('.json'):
        parser.error('--out of --corruptions must end in .json')
    for name in ('out_item', 'show_dir', 'show', 'tta'):
        if getattr(args, name):
            option = name.replace('_', '-')
            parser.error(f'--{option} cannot be used with --corruptions')


def merge_args(cfg: Config, args: Namespace) -> Config:
    """Put the options into the config."""
    if '://' not in args.checkpoint and not Path(args.checkpoint).is_file():
        raise CTError(f'checkpoint {args.checkpoint} does not exist')
    merge_cfg_options(cfg, args)
    if cfg.get('test_dataloader') is None:
        raise CTError('the config has no test set: set test_dataloader, '
                      'test_cfg and test_evaluator')
    merge_common_arguments(cfg, args)
    cfg.load_from = args.checkpoint
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir is not None:
        visualization = dict(
            type='VisualizationHook',
            enable=True,
            show=args.show,
            wait_time=args.wait_time,
            out_dir=args.show_dir,
            interval=args.interval,
        )
        hooks = cfg.get('default_hooks') or {}
        cfg.default_hooks = {**hooks, 'visualization': visualization}
    if args.tta:
        set_tta(cfg)
    if args.corruptions is not None:
        set_corruptions(cfg, args)
    elif args.recalibrate_bn:
        hook = dict(type='mmpretrain.RecalibrateBNHook', num_batches=args.recalibrate_bn)
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    set_loader_defaults(cfg, 'test_dataloader', args)
    return cfg


def set_tta(cfg: Config) -> None:
    """Test-time augmentation as the config has it; else mean over flips."""
    if 'tta_model' not in cfg:
        cfg.tta_model = dict(type='mmpretrain.AverageClsScoreTTA')
    if 'tta_pipeline' not in cfg:
        pipeline = deepcopy(cfg.test_dataloader.dataset.pipeline)
        flips = [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)]
        pipeline[-1] = dict(type='TestTimeAug', transforms=[flips, [pipeline[-1]]])
        cfg.tta_pipeline = pipeline
    # Each image comes in several views: they must not be collated into one.
    cfg.test_dataloader.collate_fn = dict(type='pseudo_collate')
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline


def build() -> Callable[[], object]:
    """Build the run, data included: what is wrong shows at once."""
    args = parse_args()
    cfg = merge_args(load_config(args.config), args)
    join_processes(cfg)
    runner = build_runner(cfg)
    data_loader(runner, 'test', '--data-root FOLDER' if args.data_root else None)
    if '://' not in args.checkpoint:
        check_checkpoint(args.checkpoint, runner)
    if args.out and args.out_item != 'metrics' and args.corruptions is None:
        runner.test_evaluator.metrics.append(DumpWholeResults(out_file_path=args.out))

    def run() -> None:
        with safe_loading():
            metrics = runner.test()
        if args.out and args.out_item == 'metrics' and is_main_process():
            write_result(args.out, metrics)

    return run


if __name__ == '__main__':
    sys.exit(run_tool('test.py', build, 'stopped; a scorecard goes on where it was'))
