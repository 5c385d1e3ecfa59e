"""The studies that come with mmct."""

from pathlib import Path

import pytest
from mmpretrain.registry import DATASETS
from PIL import Image

import mmct
from mmct.runs.configs import load_config
from mmct.studies import FIGURES, SCORES, TABLES, Planner, StudyStore, read_study

FOLDER = Path(mmct.config_path('bn_resnet18_digits')).parent
STUDIES = sorted(path.stem for path in (FOLDER / 'studies').glob('*.py'))
PART = FOLDER / '_base_' / 'studies' / 'cifar10_folder_part.py'


def study_of(name):
    return read_study(load_config(str(FOLDER / 'studies' / f'{name}.py')))


@pytest.mark.parametrize('name', STUDIES)
def test_parts_build_and_each_arm_has_a_baseline_of_its_group(name):
    study = study_of(name)
    assert len(study.seeds) >= 3
    for kind, registry in (('scores', SCORES), ('tables', TABLES), ('figures', FIGURES)):
        for part, settings in getattr(study, kind).items():
            registry.build({**settings, 'name': part} if kind == 'scores' else dict(settings))
    for arm in study.arms.values():
        for baseline in arm.baselines:
            assert study.arms[baseline].group == arm.group


def test_the_study_of_digits_has_a_cell_for_each_arm_and_seed(tmp_path):
    cells = Planner(study_of('digits_study'), StudyStore(tmp_path)).cells({})
    # A teacher for each seed of CT: with warm-up and clipping it is not the arm without BN.
    assert len(cells) == 12


def test_another_project_inherits_a_study(tmp_path):
    file = tmp_path / 'mine.py'
    file.write_text(
        "_base_ = [__import__('mmct').config_path('digits_study.py')]\nseeds = [0]\n"
        "arms = dict(mine=dict(config=_base_.arms['BN'].config, group='other'))\n"
    )
    cells = Planner(read_study(load_config(str(file))), StudyStore(tmp_path)).cells({})
    assert [cell.arm for cell in cells] == ['BN', 'no BN', 'CT', 'CT']
    # What trains the same is one cell: 'mine' is the arm with BN.
    own = Planner(study_of('digits_study'), StudyStore(tmp_path)).cells({})
    assert {cell.key for cell in cells} == {cell.key for cell in own if cell.seed == 0}


def test_settings_are_chosen_on_images_that_no_network_learns_from(tmp_path, monkeypatch):
    for label in ('airplane', 'automobile'):
        for number in range(25):
            file = tmp_path / 'data' / 'cifar10' / 'train' / label / f'{number}.png'
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new('RGB', (32, 32)).save(file)
    monkeypatch.chdir(tmp_path)
    cfg = load_config(str(PART))
    paths = {}
    for split in ('train', 'val'):
        data = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        paths[split] = {data.get_data_info(i)['img_path'] for i in range(len(data))}
    assert (len(paths['train']), len(paths['val'])) == (10, 2)  # a fifth, a twenty-fifth
    assert not paths['train'] & paths['val']
