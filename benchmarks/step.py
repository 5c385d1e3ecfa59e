"""Time and peak memory of a CT step over a step of the BN baseline."""

import copy
import multiprocessing
import os
import re
import time
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mmct.cli.options import Parser, positive_integer
from mmct.messages import suggestion
from mmct.models import FrozenTeacher, build_classifier, calibrate, pick_dtype
from mmct.runs.configs import load_config

# Config, width of the backbone, features of its head, image and batch size.
CASES = {
    'resnet18-w16': ('bn_resnet18_cifar10.py', 16, 128, 32, 128),
    'resnet18-w64': ('bn_resnet18_cifar10.py', 64, 512, 32, 32),
    'resnet50': ('bn_resnet50_in1k.py', 64, 2048, 128, 16),
}
# Settings of the teacher. 'default' is what a run gets on this machine.
TEACHERS = {
    'plain': dict(dtype='float32', channels_last=False),
    'float32': dict(dtype='float32'),
    'bfloat16': dict(dtype='bfloat16'),
    'default': dict(),
    'compiled': dict(compile=True),
}


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='step.py', description=__doc__)
    parser.add_argument('cases', nargs='*', metavar='CASE', help=f'default: {", ".join(CASES)}')
    parser.add_argument(
        '--teachers',
        nargs='+',
        choices=TEACHERS,
        default=['default'],
        help='plain: float32 and contiguous; float32 and bfloat16: in channels_last; '
        'default: what a run takes here; compiled: torch.compile too',
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--threads', type=positive_integer, default=1, help='of the CPU')
    parser.add_argument('--pairs', type=positive_integer, default=20)
    parser.add_argument('--warmup', type=positive_integer, default=3, help='steps before')
    parser.add_argument('--batch-size', type=positive_integer, help="default: the case's")
    parser.add_argument(
        '--channels-last',
        action='store_true',
        help='the memory format of the student and of the baseline',
    )
    parser.add_argument(
        '--cpu-time',
        action='store_true',
        help='seconds of this process, not of the clock: for a machine with others on it',
    )
    args = parser.parse_args()
    for case in args.cases:
        if case not in CASES:
            parser.error(f'no case {case!r}: {suggestion(case, CASES)}')
    if args.device == 'cuda' and not torch.cuda.is_available():
        parser.error('--device cuda, but torch finds no GPU')
    if args.device == 'cuda' and args.cpu_time:
        parser.error('--cpu-time does not count what a GPU does')
    args.cases = args.cases or list(CASES)
    return args


class Stepper:
    """One model with its optimizer, and steps on the same batch.

    Args:
        args (Namespace): The command line.
        case (str): The network.
        name (str): 'baseline', or the name of a teacher.
    """

    def __init__(self, args: Namespace, case: str, name: str) -> None:
        config, width, features, size, batch = CASES[case]
        cfg = load_config(f'mmct::{config}')
        init_default_scope('mmpretrain')
        torch.manual_seed(0)
        images = (args.batch_size or batch, 3, size, size)
        self.data = dict(
            inputs=torch.randint(0, 256, images, dtype=torch.uint8),
            data_samples=[DataSample().set_gt_label(i % 10) for i in range(images[0])],
        )
        cfg.model.backbone.update(stem_channels=width, base_channels=width)
        cfg.model.head.in_channels = features
        self.model = self._model(cfg, name, args.device)
        if args.channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.model.train()
        self.optimizer = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.now = time.process_time if args.cpu_time else _now

    def _model(self, cfg: Config, name: str, device: str) -> ImageClassifier:
        if name == 'baseline':
            return build_classifier(cfg).to(device)
        # On its device before the teacher is chosen a dtype for it.
        model = build_classifier(cfg, 'CTClassifier').to(device)
        teacher = build_classifier(cfg, 'NormFreeClassifier')
        # Else its signals may become denormal numbers, which take longer.
        calibrate(teacher, torch.randn(8, *self.data['inputs'].shape[1:]))
        model.attach_teacher(teacher.to(device), **TEACHERS[name])
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


def times(args: Namespace, case: str) -> dict[str, np.ndarray]:
    """Time steps of each model in turn: baseline, teacher, baseline, next teacher.

    Args:
        args (Namespace): The command line.
        case (str): The network.

    Returns:
        dict[str, np.ndarray]: For each teacher the seconds of ``(baseline,
        CT)``, shape ``(pairs, 2)``.
    """
    baseline = Stepper(args, case, 'baseline')
    steppers = {name: Stepper(args, case, name) for name in args.teachers}
    for stepper in track([baseline, *steppers.values()], 'warm-up'):
        for _ in range(args.warmup):
            stepper.step()
    pairs: dict[str, list] = {name: [] for name in steppers}
    for _ in track(range(args.pairs), case):
        for name, stepper in steppers.items():
            pairs[name].append((baseline.step(), stepper.step()))
    return {name: np.array(seconds) for name, seconds in pairs.items()}


@torch.no_grad()
def errors(args: Namespace, case: str) -> dict[str, tuple[float, float, float]]:
    """Compare each teacher's outputs with those of the plain one.

    Args:
        args (Namespace): The command line.
        case (str): The network; its weights are random, so this is no trained teacher.

    Returns:
        dict[str, tuple]: The differences of logits and of pooled features as fractions
        of their norm, and that of the consistency loss as a fraction of it.
    """
    found = {}
    for name in ('plain', *args.teachers):
        stepper = Stepper(args, case, name)
        data = stepper.model.data_preprocessor(stepper.data, True)
        running = FrozenTeacher(copy.deepcopy(stepper.model.teacher), **TEACHERS[name])
        outputs = running(data['inputs'])
        loss = stepper.model.loss(**data)['loss_consistency']
        found[name] = (outputs.logits, outputs.pre_logits, loss)
    return {
        name: tuple(
            ((mine - plain).norm() / plain.norm()).item()
            for mine, plain in zip(found[name], found['plain'], strict=True)
        )
        for name in args.teachers
    }


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


def memory(args: Namespace, case: str, name: str) -> float:
    """Measure the peak memory of a model's steps, first step included.

    To be called in a process of its own.

    Args:
        args (Namespace): The command line.
        case (str): The network.
        name (str): 'baseline', or the name of a teacher.

    Returns:
        float: In MiB: of CUDA's tensors, or of the process beyond what the
        imports took.
    """
    torch.set_num_threads(args.threads)
    peak = _resident_peak if args.device == 'cpu' else torch.cuda.max_memory_allocated
    before = peak()
    stepper = Stepper(args, case, name)
    for _ in range(args.warmup):
        stepper.step()
    return (peak() - before) / 2**20


def _resident_peak() -> int:
    # Not ru_maxrss: a new process starts with that of its parent.
    status = Path('/proc/self/status').read_text(encoding='utf-8')
    return int(re.search(r'VmHWM:\s+(\d+) kB', status)[1]) * 1024


def peaks(args: Namespace, case: str) -> dict[str, float]:
    """Measure each model's peak memory, in processes of their own.

    Args:
        args (Namespace): The command line.
        case (str): The network.

    Returns:
        dict[str, float]: In MiB.
    """
    # Or the peak is that of what malloc keeps, not of what is needed.
    os.environ['MALLOC_MMAP_THRESHOLD_'] = '65536'
    spawn = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as pool:
        names = ['baseline', *args.teachers]
        waiting = {name: pool.submit(memory, args, case, name) for name in names}
        return {name: waiting[name].result() for name in track(names, 'memory')}


def report(args: Namespace, case: str) -> Table:
    """Measure a network and make its table.

    Args:
        args (Namespace): The command line.
        case (str): The network.

    Returns:
        Table: A row for each teacher.
    """
    megabytes, pairs, differences = peaks(args, case), times(args, case), errors(args, case)
    form = 'channels_last' if args.channels_last else 'contiguous'
    clock = 'CPU time' if args.cpu_time else 'time'
    table = Table(
        title=f'{case}, student and baseline float32 and {form}, {args.device}, '
        f'{args.threads} CPU threads, torch {torch.__version__}, {args.pairs} pairs, {clock}; '
        f'default is {pick_dtype("auto", torch.device(args.device))}'
    )
    for column in ('teacher', 'baseline step', 'CT step', 'CT / baseline', '95 %', 'baseline MiB',
                   'CT MiB', 'ratio', 'logits', 'features', 'loss'):  # fmt: skip
        table.add_column(column, justify='right')
    for name, seconds in pairs.items():
        base, ct = np.median(seconds, axis=0) * 1000
        ratios = seconds[:, 1] / seconds[:, 0]
        low, high = interval(ratios)
        table.add_row(
            name, f'{base:.0f} ms', f'{ct:.0f} ms', f'{np.median(ratios):.3f}',
            f'{low:.3f}-{high:.3f}', f'{megabytes["baseline"]:.0f}', f'{megabytes[name]:.0f}',
            f'{megabytes[name] / megabytes["baseline"]:.2f}',
            *(f'{difference:.1e}' for difference in differences[name]),
        )  # fmt: skip
    return table


def main() -> None:
    """Measure what the command line asks for."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    for case in args.cases:
        Console(width=140).print(report(args, case))


if __name__ == '__main__':
    main()
