"""Each page of how-to guides, run as a reader would: its files, its Python, its commands."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from doc_pages import DOCS, steps_of
from mmpretrain.registry import VISBACKENDS
from PIL import Image
from tool_runs import ROOT, end, fork, log_of, shared_server

from mmct.cli.options import Parser
from mmct.cli.train import parse_args
from mmct.runs.configs import load_config

PAGES = sorted(file.name for file in (DOCS / 'how_to').glob('*.md'))
# The others show what other tests test.
FAST = ('extend.md', 'several_gpus.md')
LENGTH = 'epochs, size, mean, std = 10'
MMCT = """import sys
from mmct.cli.main import main
if __name__ == '__main__':
    sys.exit(main())
"""
# The cells of a study.
IN_THIS_PROCESS = """
import study_files
import mmct.cli.studying
mmct.cli.studying.LocalExecutor = study_files.InThisProcess
"""


def run(folder, script, *argv):
    before = shared_server() + IN_THIS_PROCESS
    assert end(fork(folder, script, *argv, before=before)) == 0, log_of(folder)


def command(folder, line):
    name, *words = shlex.split(line, comments=True)
    assert name == 'mmct', line
    # A hundred images make no good teacher.
    weak = ['--allow-weak-teacher'] if '--ct' in words else []
    run(folder, folder / 'mmct_command.py', *words, *weak)


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """What a reader of the tutorial has, with a hundred images."""
    folder = tmp_path_factory.mktemp('project')
    (folder / 'mmct_command.py').write_text(MMCT)
    (config,) = (step for step in steps_of('tutorial.md') if step.name == 'my_config.py')
    (folder / 'my_config.py').write_text(config.text)
    rng = np.random.default_rng(0)
    for split, count in dict(train=10, test=2).items():
        for label in range(10):
            (folder / 'my_images' / split / f'{label}').mkdir(parents=True)
            for number in range(count):
                image = rng.integers(0, 25 * (label + 1), (8, 8), np.uint8)
                file = folder / 'my_images' / split / f'{label}' / f'{number}.png'
                Image.fromarray(image).save(file)
    command(folder, 'mmct train my_config.py')
    return folder


@pytest.mark.parametrize(
    'page', [pytest.param(page, marks=() if page in FAST else pytest.mark.slow) for page in PAGES]
)
def test_a_page_runs_from_its_first_block_to_its_last(page, project, tmp_path):
    folder = tmp_path / 'project'
    shutil.copytree(project, folder)
    steps = steps_of(f'how_to/{page}')
    used = ' '.join(step.text for step in steps if step.kind == 'command')
    for step in steps:
        if step.kind == 'file':
            (folder / step.name).write_text(step.text)
        elif step.kind == 'python':
            script = folder / 'page.py'
            shorter = step.text.replace(LENGTH, LENGTH.replace('10', '1'))
            script.write_text(f"import sys\nsys.path.insert(0, '')\n{shorter}")
            run(folder, script)
        elif not step.text.startswith('torchrun'):
            command(folder, step.text)
    for step in steps:
        # What needs a server or an account is built as far as it goes without.
        if step.kind == 'file' and '_base_' in step.text and step.name not in used:
            for backend in load_config(str(folder / step.name)).visualizer.vis_backends:
                assert VISBACKENDS.get(backend.type) is not None


@pytest.mark.slow
def test_torchrun_starts_both_processes_of_the_page(project):
    (line, *_) = (step.text for step in steps_of('how_to/several_gpus.md'))
    path = f'{ROOT}:{os.environ.get("PYTHONPATH", "")}'
    beside = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    done = subprocess.run(
        [*shlex.split(line), '--allow-weak-teacher'], cwd=project, capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': path, 'PATH': beside}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert (project / 'work_dirs' / 'my_config_ct' / 'ct_result.json').is_file()


def test_the_job_of_slurm_is_a_shell_script_with_options_that_there_are(tmp_path):
    text = (DOCS / 'how_to' / 'several_gpus.md').read_text(encoding='utf-8')
    script = text[text.index('#!/bin/bash') :].split('```')[0]
    # srun in its place prints what it would start.
    (tmp_path / 'srun').write_text('#!/bin/bash\necho "$@"\n')
    (tmp_path / 'srun').chmod(0o755)
    path = f'{tmp_path}:{os.environ["PATH"]}'
    done = subprocess.run(
        ['bash', '-eu'], input=script, capture_output=True, text=True, check=True,
        env={**os.environ, 'PATH': path},
    )  # fmt: skip
    option, *started = done.stdout.split()
    # Or the other processes would wait for one that has failed.
    assert option == '--kill-on-bad-exit=1' and started[:2] == ['mmct', 'train']
    args = parse_args(Parser(), started[2:])
    assert (args.launcher, args.resume, args.ct) == ('slurm', 'auto', True)


def test_a_module_is_found_beside_its_config_but_hides_nothing_installed(tmp_path, monkeypatch):
    before = [*sys.path]
    monkeypatch.setattr(sys, 'path', [*before])
    (tmp_path / 'beside_it.py').write_text('VALUE = 1\n')
    file = tmp_path / 'mine.py'
    file.write_text("custom_imports = dict(imports=['beside_it'])\n")
    for _ in range(2):
        load_config(str(file))
    assert sys.modules.pop('beside_it').VALUE == 1
    # At the end, and once.
    assert sys.path[: len(before)] == before
    assert sys.path[len(before) :].count(str(tmp_path)) == 1
