"""What a network's passes on a CPU cost if freed memory is kept, over what they cost if not.

Processes with and without ``mmct.allocator`` take turns; each prints the processor time of its
passes, of which the system's part is what handing out memory takes.
"""

import resource
import statistics
import subprocess
import sys
from argparse import Namespace

import torch
from rich.console import Console
from rich.table import Table
from torchvision.models import get_model

from mmct.allocator import keep_freed_memory
from mmct.cli.options import Parser, add_flag
from mmct.models.backbones import ResNetCIFAR

# Batch, pixels of a side, and passes that take some seconds of a core.
CASES = {
    'resnet20': (128, 32, 40),
    'resnet18': (32, 224, 4),
    'resnet50': (16, 224, 3),
}


def parse_args() -> Namespace:
    """Read the command line."""
    parser = Parser(prog='allocator.py', description=__doc__)
    parser.add_argument('case', choices=CASES, nargs='?', default='resnet20')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--threads', type=int, default=1)
    add_flag(parser, '--train', 'a step, forward and backward, instead of a prediction')
    parser.add_argument('--in-process', choices=('kept', 'returned'), help='of one measurement')
    return parser.parse_args()


def measure(args: Namespace) -> None:
    """Print the seconds of user and system, and the peak memory in MiB, of this process."""
    if args.in_process == 'kept':
        keep_freed_memory()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    batch, size, passes = CASES[args.case]
    model = ResNetCIFAR() if args.case == 'resnet20' else get_model(args.case, weights=None)
    model.train(args.train)
    model.to(memory_format=torch.channels_last)
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    for number in range(passes + 2):
        if number == 2:
            before = resource.getrusage(resource.RUSAGE_SELF)
        with torch.set_grad_enabled(args.train):
            out = model(images)
        if args.train:
            (out[-1] if isinstance(out, tuple) else out).sum().backward()
        del out
    after = resource.getrusage(resource.RUSAGE_SELF)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    print(user, system, after.ru_maxrss / 1024)


def main() -> None:
    """Measure both in turn, and print the medians and the ratios within the rounds."""
    args = parse_args()
    if args.in_process:
        measure(args)
        return
    found: dict[str, list[list[float]]] = dict(returned=[], kept=[])
    for _ in range(args.rounds):
        for how, rows in found.items():
            done = subprocess.run(
                [sys.executable, *sys.argv, '--in-process', how],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            rows.append([float(word) for word in done.stdout.split()[-3:]])
    table = Table('freed memory is', 'user, s', 'system, s', 'peak memory, MiB')
    for how, rows in found.items():
        table.add_row(how, *(f'{statistics.median(each):.2f}' for each in zip(*rows, strict=True)))
    ratios = [
        (kept[0] + kept[1]) / (returned[0] + returned[1])
        for returned, kept in zip(found['returned'], found['kept'], strict=True)
    ]
    console = Console()
    console.print(table)
    console.print(
        f'kept over returned, processor time: {statistics.median(ratios):.2f} '
        f'({min(ratios):.2f} to {max(ratios):.2f} in {args.rounds} rounds)'
    )


if __name__ == '__main__':
    main()
