"""Evaluate a checkpoint: a stock model or a CT student."""

import sys
from argparse import Namespace
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import mmengine
from mmengine.config import Config, ConfigDict
from mmengine.evaluator import DumpResults

import mmct  # noqa: F401  (registers our classes also for configs without them)
from mmct.engine import CTError
from mmct.engine.checkpoint import safe_loading
from mmct.engine.launch import (
    Parser,
    add_common_arguments,
    build_runner,
    check_classes,
    load_config,
    merge_common_arguments,
    run_tool,
    set_loader_defaults,
)


def parse_args() -> Namespace:
    """Read the command line: mmpretrain's options."""
    parser = Parser(prog='test.py', description=__doc__)
    parser.add_argument('config', help='config file, or mmpretrain::folder/file.py')
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
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.out is None and args.out_item is not None:
        parser.error('--out-item needs --out FILE')
    return args


def merge_args(cfg: Config, args: Namespace) -> Config:
    """Put the options into the config."""
    if not Path(args.checkpoint).is_file():
        raise CTError(f'checkpoint {args.checkpoint} does not exist')
    merge_common_arguments(cfg, args)
    cfg.load_from = args.checkpoint
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir is not None:
        cfg.default_hooks.visualization = dict(
            type='VisualizationHook',
            enable=True,
            show=args.show,
            wait_time=args.wait_time,
            out_dir=args.show_dir,
            interval=args.interval,
        )
    if args.tta:
        set_tta(cfg)
    set_loader_defaults(cfg, 'test_dataloader', pin_memory=not args.no_pin_memory)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
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
    runner = build_runner(merge_args(load_config(args.config), args))
    check_classes(runner.test_dataloader, runner)
    if args.out and args.out_item != 'metrics':
        runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))

    def run() -> None:
        with safe_loading():
            metrics = runner.test()
        if args.out and args.out_item == 'metrics':
            mmengine.dump(metrics, args.out)

    return run


if __name__ == '__main__':
    sys.exit(run_tool('test.py', build))
