"""Break the code in one place after the other, and count how many breaks the suite notices.

Each mutation replaces a text that stands once in the package, in a copy of the checkout, and runs
the tests that should notice. One that survives shows what no test looks at. It takes half an hour:

    python benchmarks/mutations.py [PART OF A NAME ...]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Mutation(NamedTuple):
    """A break, and the files below ``tests/`` that should notice it."""

    name: str
    old: str
    new: str
    tests: list[str]


MUTATIONS = [
    Mutation(
        'consistency: KL without T^2',
        'return temperature**2 * divergence',
        'return temperature * divergence',
        ['models/test_consistency_loss.py'],
    ),
    Mutation(
        'consistency: KL the wrong way',
        'divergence = _kl(log_p, log_q)',
        'divergence = _kl(log_q, log_p)',
        ['models/test_consistency_loss.py'],
    ),
    Mutation(
        'consistency: ramp ignores its length',
        'x = min(progress / self.ramp_length, 1.0)',
        'x = min(progress, 1.0)',
        ['models/test_consistency_loss.py'],
    ),
    Mutation(
        'NoNorm: standardise forgets the mean',
        'self.bias.sub_(mean * self.weight)',
        'self.bias.sub_(mean)',
        ['models/test_no_norm.py', 'models/test_batch_norm_removal.py'],
    ),
    Mutation(
        'calibration in train mode statistics: unbiased=True layer var of channel mean',
        'var, mean = x.var(correction=0), x.new_zeros(())',
        'var, mean = (x**2).mean(), x.new_zeros(())',
        ['models/test_no_norm.py', 'models/test_batch_norm_removal.py'],
    ),
    Mutation(
        'removal: identity keeps gamma',
        "if theirs is not None and init != 'identity':",
        'if theirs is not None:',
        ['models/test_batch_norm_removal.py', 'models/test_no_norm.py'],
    ),
    Mutation(
        'standardised weights: without the fan-in',
        'weight=gain * fan_in**-0.5,',
        'weight=gain,',
        ['models/test_weight_standardisation.py'],
    ),
    Mutation(
        'standardised weights: folded before they are standardised',
        'weight = layer.weight.detach()',
        "weight = layer._parameters['weight'].detach()",
        ['models/test_weight_standardisation.py'],
    ),
    Mutation(
        'teacher: its average is not kept',
        'teacher.load_state_dict(average.module.state_dict())',
        'average.module.state_dict()',
        ['engine/hooks/test_no_bn_teacher_hook.py'],
    ),
    Mutation(
        'teacher: from scratch is not heeded',
        'start = None if recipe.from_scratch else start_of(cfg)',
        'start = start_of(cfg)',
        ['teacher/test_teacher_config.py'],
    ),
    Mutation(
        'studies: an arm forgets the network that it starts from',
        'starts = (start.key,)',
        'starts = ()',
        ['studies/test_planner.py'],
    ),
    Mutation(
        'studies: errors without the images',
        'found = [image_errors.errors_of_images(each, keys) for each in kept]',
        'found = [None]',
        ['studies/test_summary.py', 'studies/test_image_errors.py'],
    ),
    Mutation(
        'adaptive clipping: by the gradient alone',
        'most = clipping * _unit_norms(parameter).clamp(min=_SMALLEST)',
        'most = clipping',
        ['engine/hooks/test_adaptive_clipping_hook.py'],
    ),
    Mutation(
        'student start: gamma without eps',
        'norm.weight.copy_(weight * (var + norm.eps).sqrt())',
        'norm.weight.copy_(weight * var)',
        ['models/test_batch_norm_statistics.py'],
    ),
    Mutation(
        'check of a copy: teacher with BN passes',
        'if isinstance(module, _BatchNorm) and not with_bn:',
        'if isinstance(module, _BatchNorm) and with_bn:',
        ['models/test_ct_classifier.py'],
    ),
    Mutation(
        'BN re-estimation keeps the old momentum',
        'layer.momentum = None  # torch then takes the mean over batches',
        'layer.momentum = 0.1',
        ['models/test_batch_norm_statistics.py'],
    ),
    Mutation(
        'random state: numpy is not restored',
        "np.random.set_state(('MT19937', keys.cpu().numpy().astype(np.uint32), *rest))",
        "('MT19937', keys.cpu().numpy().astype(np.uint32), *rest)",
        ['runs/test_random_state.py', 'runs/test_reproducible_batches.py'],
    ),
    Mutation(
        'workers: seed ignores the epoch',
        'seed_all(seed, rank, worker, epoch + 1)',
        'seed_all(seed, rank, worker, 1)',
        ['runs/test_reproducible_batches.py'],
    ),
    Mutation(
        'resume: accumulated gradients are lost',
        'parameters[name].grad = gradient.to(parameters[name])',
        'gradient.to(parameters[name])',
        ['test_interruption.py'],
    ),
    Mutation(
        'resume: code in a checkpoint is not refused',
        "if 'config' in checkpoint.get('meta', {}):",
        "if 'konfig' in checkpoint.get('meta', {}):",
        ['runs/test_weights_from_files.py', 'test_resume.py'],
    ),
    Mutation(
        'safe loading: any getattr',
        "if owner is not HistoryBuffer or name.startswith('_'):",
        'if False:',
        ['runs/test_weights_from_files.py'],
    ),
    Mutation(
        'digest: names do not count',
        'mark.update(name.encode())',
        "mark.update(b'')",
        ['runs/test_weights_from_files.py'],
    ),
    Mutation(
        'check_fits: shapes do not count',
        'and (name not in found or found[name].shape != value.shape)',
        'and name not in found',
        ['runs/test_weights_from_files.py', 'test_resume.py'],
    ),
    Mutation(
        'whole files: written in place',
        'os.replace(temporary, path)',
        'path.write_bytes(temporary.read_bytes())',
        ['runs/test_files.py', 'test_interruption.py'],
    ),
    Mutation(
        'checkpoint hook: the old one goes first',
        'self._outdated.append(filepath)',
        'Path(filepath).unlink(missing_ok=True)',
        ['runs/test_files.py', 'test_resume.py'],
    ),
    Mutation(
        'lock: everyone gets it',
        'lock.acquire(timeout=0)',
        'pass',
        ['test_resume.py', 'runs/test_files.py'],
    ),
    Mutation(
        'fingerprint: the seed does not count',
        "'model_wrapper_cfg*', 'randomness.deterministic',",
        "'model_wrapper_cfg*', 'randomness*',",
        ['teacher/test_teacher_store.py', 'engine/test_composition.py', 'studies/test_planner.py'],
    ),
    Mutation(
        'weak teacher: never refused',
        'return Accuracy((accuracy,), 100.0, chance, num_images).above_chance()',
        'return True',
        ['engine/hooks/test_no_bn_teacher_hook.py'],
    ),
    Mutation(
        'lr scaling: schedulers keep their base values',
        'scheduler.base_values = [value * factor for value in scheduler.base_values]',
        'scheduler.base_values = list(scheduler.base_values)',
        ['runs/test_learning_rate.py'],
    ),
    Mutation(
        'schedule: not stretched with the length',
        'return max(1, round(time * ratio))',
        'return max(1, round(time))',
        ['teacher/test_teacher_config.py'],
    ),
    Mutation(
        'teacher config: EMA stays',
        "students = EMAHook, 'NoBNTeacherHook',",
        "students = 'NoBNTeacherHook',",
        ['teacher/test_teacher_config.py'],
    ),
    Mutation(
        'accuracy: repeated images of a distributed sampler count',
        'return min(size, share - seen)',
        'return size',
        ['scoring/test_accuracy.py', 'test_distributed.py'],
    ),
    Mutation(
        'table: one number of motion blur',
        'motion_blur=((6, 1), (6, 1.5), (6, 2)',
        'motion_blur=((6, 1), (6, 1.5), (6, 2.5)',
        ['corruptions/test_reference.py'],
    ),
    Mutation(
        'contrast: towards the grey of all channels',
        'x = (level / 255 - mean) * factor + mean',
        'x = (level / 255 - red / (255 * size)) * factor + red / (255 * size)',
        ['corruptions/test_primitives.py', 'corruptions/test_reference.py'],
    ),
    Mutation(
        'streams: severity does not count',
        'words = (seed % 2**32, seed >> 32, severity, *corruption.encode())',
        'words = (seed % 2**32, seed >> 32, 1, *corruption.encode())',
        ['corruptions/test_primitives.py'],
    ),
    Mutation(
        'mCE: ratio of means',
        'gaps = {name: value - reference_clean for name, value in reference.items()}',
        'gaps = dict(reference)',
        ['evaluation/test_error_table.py'],
    ),
    Mutation(
        'bootstrap: one-sided tail',
        'tail = (1 - level) / 2',
        'tail = 1 - level',
        ['evaluation/test_comparison.py'],
    ),
    Mutation(
        'comparison: unpaired data are accepted',
        'key = first_difference(data, other, (*_ALWAYS, *_IF_KNOWN))',
        'key = first_difference(data, other, _ALWAYS[:1])',
        ['evaluation/test_comparison.py'],
    ),
    Mutation(
        'scorecard: the pixels do not count',
        "data = {**data, 'pixels_sha256': hashlib.sha256(pixels.tobytes()).hexdigest()}",
        "data = {**data, 'pixels_sha256': None}",
        ['scoring/test_networks.py'],
    ),
    Mutation(
        'scorecard: what a network does with pixels does not count',
        "said['classes'] = classes",
        "said['classes'] = []",
        ['scoring/test_networks.py'],
    ),
    Mutation(
        'scorecard: how sure a network is does not count',
        'top_probabilities=probabilities and [round(each, 4) for each in probabilities],',
        'top_probabilities=None,',
        ['scoring/test_networks.py'],
    ),
    Mutation(
        'subset: a generated one calls itself released',
        "kept = dict(source=data['source'])",
        'kept = {}',
        ['scoring/test_networks.py'],
    ),
    Mutation(
        'predictions: a checksum that is cut off is not missed',
        'if len(found) != expected or not reader.eof:',
        'if len(found) != expected:',
        ['evaluation/test_predictions.py'],
    ),
    Mutation(
        'ECE: bins closed below',
        'number = np.clip(np.searchsorted(edges, confidence) - 1, 0, bins - 1)',
        "number = np.clip(np.searchsorted(edges, confidence, 'right') - 1, 0, bins - 1)",
        ['evaluation/test_calibration_error.py'],
    ),
    Mutation(
        'domain sampler: the domains draw alike',
        'generator = torch.Generator().manual_seed(self.seed * 1000 + domain)',
        'generator = torch.Generator().manual_seed(self.seed * 1000)',
        ['datasets/test_multi_domain.py'],
    ),
    Mutation(
        'hold-out: one split for all seeds',
        'order = np.random.default_rng([self.seed, zlib.crc32(domain.encode())]).permutation(',
        'order = np.random.default_rng([0, zlib.crc32(domain.encode())]).permutation(',
        ['datasets/test_multi_domain.py'],
    ),
    Mutation(
        'cutout fill in the other order',
        "fill = reordered(mean, 'rgb', order_before(settings)).tolist()",
        'fill = mean.tolist()',
        ['methods/test_switch.py'],
    ),
    Mutation(
        'augmix: chains are not weighed',
        'mix += np.float32(share * weight) * np.asarray(self._chain(image), np.float32)',
        'mix += np.float32(share / self.width) * np.asarray(self._chain(image), np.float32)',
        ['methods/test_augmix.py'],
    ),
    Mutation(
        'PGD: not projected',
        'found = (found.detach() + step * gradient.sign()).clamp_(low, high)',
        'found = (found.detach() + step * gradient.sign()).clamp_(0, 255)',
        ['methods/test_adversarial.py'],
    ),
    Mutation(
        'inter-domain mixup: the losses are not mixed',
        'return dict(loss=(share * own + (1 - share) * others).mean())',
        'return dict(loss=own.mean())',
        ['methods/test_domain_classifiers.py'],
    ),
    Mutation(
        'page: the title is not escaped',
        'autoescape=True, undefined',
        'autoescape=False, undefined',
        ['report/test_page.py'],
    ),
    Mutation(
        'study keys: unordered',
        'text = json.dumps(value, sort_keys=True, default',
        'text = json.dumps(value, default',
        ['studies/test_store.py', 'studies/test_planner.py'],
    ),
    Mutation(
        'study store: scores of other settings count',
        'or not is_of(kept[name], mark, cell.images, {**REVISIONS, **cell.given[name]})',
        '',
        ['studies/test_store.py'],
    ),
    Mutation(
        'differences: not paired by seed',
        'return [(mine[seed], theirs[seed]) for seed in mine if seed in theirs]',
        'return [(mine[seed], theirs[next(iter(theirs))]) for seed in mine if seed in theirs]',
        ['studies/test_summary.py'],
    ),
    Mutation(
        'tuning: the worst trial',
        'return errors.index(min(errors))',
        'return errors.index(max(errors))',
        ['studies/test_planner.py'],
    ),
    Mutation(
        'theory: shares of the wrong fit',
        'return weights * (features.T @ fit) / size',
        'return weights * (features.T @ fit) / np.sqrt(size)',
        ['theory/test_experiments.py'],
    ),
    Mutation(
        'stack: mixed stacks pass',
        'if len(present) > 1:',
        'if len(present) > 2:',
        ['test_stack.py'],
    ),
    Mutation(
        'data mark: sizes do not count',
        'known[key] = _digest(names, *chain.from_iterable(sizes))',
        'known[key] = _digest(names)',
        ['runs/test_data_content.py'],
    ),
    Mutation(
        'records: numbers as texts pass',
        '_adapter(kind).validate_python(value, strict=True)',
        'TypeAdapter(Any).validate_python(value, strict=True)',
        ['evaluation/test_result_file.py', 'studies/test_store.py'],
    ),
    Mutation(
        'trackers: the curves of the teacher have the names of the student',
        "named = {f'{self._prefix}{name}': value for name, value in scalar_dict.items()}",
        'named = dict(scalar_dict)',
        ['teacher/test_trackers.py'],
    ),
    Mutation(
        'rehearsal: no step is taken',
        'model.train_step(copy.deepcopy(batch), wrapper)',
        'copy.deepcopy(batch)',
        ['teacher/test_rehearsal.py'],
    ),
    Mutation(
        'wheel: tools are not packed for mim',
        "for folder in ('configs', 'tools'):",
        "for folder in ('configs',):",
        ['test_packaging.py'],
    ),
]


def place(folder: Path, text: str) -> Path:
    """Find the one file of the package that has a text.

    Raises:
        ValueError: Unless it stands once.
    """
    files = [*(folder / 'mmct').rglob('*.py'), folder / 'setup.py']
    found = [file for file in files for _ in range(file.read_text('utf-8').count(text))]
    if len(found) != 1:
        raise ValueError(f'stands {len(found)} times, not once: {text}')
    return found[0]


def is_noticed(folder: Path, mutation: Mutation) -> bool:
    """Break the copy, run the tests, mend it."""
    file = place(folder, mutation.old)
    text = file.read_text('utf-8')
    file.write_text(text.replace(mutation.old, mutation.new), 'utf-8')
    command = [sys.executable, '-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider']
    tests = [f'tests/{name}' for name in mutation.tests]
    settings = dict(PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE='1', OMP_NUM_THREADS='1')
    try:
        done = subprocess.run(
            [*command, *tests], cwd=folder, env={**os.environ, **settings}, capture_output=True
        )
    finally:
        file.write_text(text, 'utf-8')
    if done.returncode not in (0, 1, 2):  # 1: a test failed; 2: it could not be collected
        raise RuntimeError(done.stdout.decode(errors='replace')[-2000:])
    return done.returncode != 0


def main() -> int:
    """Try the mutations; the exit code is 1 if one survives."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('names', nargs='*', help='parts of names; default all mutations')
    parts = parser.parse_args().names
    chosen = [m for m in MUTATIONS if not parts or any(part in m.name for part in parts)]
    survived = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / 'mmct'
        leave = shutil.ignore_patterns('__pycache__', '.git', 'work_dirs', 'data')
        shutil.copytree(ROOT, copy, ignore=leave)
        for number, mutation in enumerate(chosen, start=1):
            noticed = is_noticed(copy, mutation)
            survived += [] if noticed else [mutation.name]
            state = 'noticed' if noticed else 'SURVIVED'
            print(f'{number} of {len(chosen)}: {state}: {mutation.name}', flush=True)
    print(f'{len(chosen) - len(survived)} of {len(chosen)} noticed')
    return 1 if survived else 0


if __name__ == '__main__':
    sys.exit(main())
