"""Images a second of a training run of mmct, over those of a bare loop of plain torch."""

import logging
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from mmct.cli.options import Parser, positive_integer
from mmct.models import build_classifier, pick_dtype
from mmct.runs.configs import load_config

# Config, and the width of its backbone with the features of its head.
CASES = {
    'resnet20-w16': ('bn_resnet20_cifar10_folder.py', 16, 64),
    'resnet18-w16': ('bn_resnet18_cifar10_folder.py', 16, 128),
}
CLASSES = 10


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='training.py', description=__doc__)
    parser.add_argument('--case', choices=CASES, default='resnet20-w16')
    parser.add_argument('--batch-size', type=positive_integer, default=128)
    parser.add_argument('--steps', type=positive_integer, default=8, help='timed, of each run')
    parser.add_argument('--warmup', type=positive_integer, default=2, help='steps before')
    parser.add_argument('--rounds', type=positive_integer, default=5)
    parser.add_argument('--threads', type=positive_integer, default=1, help='of the CPU')
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help='seconds of this process, not of the clock: for a machine with others on it',
    )
    args = parser.parse_args()
    if args.cpu_time and torch.cuda.is_available():
        parser.error('--cpu-time does not count what a GPU does')
    return args


def make_images(folder: Path, count: int) -> None:
    """Write JPEGs of 32x32 as CIFAR-10's folders have them, with something in them.

    Args:
        folder (Path): Gets ``train/<class>/<number>.jpg``.
        count (int): In all.
    """
    rng = np.random.default_rng(0)
    for number in range(count):
        file = folder / 'train' / str(number % CLASSES) / f'{number}.jpg'
        file.parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
        cv2.imwrite(str(file), cv2.resize(coarse, (32, 32), interpolation=cv2.INTER_CUBIC))


class Clock(Hook):
    """Counts the seconds of a run's steps, those of its data included.

    Args:
        now (Callable): Tells the time.
        warmup (int): Steps before it begins.
    """

    priority = 'LOWEST'

    def __init__(self, now: Callable[[], float], warmup: int) -> None:
        self.now, self.warmup, self.ticks = now, warmup, []

    def after_train_iter(self, *args, **kwargs) -> None:
        """Note the time of a step's end."""
        self.ticks.append(self.now())

    @property
    def seconds(self) -> float:
        """Seconds of all steps after the warm-up."""
        return self.ticks[-1] - self.ticks[self.warmup - 1]


def config(args: Namespace, folder: Path, fast: bool) -> Config:
    """Make the config of a run: as mmpretrain trains it, or with all that makes it faster.

    Args:
        args (Namespace): The command line.
        folder (Path): With the images.
        fast (bool): Whether in channels_last and, where that pays, bfloat16.
    """
    name, width, features = CASES[args.case]
    cfg = load_config(f'mmct::{name}')
    cfg.model.backbone.update(base_channels=width, stem_channels=width)
    cfg.model.head.in_channels = features
    cfg.train_dataloader.update(
        batch_size=args.batch_size, num_workers=0, persistent_workers=False, pin_memory=False,
        collate_fn=dict(type='default_collate'),
    )  # fmt: skip
    cfg.train_dataloader.dataset.data_root = str(folder)
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1)
    cfg.work_dir, cfg.log_level = str(folder / 'work'), 'ERROR'
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=-1, save_last=False)
    cfg.default_hooks.pop('channels_last', None)
    if fast:
        cfg.default_hooks.channels_last = dict(type='ChannelsLastHook')
        if in_bfloat16():
            cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    return cfg


def in_bfloat16() -> bool:
    """Tell if bfloat16 pays on this machine."""
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    return pick_dtype('auto', device) == 'bfloat16'


def ours(args: Namespace, folder: Path, fast: bool, now: Callable[[], float]) -> float:
    """Train by mmengine's Runner, with its data pipeline, hooks and log.

    Returns:
        float: Seconds.
    """
    clock = Clock(now, args.warmup)
    runner = Runner.from_cfg(config(args, folder, fast))
    runner.register_hook(clock)
    runner.train()
    return clock.seconds


