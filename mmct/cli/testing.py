"""Run the ``test`` command, from its options to the scores of a checkpoint."""

from argparse import Namespace
from copy import deepcopy
from pathlib import Path
from typing import Any

import mmengine
from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process
from mmengine.evaluator import DumpResults
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier

from mmct.messages import absent
from mmct.runs.building import build_runner, data_loader
from mmct.runs.config_check import check_config
from mmct.runs.configs import load_config
from mmct.runs.console import RunConsole
from mmct.runs.errors import CTError, config_errors, trial_of
from mmct.runs.files import write_bytes
from mmct.runs.identity import FIELDS
from mmct.runs.isolation import isolated
from mmct.runs.progress_hook import TestProgressHook
from mmct.runs.ranks import join_processes, unwrapped
from mmct.runs.weights import check_fits, is_url, load_state_dict, safe_loading
from mmct.scoring.rehearsal import rehearse_scoring

from .configs import merge_cfg_options, merge_common_arguments, set_loader
from .console import header
from .corruption_options import set_corruptions


def test(args: Namespace, console: RunConsole | None = None) -> None:
    """Build the run with its data, and test the checkpoint.

    Args:
        args (Namespace): The options.
        console (RunConsole, optional): The console that shows header and progress. Defaults to
            None, which shows neither.

    Raises:
        CTError: If config, data or checkpoint have an error. It is raised before testing.
    """
    cfg = load_config(args.config)
    check_config(cfg)
    with config_errors():
        merge_args(cfg, args)
    join_processes(cfg)
    runner = build_runner(cfg)
    data_loader(runner, 'test', '--data-root FOLDER' if args.data_root else None)
    # Test-time augmentation wraps the model, in addition to distributed training.
    model = unwrapped(runner)
    model = getattr(model, 'module', model)
    check_fits(f'checkpoint {args.checkpoint}', load_state_dict(args.checkpoint), model)
    if console is not None:
        for line in header(runner, 'test'):
            console.say(line)
        runner.register_hook(TestProgressHook(console))
    _rehearse(runner)
    if args.out and args.out_item != 'metrics' and args.corruptions is None:
        runner.test_evaluator.metrics.append(DumpWholeResults(out_file_path=args.out))
    with safe_loading():
        metrics = runner.test()
    if args.out and args.out_item == 'metrics' and is_main_process():
        _write_result(args.out, metrics)


def _rehearse(runner: Runner) -> None:
    """Score a few images to find errors in the config; only image classifiers are tried."""
    model = unwrapped(runner)
    if isinstance(getattr(model, 'module', model), ImageClassifier):
        with isolated(), trial_of('the test (test_dataloader, test_evaluator)'):
            rehearse_scoring(model, runner.test_dataloader, runner.cfg.test_evaluator)


def merge_args(cfg: Config, args: Namespace) -> Config:
    """Merge the options into the config.

    Args:
        cfg (Config): The config. It is changed in place.
        args (Namespace): The options.

    Returns:
        Config: The same ``cfg``.

    Raises:
        CTError: If there is no checkpoint or no test set, or an option does not fit the config.
    """
    if not is_url(args.checkpoint) and not Path(args.checkpoint).is_file():
        raise CTError(f'checkpoint {absent(args.checkpoint)}')
    merge_cfg_options(cfg, args, (*FIELDS, 'tta_model', 'tta_pipeline'))
    check_config(cfg)
    if cfg.get('test_dataloader') is None:
        raise CTError(
            f'config {args.config} has no test set: set test_dataloader, test_cfg and '
            'test_evaluator'
        )
    merge_common_arguments(cfg, args)
    # The dumped config of a resumed run would resume it.
    cfg.load_from, cfg.resume = args.checkpoint, False
    if args.amp:
        cfg.test_cfg = {**(cfg.get('test_cfg') or {}), 'fp16': True}
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
        _set_tta(cfg)
    if args.corruptions is not None:
        set_corruptions(cfg, args)
    elif args.recalibrate_bn:
        hook = dict(type='mmpretrain.RecalibrateBNHook', num_batches=args.recalibrate_bn)
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    set_loader(cfg, 'test_dataloader', args)
    return cfg


def _set_tta(cfg: Config) -> None:
    """Set the config's test-time augmentation; the default is the mean over flips."""
    if 'tta_model' not in cfg:
        cfg.tta_model = dict(type='mmpretrain.AverageClsScoreTTA')
    if 'tta_pipeline' not in cfg:
        pipeline = deepcopy(cfg.test_dataloader.dataset.pipeline)
        flips = [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)]
        pipeline[-1] = dict(type='TestTimeAug', transforms=[flips, [pipeline[-1]]])
        cfg.tta_pipeline = pipeline
    # Each image has several views, which must not be collated into one batch.
    cfg.test_dataloader.collate_fn = dict(type='pseudo_collate')
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline


class DumpWholeResults(DumpResults):
    """A variant of mmengine's ``DumpResults`` that never leaves a partial file.

    Args:
        out_file_path (str): The file to write, ending in .pkl or .pickle.
    """

    # It measures nothing, but mmengine warns about a metric without a prefix.
    default_prefix = 'predictions'

    def compute_metrics(self, results: list) -> dict:
        """Write the predictions.

        Args:
            results (list): The predictions, one per image.

        Returns:
            dict: An empty dict, as there are no metrics.
        """
        _write_result(self.out_file_path, results)
        return {}


def _write_result(path: str, value: Any) -> None:
    """Write a value in the format of the file's suffix, without ever leaving a partial file."""
    content = mmengine.dump(value, file_format=Path(path).suffix[1:])
    write_bytes(Path(path), content.encode() if isinstance(content, str) else content)
