"""Make the files of the model zoo from the work dir of a study.

Takes the networks that ``NETWORKS`` chooses of that study: writes their weights and their
scorecards into ``zoo/``, and what they are and scored into the index of the package and the
metafile of mim. What other studies put there stays:

    python benchmarks/make_zoo.py work_dirs/digits_table

Options after the work dir are those of the scoring, by default ``--corruptions generated``:

    python benchmarks/make_zoo.py work_dirs/cifar10_resnet20 --corruptions generated --subset 2000
    python benchmarks/make_zoo.py work_dirs/cifar10_table --corruptions cifar10c --data-root FOLDER

Without a work dir it writes the metafile alone, after a change of ``mmct.zoo.files.RELEASE_URL``.
"""

import argparse
import hashlib
import io
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from mmengine.config import Config
from mmpretrain.registry import DATASETS

from mmct.evaluation import read_result
from mmct.models.build import build_classifier
from mmct.runs.configs import load_config
from mmct.runs.errors import CTError
from mmct.runs.files import write_bytes, write_json, write_text
from mmct.runs.weights import check_fits, load_state_dict
from mmct.studies import StudyStore
from mmct.zoo.files import RELEASE_URL
from mmct.zoo.index import INDEX, Entry, ZooFile, read_index

ROOT = Path(__file__).resolve().parents[1]
FILES = ROOT / 'zoo'
METAFILE = ROOT / 'configs' / 'zoo_metafile.yml'


class Network(NamedTuple):
    """A network to publish: its name, the config that describes it, and the arm of the study."""

    name: str
    config: str
    arm: str


class Choice(NamedTuple):
    """The networks of a study: of the first seed, whatever it scored."""

    data: str
    networks: Sequence[Network]
    seed: int = 0


NETWORKS = {
    'digits_table': Choice(
        'Digits',
        [
            Network('bn_resnet18w8_digits', 'bn_resnet18w8_digits', 'Standard'),
            Network('bn_resnet18w8_digits_3x', 'bn_resnet18w8_digits',
                    'Standard, equal compute (3x)'),
            Network('nobn_resnet18w8_digits_2x', 'nobn_resnet18w8_digits', 'no BN (the teacher)'),
            Network('ct_resnet18w8_digits', 'ct_resnet18w8_digits', 'CT'),
            Network('bn_resnet18w8_digits_augmix_3x', 'bn_resnet18w8_digits',
                    'AugMix, equal compute'),
            Network('ct_resnet18w8_digits_augmix', 'ct_resnet18w8_digits', 'CT + AugMix'),
        ],
    ),
    'cifar10_resnet20': Choice(
        'CIFAR-10',
        [
            Network('bn_resnet20_cifar10', 'bn_resnet20_cifar10_folder', 'ResNet-20, Standard'),
            Network('ct_resnet20_cifar10', 'ct_resnet20_cifar10_folder', 'ResNet-20, CT'),
        ],
    ),
    # Trained for 30 epochs, those above for 12.
    'cifar10_table': Choice(
        'CIFAR-10',
        [
            Network('bn_resnet20_cifar10_30e', 'bn_resnet20_cifar10_folder', 'ResNet-20, Standard'),
            Network('bn_resnet20_cifar10_30e_3x', 'bn_resnet20_cifar10_folder',
                    'ResNet-20, Standard, equal compute (3x)'),
            Network('nobn_resnet20_cifar10_30e_2x', 'nobn_resnet20_cifar10_folder',
                    'ResNet-20, no BN (the teacher)'),
            Network('ct_resnet20_cifar10_30e', 'ct_resnet20_cifar10_folder', 'ResNet-20, CT'),
            Network('bn_resnet20_cifar10_30e_augmix_3x', 'bn_resnet20_cifar10_folder',
                    'ResNet-20, AugMix, equal compute'),
            Network('ct_resnet20_cifar10_30e_augmix', 'ct_resnet20_cifar10_folder',
                    'ResNet-20, CT + AugMix'),
        ],
    ),
}  # fmt: skip
# Of a scorecard's summary, what the package's index repeats.
METRICS = ('clean_error_pct', 'clean_interval_pct', 'raw_mce_pct', 'raw_mce_interval_pct',
           'categories_pct', 'severities', 'corruptions')  # fmt: skip
# How far the scorecard's clean error may lie from the study's, in points: devices round otherwise.
TOLERANCE = 0.1


