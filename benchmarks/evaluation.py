"""Speed and peak memory of a corruption scorecard, over the bare network's forward pass.

In each round the same images are scored three times, one after the other: by
`CorruptionTestLoop` from files to result file; by the bare network, on
normalised batches that are in memory already; and by mmengine's own loop. With
`--generated` the corruptions are made while they are scored, by `mmct.score`, of
photographs of any size.
"""

import re
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table
from torchvision.models import resnet18

import mmct
from mmct.cli.options import Parser, add_flag
from mmct.corruptions import BENCHMARK, CORRUPTIONS, SEVERITIES
from mmct.runs.configs import load_config
from mmct.runs.isolation import isolated

from corruptions import crops  # isort: skip

# Width of the ResNet-18, and images a cell such that a round takes some seconds.
NETWORKS = dict(resnet18=(64, 128), tenth=(20, 512), eighth=(8, 1024))
BATCH = 128


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='evaluation.py', description=__doc__)
    parser.add_argument('network', choices=NETWORKS, nargs='?', default='resnet18')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--batch-size', type=int, default=BATCH)
    parser.add_argument(
        '--memory-of', type=int, metavar='N', help='print the peak of N corruptions, and end'
    )
    parser.add_argument('--images', type=int, help='of each cell')
    add_flag(
        parser, '--generated', 'all corruptions at severity 3, made while a ResNet-18 is scored'
    )
    parser.add_argument('--size', type=int, default=224, help='pixels of a side, of generated ones')
    return parser.parse_args()


def make_set(folder: Path, names: tuple[str, ...], images: int) -> None:
    """A set in the layout of CIFAR-10-C. What the images show does not matter here."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        pixels = rng.integers(0, 256, (len(SEVERITIES) * images, 32, 32, 3), dtype=np.uint8)
        np.save(folder / f'{name}.npy', pixels)
    np.save(folder / 'labels.npy', np.tile(np.arange(images) % 10, len(SEVERITIES)))


def build(args: Namespace, folder: Path, names: tuple[str, ...], loop: str) -> Runner:
    """A run that tests on the set.

    Args:
        args (Namespace): The command line.
        folder (Path): The set; results go to a folder beside it.
        names (tuple[str, ...]): Its corruptions.
        loop (str): 'CorruptionTestLoop' or 'mmengine.TestLoop'.

    Returns:
        Runner: With the network at random weights.
    """
    width, _ = NETWORKS[args.network]
    cfg: Config = load_config('mmct::bn_resnet18_cifar10.py')
    cfg.model.backbone.update(stem_channels=width, base_channels=width)
    cfg.model.head.in_channels = 8 * width
    cfg.test_dataloader = dict(
        batch_size=args.batch_size,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='default_collate'),
        dataset=dict(type='CIFAR10C', data_root=str(folder), corruptions=names),
    )
    cfg.test_evaluator = dict(type='CorruptionError')
    cfg.test_cfg = dict(type=loop)
    cfg.work_dir = str(folder.parent / loop)
    cfg.log_level = 'ERROR'
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    runner.call_hook('before_run')
    return runner


def bare(runner: Runner, args: Namespace, images: int) -> Callable[[], None]:
    """The network over as many images, in batches that are prepared beforehand."""
    model = runner.model.eval()
    batch = torch.randn(args.batch_size, 3, 32, 32)

    @torch.no_grad()
    def run() -> None:
        for start in range(0, images, args.batch_size):
            model(batch[: min(args.batch_size, images - start)], mode='tensor')

    return run


def made_while_scored(args: Namespace) -> tuple[int, list[Callable[[], None]]]:
    """Count images, and make a scorecard of corrupted photographs and the bare network's pass."""
    network = resnet18(num_classes=10).eval()
    count, batch = args.images or 32, torch.randn(args.batch_size, 3, args.size, args.size)
    pixels, labels = crops(count, args.size), np.arange(count) % 10
    settings = dict(mean=(0, 0, 0), std=(1, 1, 1), severities=[3], clean=False, quiet=True)
    images = count * len(CORRUPTIONS)

    def scored() -> None:
        mmct.score(network, pixels, labels, batch_size=args.batch_size, **settings)

    @torch.no_grad()
    def bare() -> None:
        for _ in CORRUPTIONS:
            for start in range(0, count, args.batch_size):
                network(batch[: min(args.batch_size, count - start)])

    return images, [scored, bare]


def scored(runner: Runner) -> Callable[[], None]:
    """A whole test, from the beginning."""

    def run() -> None:
        for file in Path(runner.work_dir).glob('scorecard*'):
            file.unlink()
        runner.test_loop.run()

    return run


def seconds(run: Callable[[], None]) -> float:
    """By the clock."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def print_memory(args: Namespace, folder: Path) -> None:
    """Print the peak of this process, in MiB, over what it had before the first batch.

    Linux alone.
    """
    names = CORRUPTIONS[: args.memory_of]
    make_set(folder, names, args.images or 10_000)
    runner = build(args, folder, names, 'CorruptionTestLoop')
    _ = runner.test_loop
    Path('/proc/self/clear_refs').write_text('5')
    before = _status('VmRSS')
    runner.test_loop.run()
    print(f'{args.memory_of} corruptions: {_status("VmHWM") - before:.0f} MiB')


def _status(name: str) -> float:
    text = Path('/proc/self/status').read_text(encoding='utf-8')
    return int(re.search(rf'{name}:\s+(\d+) kB', text).group(1)) / 1024


def main() -> None:
    """Measure."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    init_default_scope('mmpretrain')
    with tempfile.TemporaryDirectory() as scratch, isolated():
        folder = Path(scratch) / 'set'
        if args.memory_of:
            print_memory(args, folder)
            return
        if args.generated:
            print_table(args, *made_while_scored(args))
            return
        per_cell = args.images or NETWORKS[args.network][1]
        names = BENCHMARK[:2]
        make_set(folder, names, per_cell)
        images = len(names) * len(SEVERITIES) * per_cell
        ours = build(args, folder, names, 'CorruptionTestLoop')
        stock = build(args, folder, names, 'mmengine.TestLoop')
        print_table(args, images, [scored(ours), bare(ours, args, images), scored(stock)])


def print_table(args: Namespace, images: int, runs: list[Callable[[], None]]) -> None:
    """Measure in turn, and print a table for docs/performance.md.

    Args:
        args (Namespace): The command line.
        images (int): How many each run scores.
        runs (list[Callable]): The scorecard, the bare network, and perhaps the stock loop.
    """
    for run in runs:
        run()
    rounds = [[seconds(run) for run in runs] for _ in range(args.rounds)]
    table = Table('', 'images/s', 'of the bare network', 'worst, best round')
    names = ('scorecard', 'bare network', 'stock loop')
    for name, times in zip(names, zip(*rounds, strict=True), strict=False):
        ratios = [r[1] / t for r, t in zip(rounds, times, strict=True)]
        table.add_row(
            name,
            f'{images / statistics.median(times):,.0f}',
            f'{statistics.median(ratios):.3f}',
            f'{min(ratios):.3f}, {max(ratios):.3f}',
        )
    Console().print(table)


if __name__ == '__main__':
    main()
