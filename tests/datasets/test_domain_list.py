"""Lists of images with classes, domains and splits, as people have them."""

import pytest
from PIL import Image

from mmct.datasets import VLCS, MultiDomain


@pytest.fixture
def root(tmp_path):
    """Twelve pictures in one folder, as hospitals have them."""
    (tmp_path / 'patches').mkdir()
    for number in range(12):
        Image.new('RGB', (4, 4)).save(tmp_path / 'patches' / f'{number}.png')
    return tmp_path


def write(root, *lines, name='images.csv'):
    (root / name).write_text('\n'.join(lines) + '\n', encoding='utf-8-sig')


def rows(dataset):
    names = dataset.metainfo['domains']
    infos = [dataset.get_data_info(row) for row in range(len(dataset))]
    return [
        (info['img_path'].split('/')[-1], info['gt_label'], names[info['domain']])
        for info in infos
    ]


def make(root, name='images.csv', **settings):
    return MultiDomain(data_root=str(root), ann_file=name, **settings)


# The head of WILDS's metadata, with its index; PACS's lists, with a head; names in quotes.
@pytest.mark.parametrize(
    ('head', 'line', 'settings'),
    [
        ('path,label,domain,split', 'patches/{0}.png,{1},{2},{3}', {}),
        (
            ',filename,y,hospital,split', '7,patches/{0}.png,{1},{2},{3}',
            dict(columns=dict(path='filename', label='y', domain='hospital')),
        ),
        ('path\tlabel\tdomain\tsplit', 'patches/{0}.png\t{1}\t{2}\t{3}', {}),
        ('path label domain split', 'patches/{0}.png {1} {2} {3}', {}),
        ('"path", "label", "domain", "split"', '"patches/{0}.png", "{1}", "{2}", "{3}"', {}),
    ],
)  # fmt: skip
def test_a_list_names_classes_domains_and_splits(root, head, line, settings):
    splits = ('train', 'val', 'test')
    values = [(n, 10 - n % 2, 'ab'[n // 6], splits[n % 6 // 2]) for n in range(12)]
    write(root, head, *(line.format(*value) for value in values))
    everything = make(root, **settings)
    # Numbers are ordered as such: 9 before 10.
    assert everything.metainfo['classes'] == ('9', '10')
    assert rows(everything) == [(f'{n}.png', 1 - n % 2, 'ab'[n // 6]) for n in range(12)]
    found = {
        part: [int(name[:-4]) for name, *_ in rows(make(root, part=part, **settings))]
        for part in ('training', 'holdout', 'test')
    }
    assert found == dict(training=[0, 1, 6, 7], holdout=[2, 3, 8, 9], test=[4, 5, 10, 11])
    assert {domain for *_, domain in rows(make(root, left_out='a', **settings))} == {'b'}


def test_without_splits_it_is_split_at_random_and_without_labels_paths_name_them(tmp_path):
    paths = [f'{d}/{c}/deep/{n}.png' for d in 'ab' for c in ('cat', 'dog') for n in range(5)]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (4, 4)).save(tmp_path / path)
    # Half of what is there.
    write(tmp_path, 'path', *paths[::2], name='half.csv')
    dataset = make(tmp_path, 'half.csv')
    assert rows(dataset) == [(p.split('/')[-1], int(p[2:5] == 'dog'), p[0]) for p in paths[::2]]
    parts = [make(tmp_path, 'half.csv', part=part, holdout=0.4) for part in ('training', 'holdout')]
    assert [len(part) for part in parts] == [6, 4]
    assert sorted(rows(parts[0]) + rows(parts[1])) == sorted(rows(dataset))
    # In full, the same paths name the same.
    write(tmp_path, 'path', *(str(tmp_path / path) for path in paths[::2]), name='full.csv')
    assert rows(make(tmp_path, 'full.csv')) == rows(dataset)


@pytest.mark.parametrize(
    ('lines', 'settings', 'message'),
    [
        (['path,label,domain'], {}, 'images.csv lists no images'),
        (['name,label', 'a,b'], {}, r"no column 'path'; .*has name, label: .*columns=dict\(path="),
        (['path,label,domain', '{0},cat'], {}, 'images.csv, line 2: domain is empty'),
        (['path', '{0}'], {}, 'line 2: without columns label and domain a path must be'),
        (['path', '/a/b/c.png'], {}, 'line 2: without columns label and domain a path must be'),
        (['path,label', '/a/b/c.png,1'], {}, 'must be <domain>/<class>/[*] in .* it is /a/b/c.png'),
        (['path,label,domain,split', '{0},1,a,trian'], {}, "line 2: split is trian: did you mean"),
        (['path,label,domain', '{0},1,a', '{0},1,a'], {}, 'lists .*patches/0.png twice'),
        (
            ['path,label,domain', '{0},owl,a'], dict(classes=['cat', 'dog']),
            'class owl, which is not one of the 2 classes: choose from cat, dog',
        ),
        (['path,label,domain', '{0},2,a'], dict(classes=['cat', 'dog']), 'class 2, which is not'),
        (
            ['path,label,domain,split', '{0},1,a,train'], dict(part='holdout'),
            'MultiDomain: .*images.csv has no images of part holdout: list some',
        ),
        (
            ['path,label,domain,split', '{0},1,a,test'], dict(domains='a', part='holdout'),
            'holdout part of domain a .0 of 1 images. .* its images are of test: change part',
        ),
        (['path,label,domain,domain', '{0},1,a,b'], {}, "has 2 columns 'domain': rename all but"),
        (['path,path,label,domain', '{0},x,1,a'], {}, "has 2 columns 'path': rename all but one"),
        (['path,label,domain', '{0},1,a,b'], {}, 'line 2 has more values than the first line'),
        (['path label', '{0} 1 , x'], {}, 'line 2 has more values than the first line'),
        (['path,label,domain', '{0},1,a'], dict(columns=dict(domian='domain')), "'domian'"),
        (['path,label,domain', '{0},1,a'], dict(domains='b'), "has no domain 'b'"),
    ],
)  # fmt: skip
def test_a_list_that_is_wrong_is_one_line(root, lines, settings, message):
    write(root, *(line.format('patches/0.png') for line in lines))
    with pytest.raises(ValueError, match=message) as raised:
        make(root, **settings)
    assert '\n' not in str(raised.value)


def test_a_random_split_does_not_depend_on_the_order_of_the_list(root):
    lines = [f'patches/{number}.png,{number % 2},a' for number in range(12)]
    held = []
    for order in (lines, lines[::-1]):
        write(root, 'path,label,domain', *order)
        held.append(sorted(rows(make(root, part='holdout', holdout=0.5, test_mode=True))))
    assert held[0] == held[1] and len(held[0]) == 6


def test_what_is_not_there_is_named(root):
    with pytest.raises(FileNotFoundError, match='there is no list of images .*other.csv'):
        make(root, 'other.csv')
    write(root, 'path,label,domain', 'patches/0.png,1,a', 'patches/x.png,1,a')
    with pytest.raises(FileNotFoundError, match='1 of the 2 images in .* do not exist, .*x.png'):
        make(root)
    (root / 'images.csv').write_bytes(b'\xff\xd8\xff\xe0\0')
    with pytest.raises(ValueError, match='images.csv is not a table of images'):
        make(root)


def test_a_benchmark_keeps_its_classes_and_domains(root):
    write(root, 'path,label,domain', 'patches/0.png,3,SUN09', 'patches/1.png,dog,LabelMe')
    with pytest.raises(ValueError, match='has class 3, which is not one of the 5 classes'):
        VLCS(data_root=str(root), ann_file='images.csv', test_mode=True)
    write(root, 'path,label,domain', 'patches/0.png,dog,SUN09', 'patches/1.png,dog,LabelMe')
    settings = dict(data_root=str(root), ann_file='images.csv', test_mode=True)
    dataset = VLCS(domains=['SUN09', 'LabelMe'], **settings)
    assert rows(dataset) == [('1.png', 3, 'LabelMe'), ('0.png', 3, 'SUN09')]
    with pytest.raises(ValueError, match='lists no images of domain Caltech101'):
        VLCS(**settings)
    write(root, 'path,label,domain', 'patches/0.png,dog,SUN9')
    with pytest.raises(ValueError, match="has domain 'SUN9': did you mean 'SUN09'"):
        VLCS(**settings)


def test_other_values_of_split_are_translated_and_what_has_none_is_left_out(root):
    """As WILDS has it: numbers, or a hold-out of the domains that are trained on."""
    values = ('train', 'id_val', 'ood', 'train')
    write(root, 'path,label,domain,split', *(
        f'patches/{n}.png,{n % 2},{"ab"[n // 6]},{values[n % 4]}' for n in range(12)
    ))  # fmt: skip
    splits = dict(train='training', id_val='holdout')
    found = [make(root, part=part, splits=splits) for part in ('training', 'holdout', 'all')]
    assert [len(each) for each in found] == [6, 3, 9]
    # Classes and domains are those of all images, or numbers would depend on the part.
    own = make(root, part='test', domains='a', splits={'ood': 'test'})
    assert own.metainfo['classes'] == ('0', '1') and own.metainfo['domains'] == ('a', 'b')
    with pytest.raises(ValueError, match="line 3: split is id_val.*splits={'id_val': 'training'}"):
        make(root, part='training')
    # Of nothing that is translated nothing is in a part.
    with pytest.raises(ValueError, match='has no images of part training: list some'):
        make(root, part='training', splits={})
    with pytest.raises(ValueError, match='domain a .0 of 6 images.* give splits for the values'):
        make(root, part='all', domains='a', splits={})
    for wrong in (dict(splits, ood='left out'), {0: 'training'}):
        with pytest.raises(ValueError, match='splits: .* must be a text, and stand for one of'):
            make(root, part='training', splits=wrong)
    write(root, 'path,label,domain', 'patches/0.png,1,a', name='bare.csv')
    with pytest.raises(ValueError, match="has no column 'split'"):
        make(root, name='bare.csv', splits=splits)


def test_domains_without_images_of_a_part_are_left_out_unless_they_are_asked_for(root, monkeypatch):
    """As WILDS's metadata.csv: whole domains are trained on, held out or tested on."""
    said = []
    monkeypatch.setattr(
        'mmct.datasets.multi_domain.print_log', lambda message, **settings: said.append(message)
    )
    parts = ('train', 'train', 'val', 'other')
    write(root, 'path,label,domain,split', *(
        f'patches/{n}.png,{n % 2},{n // 3 + 1},{parts[n // 3]}' for n in range(12)
    ))  # fmt: skip
    splits = dict(train='training', val='holdout')
    for part, domains in dict(training='12', holdout='3', all='123').items():
        said.clear()
        dataset = make(root, part=part, splits=splits)
        assert {domain for *_, domain in rows(dataset)} == set(domains)
        # Numbers are those of all domains.
        assert dataset.metainfo['domains'] == ('1', '2', '3', '4')
        assert f'for {4 - len(domains)} of 4 domains, such as ' in said[0]
    # A number, as --cfg-options reads it.
    for asked in ('3', 3, ['1', '3'], (1, 3)):
        with pytest.raises(ValueError, match='domain 3 .0 of 3 images.* its images are of holdout'):
            make(root, part='training', splits=splits, domains=asked)
    with pytest.raises(ValueError, match='has no images of part test: list some'):
        make(root, part='test', splits=splits)
    said.clear()
    assert len(make(root, part='training', splits=splits, left_out=['3', 4])) == 6
    assert not said


def test_separators_at_the_ends_of_lines_are_no_values(root):
    write(root, 'path,label,domain,,', 'patches/0.png,1,a,,', 'patches/1.png,1,b,,,,')
    assert rows(make(root)) == [('0.png', 0, 'a'), ('1.png', 0, 'b')]


def test_the_name_of_a_domain_is_not_a_path(root):
    values = [(n, n % 2, ('1', 'lab/1')[n // 6]) for n in range(12)]
    write(root, 'path,label,domain', *('patches/{}.png,{},{}'.format(*value) for value in values))
    expected = [(f'{n}.png', n % 2, domain) for n, _, domain in values]
    assert rows(make(root)) == expected
    assert rows(make(root, left_out='1')) == expected[6:]