def bare(args: Namespace, folder: Path, fast: bool, now: Callable[[], float]) -> float:
    """Do the same arithmetic in a loop: images decoded before, nothing logged or checked.

    Returns:
        float: Seconds.
    """
    cfg = config(args, folder, fast)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    init_default_scope('mmpretrain')
    model = build_classifier(cfg).to(device).train()
    layout = torch.channels_last if fast else torch.contiguous_format
    model.to(memory_format=layout)
    own = cfg.optim_wrapper.optimizer.items()
    settings = {k: v for k, v in own if k not in ('type', '_scope_')}
    optimizer = torch.optim.SGD(model.parameters(), **settings)
    images, labels = _decoded(folder)
    mean, std = (torch.tensor(cfg.data_preprocessor[name], device=device).view(1, 3, 1, 1)
                 for name in ('mean', 'std'))  # fmt: skip
    lower = fast and in_bfloat16()
    ticks = []
    for _ in range(args.warmup + args.steps):
        chosen = torch.randperm(len(images))[: args.batch_size]
        batch = _augmented(images[chosen]).to(device)
        x = ((batch - mean) / std).contiguous(memory_format=layout)
        with torch.autocast(device.type, torch.bfloat16) if lower else nullcontext():
            logits = model.head.fc(model.neck(model.backbone(x))[-1])
            loss = F.cross_entropy(logits.float(), labels[chosen].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ticks.append(now())
    return ticks[-1] - ticks[args.warmup - 1]


def _decoded(folder: Path) -> tuple[Tensor, Tensor]:
    files = sorted((folder / 'train').rglob('*.jpg'))
    images = np.stack([cv2.imread(str(file))[..., ::-1] for file in files])
    labels = torch.tensor([int(file.parent.name) for file in files])
    return torch.from_numpy(images.copy()).permute(0, 3, 1, 2).contiguous(), labels


def _augmented(images: Tensor) -> Tensor:
    """Crop and flip a batch, each image in its own way."""
    padded = F.pad(images.float(), (4, 4, 4, 4))
    count, channels, size, _ = images.shape
    start, span = torch.randint(0, 9, (count, 2)), torch.arange(size)
    rows, columns = start[:, :1] + span, start[:, 1:] + span
    columns = torch.where(torch.rand(count, 1) < 0.5, columns.flip(1), columns)
    one, each = torch.arange(count).view(-1, 1, 1, 1), torch.arange(channels).view(1, -1, 1, 1)
    return padded[one, each, rows.view(count, 1, size, 1), columns.view(count, 1, 1, size)]


def _now() -> float:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Measure what the command line asks for."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    logging.disable(logging.WARNING)
    now = time.process_time if args.cpu_time else _now
    kinds = {
        'ours, as mmpretrain trains': (ours, False),
        'bare loop, the same': (bare, False),
        'ours, fast': (ours, True),
        'bare loop, fast': (bare, True),
    }
    seconds = {name: [] for name in kinds}
    with tempfile.TemporaryDirectory() as folder:
        make_images(Path(folder), (args.warmup + args.steps) * args.batch_size)
        for _ in track(range(args.rounds), args.case):
            for name, (run, fast) in kinds.items():
                seconds[name].append(run(args, Path(folder), fast, now))
    rates = {
        name: args.steps * args.batch_size / np.array(found) for name, found in seconds.items()
    }
    default, plain, fast, plain_fast = rates.values()
    dtype = 'bfloat16' if in_bfloat16() else 'float32'
    table = Table(
        title=f'{args.case}, batch {args.batch_size}, fast: channels_last, {dtype}, '
        f'{args.threads} CPU threads, torch {torch.__version__}, {args.rounds} rounds'
    )
    for column in ('run', 'images a second, median', 'over', 'ratio, median', 'all rounds'):
        table.add_column(column)
    for name, base, other in (
        ('ours, as mmpretrain trains', 'bare loop, the same', plain),
        ('ours, fast', 'bare loop, fast', plain_fast),
        ('ours, fast', 'ours, as mmpretrain trains', default),
    ):
        ratios = rates[name] / other
        each = ' '.join(f'{ratio:.2f}' for ratio in ratios)
        rate = f'{np.median(rates[name]):.0f}'
        table.add_row(name, rate, base, f'{np.median(ratios):.3f}', each)
    Console(width=140).print(table)


if __name__ == '__main__':
    main()
