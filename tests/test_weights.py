"""Weights to start from come from files and URLs, of any kind that OpenMMLab writes."""

import pytest
import torch
from tool_runs import BN, CT, SMALL, TRAIN, WEAK, result_of, run, same_weights, served, succeed

from mmct.runs.weights import load_state_dict

RUN = ('--cfg-options', *SMALL, 'train_cfg.max_epochs=1', WEAK)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A BN network and a BN-free teacher, each as file and with ``module.`` before its names."""
    folder = tmp_path_factory.mktemp('trained')
    options = ('--cfg-options', *SMALL, 'train_cfg.max_epochs=1')
    succeed(TRAIN, BN, '--work-dir', 'bn', *options, cwd=folder)
    succeed(TRAIN, CT, '--work-dir', 'ct', *RUN, cwd=folder)
    for name, file in (('bn', 'bn/epoch_1.pth'), ('teacher', 'ct/teacher/teacher.pth')):
        weights = load_state_dict(folder / file)
        torch.save(weights, folder / f'{name}.pth')
        torch.save({f'module.{n}': w for n, w in weights.items()}, folder / f'{name}_module.pth')
    return folder


def test_a_teacher_is_the_same_from_wherever_it_comes(trained, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    expected = result_of(trained / 'ct')['teacher_accuracy_pct']
    with served(trained) as url:
        for source in (trained / 'teacher_module.pth', f'{url}/teacher.pth'):
            succeed(TRAIN, CT, '--teacher', source, '--work-dir', 'run', *RUN, cwd=tmp_path)
            result = result_of(tmp_path / 'run')
            assert result['teacher_accuracy_pct'] == expected
            assert result['teacher_source'] == str(source)


@pytest.mark.parametrize('config', [BN, CT], ids=['BN', 'CT'])
def test_weights_of_which_none_fits_are_refused_before_anything_is_trained(
    trained, tmp_path, config
):
    weights = load_state_dict(trained / 'bn.pth')
    bare = {name.removeprefix('backbone.'): w for name, w in weights.items() if 'backbone' in name}
    torch.save(bare, tmp_path / 'bare.pth')
    options = RUN if config == CT else RUN[:-1]
    result = run(TRAIN, config, '--work-dir', 'run', *options, 'load_from=bare.pth', cwd=tmp_path)
    assert result.code == 2
    assert 'checkpoint bare.pth does not fit the model: none of its' in result.err
    assert 'it has conv1.weight, ' in result.err and 'the model backbone.conv1.w' in result.err
    assert not list(tmp_path.glob('run/*.pth')) and not (tmp_path / 'run' / 'teacher').exists()


def test_teacher_and_student_start_from_the_same_weights_of_any_source(
    trained, tmp_path, monkeypatch
):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with served(trained) as url:
        sources = (trained / 'bn.pth', trained / 'bn_module.pth', f'{url}/bn.pth')
        for number, source in enumerate(sources):
            succeed(TRAIN, CT, '--work-dir', f'{number}', *RUN, f'load_from={source}',
                    cwd=tmp_path)  # fmt: skip
    for file in ('teacher/teacher.pth', 'epoch_1.pth'):
        one, *others = (tmp_path / f'{number}' / file for number in range(3))
        assert all(same_weights(one, other) for other in others)
    assert not same_weights(tmp_path / '0' / 'epoch_1.pth', trained / 'ct' / 'epoch_1.pth')
