"""Images from several domains, in folders that the test makes."""

import cv2
import numpy as np
import pytest
from mmpretrain.registry import DATASETS

from mmct.datasets import PACS, VLCS, DomainSampler, MultiDomain, OfficeHome, TerraIncognita

DOMAINS = dict(photo=10, painting=15, sketch=7)
CLASSES = ('cat', 'dog')
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='PackInputs', meta_keys=('img_path', 'domain')),
]


@pytest.fixture
def root(tmp_path):
    """Three domains of two classes, with 10 to 30 images each."""
    rng = np.random.default_rng(0)
    for domain, count in DOMAINS.items():
        for name in CLASSES:
            folder = tmp_path / domain / name
            folder.mkdir(parents=True)
            for number in range(count):
                image = rng.integers(0, 256, (6, 5, 3), np.uint8)
                cv2.imwrite(str(folder / f'{number:02d}.png'), image)
    (tmp_path / 'photo' / 'dog' / 'readme.txt').write_text('no image')
    (tmp_path / 'photo' / '.cache').mkdir()
    return tmp_path


@pytest.fixture
def said(monkeypatch):
    """The warnings."""
    messages = []
    monkeypatch.setattr(
        'mmct.datasets.multi_domain.print_log', lambda message, **settings: messages.append(message)
    )
    return messages


def _make(root, **settings):
    return MultiDomain(data_root=str(root), pipeline=PIPELINE, **settings)


def _paths(dataset):
    return [dataset.get_data_info(row)['img_path'] for row in range(len(dataset))]


def test_images_have_the_class_and_the_domain_of_their_folders(root):
    dataset = _make(root)
    assert dataset.metainfo['domains'] == ('painting', 'photo', 'sketch')
    assert dataset.metainfo['classes'] == CLASSES
    assert len(dataset) == 64
    for path, row in zip(_paths(dataset), range(64), strict=True):
        info = dataset.get_data_info(row)
        domain, name = path.split('/')[-3:-1]
        assert dataset.metainfo['domains'][info['domain']] == domain
        assert CLASSES[info['gt_label']] == name
    sample = dataset[42]['data_samples']
    assert sample.domain == 1
    assert dataset[42]['inputs'].shape == (3, 6, 5)


@pytest.mark.parametrize(
    ('settings', 'expected'),
    [
        (dict(domains='sketch'), {2}),
        (dict(domains=['sketch', 'painting']), {0, 2}),
        (dict(left_out='photo'), {0, 2}),
        (dict(domains=['photo', 'sketch'], left_out=['photo']), {2}),
    ],
)
def test_a_subset_of_the_domains_keeps_their_numbers(root, settings, expected):
    dataset = _make(root, **settings)
    assert {dataset.get_data_info(row)['domain'] for row in range(len(dataset))} == expected
    assert dataset.metainfo['domains'] == ('painting', 'photo', 'sketch')


def test_the_parts_of_a_domain_are_all_of_it_and_follow_from_the_seed(root):
    training, holdout = (_make(root, part=part) for part in ('training', 'holdout'))
    assert sorted(_paths(training) + _paths(holdout)) == sorted(_paths(_make(root)))
    # A fifth of 20, 30 and 14.
    assert [sum(f'/{name}/' in path for path in _paths(holdout)) for name in DOMAINS] == [4, 6, 3]
    assert _paths(holdout) == _paths(_make(root, part='holdout'))
    assert _paths(holdout) != _paths(_make(root, part='holdout', seed=2))
    # Whichever other domains are there.
    alone = _make(root, part='holdout', domains='photo')
    assert set(_paths(alone)) == {path for path in _paths(holdout) if '/photo/' in path}
    assert len(_make(root, part='holdout', holdout=0.5)) == 32


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(left_out='sketches'), r"no domain 'sketches': did you mean 'sketch'\?"),
        (dict(domains=['photo', 'xyz']), "no domain 'xyz': choose from painting, photo, sketch"),
        (dict(left_out=list(DOMAINS)), 'no domain is left: domains are painting, photo, sketch'),
        (dict(domains='photo', left_out='photo'), 'domains are photo, left out are photo'),
        (dict(part='holdout', holdout=0.01), 'holdout part of domain .* has no images: change'),
        (dict(part='test'), "part='test' needs a list of images"),
        (dict(classes=['cat', 'dog', 'owl']), 'domains painting, photo, sketch have no image of '
         'class owl to learn from: add some'),
        (dict(classes=['cat']), 'painting has .*dog, which is not one of the 1 classes: cat'),
        (dict(holdout=1.0), 'holdout must be above 0 and below 1, but got 1.0'),
        (dict(holdout='0.2'), "holdout must be above 0 and below 1, but got '0.2'"),
        (dict(holdout=float('nan')), 'holdout must be above 0 and below 1, but got nan'),
        (dict(seed=-1), 'MultiDomain: seed must be an integer of 0 or more, but got -1'),
        (dict(seed=None), 'MultiDomain: seed must be .*, but got None'),
        (dict(seed=1.5), 'MultiDomain: seed must be .*, but got 1.5'),
        (dict(stratify='yes'), "MultiDomain: stratify must be True or False, but got 'yes'"),
        (dict(part='train'), r"part must be one of .*'holdout'.*, but got 'train'"),
    ],
)
def test_what_cannot_be_is_refused(root, settings, message):
    with pytest.raises(ValueError, match=message):
        _make(root, **settings).full_init()


