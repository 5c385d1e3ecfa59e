"""Run README's demo with five seeds, and keep what its report says of each.

    python benchmarks/demo.py    # ten to twenty minutes of two cores; again, it goes on

benchmarks/write_tables.py writes the table of results_in_detail.md from ``benchmarks/demo.json``.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmct.evaluation import compare, read_result
from mmct.runs.files import write_text

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / 'benchmarks' / 'demo.json'
NETWORKS = 'baseline', 'teacher', 'student'
_ERRORS = dict(clean='clean_error_pct', corrupted='raw_mce_pct')


def run(seed: int, folder: Path) -> dict[str, Any]:
    """Train the demo's networks, or go on where they are.

    Args:
        seed (int): The seed.
        folder (Path): The work dir.

    Returns:
        dict: By error the values of the networks, and how CT differs from the plain one.
    """
    script, config = ROOT / 'tools' / 'train.py', ROOT / 'configs' / 'ct_resnet18_digits.py'
    options = ['--work-dir', folder, '--resume', '--cfg-options', f'randomness.seed={seed}']
    subprocess.run([sys.executable, script, config, *options], check=True)
    results = [read_result(folder / 'scorecard' / f'{name}.json') for name in NETWORKS]
    of_student = compare(results, baseline=0).differences[-1]
    return {
        kind: dict(
            {name: result['summary'][key] for name, result in zip(NETWORKS, results, strict=True)},
            ct_minus_plain=of_student[key],
        )
        for kind, key in _ERRORS.items()
    }


def main() -> None:
    """Run all seeds, and write the file after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'))
    folder = parser.parse_args().work_dir
    kept = {}
    for seed in range(5):
        kept[str(seed)] = run(seed, folder / f'seed_{seed}')
        write_text(KEPT, json.dumps(kept, indent=1) + '\n')


if __name__ == '__main__':
    main()
