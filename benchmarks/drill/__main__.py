"""Drills: runs are killed, checkpoints damaged, tools called wrongly, JSON files made hostile.

What is drawn follows from the seed alone: a case that failed is repeated by its number.

    python benchmarks/drill [--only kills|checkpoints|invocations|json] [--case N]
"""

import os

# Each process has the cores of one; before NumPy and torch are imported.
os.environ['OMP_NUM_THREADS'] = '1'

import argparse  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402

import checkpoints  # noqa: E402
import hostile_json  # noqa: E402
import invocations  # noqa: E402
import kills  # noqa: E402

from mmct.runs.progress import duration  # noqa: E402

KINDS = dict(kills=kills, checkpoints=checkpoints, invocations=invocations, json=hostile_json)


def main() -> int:
    """Hold the drills; the exit code is 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--only', choices=KINDS, action='append', help='default: all kinds')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--count', type=int, help='cases of each kind, default as in the docs')
    parser.add_argument('--case', type=int, action='append', help='these cases alone, from 0')
    parser.add_argument('--keep', action='store_true', help='the folders of cases that failed')
    args = parser.parse_args()
    # A signal that would end it at once would leave the folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    scratch = Path(tempfile.mkdtemp(prefix='mmct_drill_'))
    try:
        tried = {name: _hold(name, args, scratch / name) for name in args.only or KINDS}
    finally:
        if not args.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    print('\n| kind | tried | passed |\n| --- | ---: | ---: |')
    for name, (count, failed) in tried.items():
        print(f'| {name} | {count} | {count - len(failed)} |')
    for name, (_, failed) in tried.items():
        for number, done, problem in failed:
            print(f'\n--only {name} --seed {args.seed} --case {number}: {done}\n    {problem}')
    return 1 if any(failed for _, failed in tried.values()) else 0


def _hold(name: str, args: argparse.Namespace, folder: Path) -> tuple[int, list[tuple]]:
    """Hold the drills of one kind: how many there were, and those that failed."""
    kind = KINDS[name]
    say = partial(print, file=sys.stderr, flush=True)
    say(f'{name}: prepares')
    ground = kind.prepare(folder / 'ground', args.seed)
    numbers = args.case or range(kind.COUNT if args.count is None else args.count)
    failed, started = [], time.monotonic()
    for at, number in enumerate(numbers, start=1):
        place = folder / f'{number}'
        done, problem = kind.drill(ground, place, random.Random(f'{args.seed} {number}'), number)
        failed += [(number, done, problem)] if problem else []
        left = (time.monotonic() - started) / at * (len(numbers) - at)
        state = f'FAILED: {problem[:300]}' if problem else 'passed'
        say(f'{name} {at}/{len(numbers)}, {duration(left)} left: {number} {state} ({done})')
        if not (problem and args.keep):
            shutil.rmtree(place, ignore_errors=True)
    return len(numbers), failed


if __name__ == '__main__':
    sys.exit(main())
