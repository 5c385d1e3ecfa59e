"""CPU seconds that `import mmct` costs beside `import mmpretrain`, each in fresh processes in turn.

With a stack: `import mmpretrain`, `import mmct` alone, both as a tool has them, what mmpretrain's
and our classes cost when a name is first looked up, and the options of a command. The rooms that
need no stack are measured as they are without one: no mm package and no torch is imported.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys

CASES = {
    'import mmpretrain': 'import mmpretrain',
    'import mmct': 'import mmct',
    'import mmpretrain, mmct': 'import mmpretrain, mmpretrain.registry, mmct',
    "mmpretrain's classes": 'import mmpretrain.models, mmpretrain.datasets, mmpretrain.engine, '
    'mmpretrain.evaluation',
    "mmpretrain's and mmct's classes": 'import mmct.registered',
    'mmct.corruptions': 'import mmct.corruptions',
    'mmct.evaluation': 'import mmct.evaluation',
    'mmct.report': 'import mmct.report',
    'mmct.theory': 'import mmct.theory',
    'mmct train --help': "from mmct.cli.train import main; main(['--help'])",
    'mmct corrupt --help': "from mmct.cli.corrupt import main; main(['--help'])",
}
OVER = {
    'import mmct': 'import mmpretrain',
    'import mmpretrain, mmct': 'import mmpretrain',
    "mmpretrain's and mmct's classes": "mmpretrain's classes",
}


def cpu_seconds(program: str) -> float:
    """Measure user and system time of a fresh process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, '-c', program],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Measure all cases in turn, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=5, help='default 5, after one to warm up')
    rounds = parser.parse_args().rounds
    times = {name: [] for name in CASES}
    for number in range(rounds + 1):
        for name, program in CASES.items():
            seconds = cpu_seconds(program)
            if number:
                times[name].append(seconds)
    for name, seconds in times.items():
        line = f'{name:<34}{statistics.median(seconds):6.2f} s'
        if name in OVER:
            pairs = zip(seconds, times[OVER[name]], strict=True)
            line += f', {statistics.median(a / b for a, b in pairs):.3f} x {OVER[name]}'
        print(line)


if __name__ == '__main__':
    main()