def test_a_folder_that_is_not_there_is_named(root):
    with pytest.raises(FileNotFoundError, match='MultiDomain: folder .*nowhere does not exist'):
        MultiDomain(data_root=str(root / 'nowhere'))
    with pytest.raises(FileNotFoundError, match='VLCS: domain folder .*Caltech101 does not exist'):
        VLCS(data_root=str(root))


def test_a_class_that_one_domain_lacks_is_warned_of_and_one_that_all_lack_refused(root, said):
    for file in (root / 'sketch' / 'dog').iterdir():
        file.unlink()
    _make(root)
    assert len(said) == 1 and 'domain sketch has no image of class dog' in said[0]
    with pytest.raises(ValueError, match='have no image of class dog to learn from'):
        _make(root, domains='sketch')
    assert len(_make(root, domains='sketch', test_mode=True)) == 7
    # Classes are those of all domains, whichever are chosen.
    (root / 'sketch' / 'dog').rmdir()
    dataset = _make(root, domains=['sketch', 'photo'])
    assert dataset.metainfo['classes'] == CLASSES
    for file in (root / 'sketch' / 'cat').iterdir():
        file.unlink()
    with pytest.raises(ValueError, match='domain sketch is empty: .*sketch has no images'):
        _make(root)


@pytest.mark.parametrize('more, end', [((), ': '), (('owl',), ' and 1 other: '),
                                       (('owl', 'rat'), ' and 2 others: ')])  # fmt: skip
def test_missing_classes_are_counted(root, said, more, end):
    _make(root, classes=[*CLASSES, 'fox', *more], test_mode=True)
    assert f'domain photo has no image of class fox{end}' in said[1]


def test_grey_images_are_said(root, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmct.datasets.images.print_log', lambda message, **settings: said.append(message)
    )
    _make(root)
    assert not said
    file = root / 'sketch' / 'cat' / '00.png'
    cv2.imwrite(str(file), np.arange(30, dtype=np.uint8).reshape(6, 5))
    _make(root, domains='sketch')
    assert said == [f'{file} is grey: it is read as three equal channels']
    # An error is reported when the image is read.
    file.write_bytes(b'no image')
    _make(root, domains='sketch')
    assert said[1:] == []


def test_a_hold_out_may_lack_a_small_class_and_a_stratified_one_does_not(root, said):
    # As OfficeHome: 3 of 23 images of a domain are of the smaller class.
    for file in list((root / 'photo' / 'dog').glob('*.png'))[3:]:
        file.unlink()
    settings = [dict(domains='photo', holdout=0.2, seed=seed) for seed in range(20)]
    for split in settings:
        assert len(_make(root, part='holdout', **split)) == round(0.2 * 13)
    assert 1 <= len(said) < 20 and 'has no image of class dog' in said[0]
    assert 'stratify=True' in said[0]
    said.clear()
    chosen = set()
    for split in settings:
        parts = [_make(root, part=part, stratify=True, **split) for part in ('training', 'holdout')]
        counts = [[part.get_gt_labels().tolist().count(n) for n in (0, 1)] for part in parts]
        assert counts == [[8, 2], [2, 1]]
        assert sorted(_paths(parts[0]) + _paths(parts[1])) == _paths(_make(root, domains='photo'))
        chosen.add(tuple(_paths(parts[1])))
    assert len(chosen) > 5
    assert not said
    # The only image of a class is for training.
    for file in sorted((root / 'photo' / 'dog').glob('*.png'))[1:]:
        file.unlink()
    assert _make(root, domains='photo', part='training', stratify=True).get_gt_labels()[-1] == 1


