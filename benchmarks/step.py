"""Time and peak memory of a CT step over a step of the BN baseline."""

import json
import os
import re
import subprocess
import sys
import time
from argparse import ArgumentTypeError, Namespace
from pathlib import Path

import numpy as np
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mmct.cli.options import Parser
from mmct.models import calibrate
from mmct.runs.configs import load_config

# Config, width of the backbone, features of its head, image and batch size.
CASES = {
    'resnet18-w16': ('bn_resnet18_cifar10.py', 16, 128, 32, 128),
    'resnet18-w64': ('bn_resnet18_cifar10.py', 64, 512, 32, 32),
    'resnet50': ('bn_resnet50_in1k.py', 64, 2048, 128, 16),
}
# What is done for the teacher: one measure more each.
TEACHERS = {
    'plain': dict(fold=False, channels_last=False),
    'folded': dict(channels_last=False),
    'default': dict(),
    'compiled': dict(compile=True),
    'compiled-in': dict(compile=dict(options=dict(freezing=True))),
}


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='step.py', description=__doc__)
    parser.add_argument('case', choices=CASES)
    parser.add_argument(
        '--teachers',
        nargs='+',
        choices=TEACHERS,
        default=['default'],
        help='plain; folded; default: channels_last too; compiled: torch.compile too; '
        'compiled-in: its weights are part of the code',
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--threads', type=positive, default=1, help='of the CPU')
    parser.add_argument('--pairs', type=positive, default=20)
    parser.add_argument('--warmup', type=positive, default=3, help='steps before')
    parser.add_argument('--batch-size', type=positive, help="default: the case's")
    parser.add_argument(
        '--channels-last',
        action='store_true',
        help='the memory format of the student and of the baseline',
    )
    parser.add_argument(
        '--stage', type=int, help='compare this stage of the backbone, not the logits'
    )
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help='seconds of this process, not of the clock: for a machine with others on it',
    )
    parser.add_argument(
        '--memory-of', metavar='MODEL', help='print the peak memory of one model, and end'
    )
    args = parser.parse_args()
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda, but torch finds no GPU')
    if args.device == 'cuda' and args.cpu_time:
        parser.error('--cpu-time does not count what a GPU does')
    if args.stage not in (None, *range(3)):
        parser.error('--stage is 0, 1 or 2: the last stage is 3')
    if args.memory_of not in (None, 'baseline', *TEACHERS):
        parser.error(f'--memory-of is baseline or one of {", ".join(TEACHERS)}')
    return args


def positive(word: str) -> int:
    """A number from the command line that counts something."""
    if not (word.isdecimal() and int(word)):
        raise ArgumentTypeError(f'{word!r} is not a positive whole number')
    return int(word)


class Stepper:
    """One model with its optimizer, and steps on the same batch.

    Args:
        args (Namespace): The command line.
        name (str): 'baseline', or the name of a teacher.
    """

    def __init__(self, args: Namespace, name: str) -> None:
        config, width, features, size, batch = CASES[args.case]
        cfg = load_config(f'mmct::{config}')
        init_default_scope('mmpretrain')
        torch.manual_seed(0)
        images = (args.batch_size or batch, 3, size, size)
        self.data = dict(
            inputs=torch.randint(0, 256, images, dtype=torch.uint8),
            data_samples=[DataSample().set_gt_label(i % 10) for i in range(images[0])],
        )
        cfg.model.data_preprocessor = cfg.data_preprocessor
        cfg.model.backbone.update(stem_channels=width, base_channels=width)
        cfg.model.head.in_channels = features
        compared = dict()
        if args.stage is not None:
            cfg.model.backbone.out_indices = (args.stage, 3)
            compared = dict(stage=args.stage, distance='mse')
        self.model = self._model(cfg.model, name, compared).to(args.device)
        if args.channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.model.train()
        self.optimizer = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.now = time.process_time if args.cpu_time else _now

    def _model(self, cfg: dict, name: str, compared: dict) -> ImageClassifier:
        if name == 'baseline':
            return MODELS.build(cfg)
        model = MODELS.build({**cfg, 'type': 'CTClassifier', 'consistency': compared})
        teacher = MODELS.build({**cfg, 'type': 'NormFreeClassifier'})
        # Else its signals may become denormal numbers, which take longer.
        calibrate(teacher, torch.randn(8, *self.data['inputs'].shape[1:]))
        model.attach_teacher(teacher, **TEACHERS[name])
        return model

    def step(self) -> float:
        """One training step.

        Returns:
            float: Its seconds.
        """
        started = self.now()
        self.model.train_step(self.data, self.optimizer)
        return self.now() - started


