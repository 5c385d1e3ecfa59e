"""Train a BN net, its BN-free teacher and the CT student on real CIFAR-10.

Keeps their weights and a record beside this script. Killed and started again it
continues; what is finished is not run again.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

import mmengine
import mmpretrain
import torch

import mmct
from mmct.runs.files import write_json, write_whole
from mmct.runs.weights import load, load_state_dict

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CONFIG = 'configs/{}_resnet18w8_cifar10_folder.py'
# The network, the run that trains it and its log's place in that run, the kind
# of config that tests it.
NETWORKS = dict(
    bn=('bn', '.', 'bn'), teacher=('ct', 'teacher', 'nobn'), ct=('ct', '.', 'bn')
)


def main() -> None:
    """Train what is missing, keep the weights, test them, write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--work-dirs', type=absolute, default=ROOT / 'work_dirs' / 'cifar10')
    parser.add_argument('--keep', type=absolute, default=HERE / 'cifar10')
    args = parser.parse_args()
    args.keep.mkdir(parents=True, exist_ok=True)
    commands = [train(kind, args.work_dirs / kind) for kind in ('bn', 'ct')]
    record = dict(
        commands=commands,
        mmct=mmct.__version__,
        torch=torch.__version__,
        mmengine=mmengine.__version__,
        mmpretrain=mmpretrain.__version__,
        python=platform.python_version(),
        threads=os.environ.get('OMP_NUM_THREADS', 'all'),
        networks={},
    )
    for name, (run, place, tested_as) in NETWORKS.items():
        folder = args.work_dirs / run / place
        kept = args.keep / f'{name}.pth'
        keep(final_checkpoint(folder), kept)
        record['networks'][name] = dict(
            accuracy_pct=test(tested_as, kept, args.work_dirs),
            parameters=parameters(kept),
            **timing(folder),
        )
        print(name, record['networks'][name])
    record['agreement_pct'] = read(args.work_dirs / 'ct' / 'ct_result.json')['agreement_pct']
    write_json(args.keep / 'record.json', record)


def absolute(path: str) -> Path:
    """A path that also holds for the tools, which run in the checkout."""
    return Path(path).resolve()


def train(kind: str, work_dir: Path) -> str:
    """Run tools/train.py to its end, from wherever it is; its command."""
    command = ['tools/train.py', CONFIG.format(kind)]
    done = (work_dir / 'last_checkpoint').exists() and final_checkpoint(work_dir).exists()
    if kind == 'ct':
        done = (work_dir / 'ct_result.json').exists()
    if not done:
        options = ['--work-dir', str(work_dir), '--resume']
        subprocess.run([sys.executable, *command, *options], cwd=ROOT, check=True)
    return ' '.join(['python', *command])


def final_checkpoint(folder: Path) -> Path:
    """The checkpoint of the last of the 15 epochs."""
    return folder / 'epoch_15.pth'


def keep(checkpoint: Path, file: Path) -> None:
    """Keep the weights of a checkpoint, and the names of its classes."""
    content = load(checkpoint)
    kept = dict(
        state_dict=content['state_dict'],
        meta=dict(dataset_meta=content['meta']['dataset_meta']),
    )
    write_whole(file, lambda temporary: torch.save(kept, temporary))


def test(kind: str, checkpoint: Path, work_dirs: Path) -> float:
    """Accuracy on the test images in %, by tools/test.py."""
    out = work_dirs / f'{checkpoint.stem}.json'
    command = ['tools/test.py', CONFIG.format(kind), str(checkpoint)]
    options = ['--out', str(out), '--out-item', 'metrics', '--work-dir', str(work_dirs)]
    subprocess.run([sys.executable, *command, *options], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    return read(out)['accuracy/top1']


def parameters(checkpoint: Path) -> int:
    """How many numbers a network learns: BN statistics are not learned."""
    weights = load_state_dict(checkpoint)
    statistics = ('running_mean', 'running_var', 'num_batches_tracked')
    return sum(w.numel() for name, w in weights.items() if not name.endswith(statistics))


def timing(folder: Path) -> dict[str, float]:
    """Steps, and seconds a step, by the logs of all starts."""
    steps = []
    for log in folder.glob('*/vis_data/scalars.json'):
        lines = (json.loads(line) for line in log.read_text().splitlines())
        steps += [line for line in lines if 'loss' in line]
    return dict(
        steps=load(final_checkpoint(folder))['meta']['iter'],
        mean_step_seconds=statistics.mean(line['time'] for line in steps),
        median_step_seconds=statistics.median(line['time'] for line in steps),
    )


def read(file: Path) -> dict:
    """A JSON file."""
    return json.loads(file.read_text())


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('cifar10.py: stopped; run the same command again to continue')
    except subprocess.CalledProcessError as error:
        # The tool has said why.
        sys.exit(error.returncode)