def test_an_image_that_cannot_be_read_is_named(root):
    file = root / 'photo' / 'cat' / '03.png'
    dataset = _make(root, domains='photo')
    for content in (b'', b'no image', file.read_bytes()[:60]):
        file.write_bytes(content)
        with pytest.raises(OSError, match='photo/cat/03.png cannot be read: '):
            dataset[3]
    file.unlink()
    with pytest.raises(OSError, match='photo/cat/03.png cannot be read: .*No such file'):
        dataset[3]


def test_an_error_of_the_pipeline_is_not_taken_for_the_images(root):
    # Nothing has loaded what is to be normalised.
    steps = [dict(type='Normalize', mean=[0.0] * 3, std=[1.0] * 3)]
    dataset = MultiDomain(data_root=str(root), pipeline=steps)
    with pytest.raises(KeyError, match='img'):
        dataset[0]


def test_a_truncated_jpeg_is_named_instead_of_filled_with_grey(root):
    file = root / 'photo' / 'cat' / '03.jpg'
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    content = cv2.imencode('.jpg', image)[1].tobytes()
    row = 3  # before 03.png
    for whole in (content, content + b'\0\0', content + b'camera'):
        file.write_bytes(whole)
        assert _make(root, domains='photo')[row]['inputs'].shape == (3, 40, 40)
    dataset = _make(root, domains='photo')
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(OSError, match='photo/cat/03.jpg cannot be read: .*[Tt]runcated'):
        dataset[row]


@pytest.mark.parametrize(
    ('benchmark', 'classes', 'images'),
    [(VLCS, 5, 10729), (PACS, 7, 9991), (OfficeHome, 65, 15588), (TerraIncognita, 10, None)],
)
def test_the_benchmarks_are_what_is_published(benchmark, classes, images):
    assert len(benchmark.DOMAINS) == 4
    assert len(set(benchmark.METAINFO['classes'])) == classes
    assert images is None or sum(benchmark.IMAGES.values()) == images
    assert DATASETS.get(benchmark.__name__) is benchmark


def test_another_number_of_images_than_is_published_is_said(root, said):
    class Small(MultiDomain):
        METAINFO = {'classes': CLASSES}
        DOMAINS = tuple(DOMAINS)
        IMAGES = dict(photo=20, painting=31)

    Small(data_root=str(root))
    assert len(said) == 1
    assert 'painting has 30 images, but the published set has 31' in said[0]


@pytest.mark.parametrize('world', [1, 2])
def test_every_batch_of_every_process_has_as_many_of_each_domain(root, monkeypatch, world):
    dataset = _make(root)
    ranks = []
    for rank in range(world):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda r=rank: (r, world))
        stream = iter(DomainSampler(dataset, seed=7))
        ranks.append([next(stream) for _ in range(90)])
    domains = [[dataset.get_data_info(row)['domain'] for row in rows] for rows in ranks]
    for rank in domains:
        for start in range(0, 90, 6):
            assert sorted(rank[start : start + 6]) == [0, 0, 1, 1, 2, 2]
    # Together they draw what one process does, each image once before one comes again.
    rounds = [[tuple(rows[i : i + 3]) for i in range(0, 90, 3)] for rows in ranks]
    drawn = [each for together in zip(*rounds, strict=True) for each in together]
    photos = [photo for _, photo, _ in drawn]
    assert len(set(photos[:20])) == 20
    assert len(set(photos[:40])) == 20
    assert photos[:20] != photos[20:40]
    monkeypatch.undo()
    alone = iter(DomainSampler(dataset, seed=7))
    assert [row for each in drawn for row in each] == [next(alone) for _ in range(90 * world)]
    other = iter(DomainSampler(dataset, seed=8))
    assert [next(other) for _ in range(90)] != ranks[0]


def test_domains_of_equal_size_are_drawn_in_orders_of_their_own():
    class Rows(list):
        def get_data_info(self, row):
            return dict(domain=row // 20)

    stream = iter(DomainSampler(Rows(range(60)), seed=7))
    rounds = np.array([next(stream) for _ in range(60)]).reshape(20, 3) % 20
    assert not (rounds[:, 0] == rounds[:, 1]).all()
    assert not (rounds[:, 1] == rounds[:, 2]).all()


def test_the_sampler_needs_domains(root):
    plain = DATASETS.build(
        dict(type='CustomDataset', data_root=str(root), data_prefix='photo', pipeline=[])
    )
    with pytest.raises(ValueError, match='with the domain of each .*, but CustomDataset has none'):
        DomainSampler(plain, seed=0)