def _now() -> float:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def times(args: Namespace) -> dict[str, np.ndarray]:
    """Steps of each model in turn: baseline, teacher, baseline, next teacher.

    Args:
        args (Namespace): The command line.

    Returns:
        dict[str, np.ndarray]: For each teacher the seconds of ``(baseline,
        CT)``, shape ``(pairs, 2)``.
    """
    baseline = Stepper(args, 'baseline')
    steppers = {name: Stepper(args, name) for name in args.teachers}
    for stepper in track([baseline, *steppers.values()], 'warm-up'):
        for _ in range(args.warmup):
            stepper.step()
    pairs: dict[str, list] = {name: [] for name in steppers}
    for _ in track(range(args.pairs), args.case):
        for name, stepper in steppers.items():
            pairs[name].append((baseline.step(), stepper.step()))
    return {name: np.array(seconds) for name, seconds in pairs.items()}


def interval(ratios: np.ndarray, resamples: int = 2000) -> tuple[float, float]:
    """The 95 % bootstrap interval of a median.

    Args:
        ratios (np.ndarray): Shape ``(pairs,)``.
        resamples (int): Number of resamples. Defaults to 2000.

    Returns:
        tuple[float, float]: Its ends.
    """
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(ratios, (resamples, len(ratios))), axis=1)
    low, high = np.percentile(medians, (2.5, 97.5))
    return float(low), float(high)


def memory(args: Namespace) -> float:
    """Peak memory of some steps of one model, first step included.

    Args:
        args (Namespace): The command line; ``memory_of`` names the model.

    Returns:
        float: In MiB: of CUDA's tensors, or of the process beyond what the
        imports took.
    """
    imported = _resident_peak()
    stepper = Stepper(args, args.memory_of)
    for _ in range(args.warmup):
        stepper.step()
    if args.device == 'cuda':
        return torch.cuda.max_memory_allocated() / 2**20
    return _resident_peak() - imported


def _resident_peak() -> float:
    # Not ru_maxrss: a new process starts with that of its parent.
    status = Path('/proc/self/status').read_text(encoding='utf-8')
    return int(re.search(r'VmHWM:\s+(\d+) kB', status)[1]) / 1024


def memory_of(name: str) -> float:
    """Peak memory of one model, measured in a process of its own.

    Args:
        name (str): 'baseline', or the name of a teacher.

    Returns:
        float: In MiB.
    """
    command = [sys.executable, *sys.argv, '--memory-of', name]
    # Or the peak is that of what malloc keeps, not of what is needed.
    env = {**os.environ, 'MALLOC_MMAP_THRESHOLD_': '65536'}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    return json.loads(done.stdout.splitlines()[-1])


def report(args: Namespace, pairs: dict[str, np.ndarray], peaks: dict[str, float]) -> None:
    """Print the table.

    Args:
        args (Namespace): The command line.
        pairs (dict[str, np.ndarray]): What :func:`times` returned.
        peaks (dict[str, float]): Peak memory in MiB of each model.
    """
    form = 'channels_last' if args.channels_last else 'contiguous'
    clock = 'CPU time' if args.cpu_time else 'time'
    table = Table(
        title=f'{args.case}, student {form}, {args.device}, {args.threads} CPU threads, '
        f'torch {torch.__version__}, {args.pairs} pairs, {clock}'
    )
    for column in ('teacher', 'baseline step', 'CT step', 'CT / baseline', '95 %',
                   'baseline MiB', 'CT MiB', 'ratio'):  # fmt: skip
        table.add_column(column, justify='right')
    for name, seconds in pairs.items():
        base, ct = np.median(seconds, axis=0) * 1000
        ratios = seconds[:, 1] / seconds[:, 0]
        low, high = interval(ratios)
        table.add_row(
            name, f'{base:.1f} ms', f'{ct:.1f} ms', f'{np.median(ratios):.3f}',
            f'{low:.3f}-{high:.3f}', f'{peaks["baseline"]:.0f}', f'{peaks[name]:.0f}',
            f'{peaks[name] / peaks["baseline"]:.2f}',
        )  # fmt: skip
    Console(width=120).print(table)


def main() -> None:
    """Measure what the command line asks for."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    if args.memory_of:
        print(json.dumps(memory(args)))
        return
    names = ['baseline', *args.teachers]
    peaks = {name: memory_of(name) for name in track(names, 'memory')}
    report(args, times(args), peaks)


if __name__ == '__main__':
    main()