def main() -> None:
    """Publish the chosen networks of a study; write index and metafile."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('work_dir', nargs='?', type=Path, help='of the study')
    args, scoring = parser.parse_known_args()
    index = read_index()
    if args.work_dir is not None:
        index |= published(StudyStore(args.work_dir), scoring or ['--corruptions', 'generated'])
        content = {name: asdict(entry) for name, entry in index.items()}
        for each in content.values():
            each.pop('name')
        write_json(INDEX, content)
    write_text(METAFILE, metafile(index))
    kept = {file.name for entry in index.values() for file in (entry.weights, entry.scorecard)}
    for file in FILES.iterdir():
        if file.name not in kept:
            file.unlink()


def published(store: StudyStore, scoring: Sequence[str]) -> dict[str, Entry]:
    """Write the files of the networks that are chosen of a study; their entries, by name."""
    plan = store.plan()
    if plan is None or plan['name'] not in NETWORKS:
        raise CTError(f'{store.folder} has none of the studies {", ".join(NETWORKS)}')
    choice, entries = NETWORKS[plan['name']], {}
    for network in choice.networks:
        wanted = dict(role='training', arm=network.arm, seed=choice.seed)
        keys = [c['key'] for c in plan['cells'] if wanted.items() <= c.items()]
        if not keys or store.result(keys[0]) is None:
            raise CTError(f'{store.folder} has not finished {network.arm}, seed {choice.seed}')
        print(network.name, flush=True)
        entries[network.name] = publish(store, keys[0], plan['name'], network, choice, scoring)
    return entries


def publish(
    store: StudyStore,
    key: str,
    study: str,
    network: Network,
    choice: Choice,
    scoring: Sequence[str],
) -> Entry:
    """Write the files of a cell; what the index says of them."""
    cfg = load_config(f'mmct::{network.config}.py')
    trained = Config.fromfile(store.run(key) / 'config.py')
    if trained.data_preprocessor != cfg.data_preprocessor:
        raise CTError(f'{network.config} preprocesses images otherwise than the run {key} did')
    model = build_classifier(cfg)
    weights = {name: w.float() if w.is_floating_point() else w
               for name, w in load_state_dict(store.weights(key)).items()}  # fmt: skip
    check_fits(f'run {key}', weights, model)
    model.load_state_dict(weights)
    # What mmpretrain's inferencers read of a checkpoint.
    classes = list(DATASETS.build(cfg.test_dataloader.dataset).metainfo['classes'])
    content = io.BytesIO()  # a file's name would become part of the content
    torch.save(dict(state_dict=weights, meta=dict(dataset_meta=dict(classes=classes))), content)
    weights_file = keep(network.name, '.pth', content.getvalue())
    command = [f'mmct::{network.config}.py', f'zoo/{weights_file.name}', *scoring]
    card = scorecard([*command, '--name', network.name])
    check_study(card, store.result(key), key)
    text = json.dumps(card, separators=(',', ':')) + '\n'
    return Entry(
        name=network.name,
        config=f'{network.config}.py',
        data=choice.data,
        study=study,
        arm=network.arm,
        seed=choice.seed,
        cell=key,
        trained_by=f'mmct study configs/studies/{study}.py --seeds {choice.seed + 1}',
        scored_by=f'mmct test {shlex.join(command)}',
        parameters=sum(p.numel() for p in model.parameters()),
        metrics={name: card['summary'][name] for name in METRICS},
        weights=weights_file,
        scorecard=keep(network.name, '.json', text.encode()),
    )


def keep(name: str, suffix: str, content: bytes) -> ZooFile:
    """Write a file under the name that its digest gives it."""
    sha256 = hashlib.sha256(content).hexdigest()
    file = ZooFile(f'{name}-{sha256[:8]}{suffix}', sha256, len(content))
    write_bytes(FILES / file.name, content)
    return file


def scorecard(command: Sequence[str]) -> dict[str, Any]:
    """Score by tools/test.py; without each image's probabilities and pictures, for their size."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / 'scorecard.json'
        options = ['--out', str(out), '--work-dir', folder, '--no-report']
        subprocess.run([sys.executable, 'tools/test.py', *command, *options], cwd=ROOT, check=True)
        result = read_result(out)
    for cell in (result['clean'], *result['cells']):
        cell.pop('predictions', None)
    return {**result, 'examples': []}


def check_study(card: Mapping[str, Any], result: Mapping[str, Any], key: str) -> None:
    """Refuse a scorecard that contradicts what the study found on the same clean images."""
    study = result['scores']['corruption']['value']
    found, expected = card['summary']['clean_error_pct'], study['clean_error_pct']
    if study['images'] == card['data']['images'] and abs(found - expected) > TOLERANCE:
        raise CTError(
            f'run {key} had a clean error of {expected} % in the study, its weights {found} %'
        )


def metafile(index: Mapping[str, Entry]) -> str:
    """What mim reads of the networks."""
    collection = dict(
        Name='CounterbalancingTeacherZoo',
        Metadata=dict(Architecture=['ResNet']),
        Paper='https://arxiv.org/abs/2207.01548',
    )
    models = []
    for entry in index.values():
        clean, corrupted = (round(entry.metrics[f'{key}_pct'], 2) for key in
                            ('clean_error', 'raw_mce'))  # fmt: skip
        task = 'Image Classification'
        models.append(
            {
                'Name': entry.name,
                'In Collection': collection['Name'],
                'Metadata': {'Training Data': entry.data, 'Parameters': entry.parameters},
                'Results': [
                    dict(Task=task, Dataset=entry.data,
                         Metrics={'Top 1 Accuracy': round(100 - clean, 2)}),
                    dict(Task=task, Dataset=f'{entry.data}-C', Metrics={'raw mCE': corrupted}),
                ],
                'Weights': f'{RELEASE_URL}/{entry.weights.name}',
                'Config': f'configs/{entry.config}',
            }
        )  # fmt: skip
    content = dict(Collections=[collection], Models=models)
    head = '# Written by benchmarks/make_zoo.py from the index of the model zoo.\n'
    return head + yaml.safe_dump(content, sort_keys=False)


if __name__ == '__main__':
    try:
        main()
    except CTError as error:
        sys.exit(f'make_zoo.py: error: {error}')
    except subprocess.CalledProcessError as error:
        # The tool has said why.
        sys.exit(error.returncode)
