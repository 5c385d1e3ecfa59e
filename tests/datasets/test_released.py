"""Released sets fetched from a local server that breaks off, refuses and lies."""

import hashlib
import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from mmct.corruptions import CATEGORIES, CORRUPTIONS
from mmct.datasets import CIFAR10C, CIFAR100C, CIFAR10CBar, ImageNetC, TinyImageNetC, released
from mmct.datasets.released import Archive, unpack
from mmct.runs import CTError

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()


def packed(files, links=()):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w') as tar:
        for name, each in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(each)
            tar.addfile(member, io.BytesIO(each))
        for name, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return content.getvalue()


def arrays(names=CORRUPTIONS, count=5):
    files = {}
    for name in names:
        content = io.BytesIO()
        np.save(content, np.full((count, 32, 32, 3), CORRUPTIONS.index(name), np.uint8))
        files[f'CIFAR-10-C/{name}.npy'] = content.getvalue()
    content = io.BytesIO()
    np.save(content, np.zeros(count, int))
    return {**files, 'CIFAR-10-C/labels.npy': content.getvalue()}


def serve(server, monkeypatch, kind, **contents):
    """Serve tar files, each with its corruptions, in place of a set's own."""
    server.files |= {f'{name}.tar': content for name, (content, _) in contents.items()}
    archives = tuple(
        Archive(server.url(f'{name}.tar'), hashlib.md5(content).hexdigest(), corruptions)
        for name, (content, corruptions) in contents.items()
    )
    monkeypatch.setattr(kind, 'ARCHIVES', archives)


def test_a_set_of_arrays_is_fetched_if_it_is_asked_for(server, tmp_path, monkeypatch):
    content = packed({'CIFAR-10-C/._fog.npy': b'x', 'CIFAR-10-C/README.txt': b'x', **arrays()})
    serve(server, monkeypatch, CIFAR10C, set=(content, CORRUPTIONS))
    root = tmp_path / 'CIFAR-10-C'
    with pytest.raises(FileNotFoundError, match=r'download=True \(--download\) fetches'):
        CIFAR10C(data_root=str(root))
    assert not server.ranges and not root.exists()
    server.cuts = [len(content) // 2]
    cells = CIFAR10C(data_root=str(root), download=True)
    assert len(cells.cells) == 95 and cells.read(47, slice(None)).max() == 9
    assert len(server.ranges) == 2
    visible = {path.name for path in root.iterdir() if not path.name.startswith('.')}
    assert visible == {f'{name}.npy' for name in (*CORRUPTIONS, 'labels')}
    assert not (root / '.unpacking').exists()
    # What is there is not fetched again.
    CIFAR10C(data_root=str(root), download=True)
    assert len(server.ranges) == 2
    # Labels are a part of it.
    (root / 'labels.npy').unlink()
    assert len(CIFAR10C(data_root=str(root), corruptions=['fog'], download=True).labels) == 1
    assert len(server.ranges) == 3


def test_a_set_of_folders_is_fetched_in_parts(server, tmp_path, monkeypatch):
    picture = io.BytesIO()
    Image.new('RGB', (64, 64), 'green').save(picture, 'JPEG')

    class Tiny(TinyImageNetC):
        NUM_CLASSES = 2

    def files(names):
        return packed({
            f'Tiny-ImageNet-C/{name}/{severity}/{label}/0.JPEG': picture.getvalue()
            for name in names for severity in range(1, 6) for label in ('n01', 'n02')
        })  # fmt: skip

    noise, extra = CATEGORIES['noise'], CATEGORIES['extra']
    serve(server, monkeypatch, Tiny, noise=(files(noise), noise), extra=(files(extra), extra))
    settings = dict(data_root=str(tmp_path), download=True)
    cells = Tiny(corruptions=noise[:1], severities=[1, 5], **settings)
    assert cells.read(1, slice(None)).shape == (2, 64, 64, 3)
    assert len(server.ranges) == 1
    assert {name for name in CORRUPTIONS if (tmp_path / name).exists()} == set(noise)
    Tiny(corruptions=['saturate'], **settings)
    assert len(server.ranges) == 2


def test_another_file_than_the_released_one_is_refused(server, tmp_path, monkeypatch):
    serve(server, monkeypatch, CIFAR10C, set=(packed(arrays()), CORRUPTIONS))
    server.files['set.tar'] = CONTENT
    with pytest.raises(CTError, match=r'set\.tar is not the released file: its MD5 is'):
        CIFAR10C(data_root=str(tmp_path), download=True)
    # It is not gone on with; one of the user's own is kept.
    assert [path.name for path in tmp_path.iterdir()] == ['.download.lock']
    (tmp_path / 'set.tar').write_bytes(CONTENT)
    with pytest.raises(CTError, match=r'/set\.tar is not the released file'):
        CIFAR10C(data_root=str(tmp_path), download=True)
    assert (tmp_path / 'set.tar').read_bytes() == CONTENT and len(server.ranges) == 1


def test_a_downloaded_archive_is_gone_at_the_end_also_if_unpacking_was_interrupted(
    server, tmp_path, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    serve(server, monkeypatch, CIFAR10C, set=(packed(arrays()), CORRUPTIONS))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(released, 'unpack', interrupted)
        CIFAR10C(data_root=str(tmp_path), download=True)
    assert len(CIFAR10C(data_root=str(tmp_path), download=True).cells) == 95
    assert len(server.ranges) == 1 and not list(tmp_path.glob('*set.tar*'))
    assert not list(tmp_path.glob('.*.downloaded'))


def test_nothing_is_written_outside_or_over_what_is_there(tmp_path):
    root = tmp_path / 'root'
    root.mkdir()
    (root / 'snow').mkdir()
    (root / 'snow' / 'mine').write_text('mine')
    bad = ('../evil/fog/1/a', '/tmp/fog/../../x', 'set/fog/../../evil', 'set/fog/.hidden/a', 'evil')
    (tmp_path / 'set.tar').write_bytes(
        packed(
            {**dict.fromkeys(bad, b'x'), 'set/snow/theirs': b'x', 'set/fog/1/b': b'good'},
            [('set/fog/link', '/etc/passwd'), ('set/frost', '/tmp')],
        )
    )
    unpack(tmp_path / 'set.tar', root, {'fog', 'snow', 'frost'})
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob('*') if path.is_file()}
    # Of the first, the part that is of the set.
    assert found == {'set.tar', 'root/snow/mine', 'root/fog/1/a', 'root/fog/1/b'}
    assert not any(path.is_symlink() for path in tmp_path.rglob('*'))


def test_sets_that_cannot_be_fetched(server, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match='CIFAR10CBar: there is no released file to download'):
        CIFAR10CBar(data_root=str(tmp_path), download=True)
    serve(server, monkeypatch, CIFAR10C, set=(packed(arrays()), CORRUPTIONS))
    (tmp_path / 'manifest.json').write_text('{}')
    with pytest.raises(ValueError, match='holds a generated set: download into another folder'):
        CIFAR10C(data_root=str(tmp_path), download=True)
    assert not server.ranges


def test_what_a_process_that_was_killed_at_the_end_left_is_removed(server, tmp_path, monkeypatch):
    serve(server, monkeypatch, CIFAR10C, set=(packed(arrays()), CORRUPTIONS))
    CIFAR10C(data_root=str(tmp_path), download=True)
    left = CIFAR10C.ARCHIVES[0].downloaded(tmp_path)
    left.write_bytes(b'an archive')
    CIFAR10C(data_root=str(tmp_path), corruptions=['fog'], download=True)
    assert not left.exists() and len(server.ranges) == 1
    # Where a part of it is not there yet, the next call goes on with it.
    left.write_bytes(b'an archive')
    (tmp_path / 'snow.npy').unlink()
    CIFAR10C(data_root=str(tmp_path), corruptions=['fog'], download=True)
    assert left.exists()


@pytest.mark.parametrize('kind', [CIFAR10C, CIFAR100C, ImageNetC, TinyImageNetC])
def test_the_records_have_each_corruption_once(kind):
    urls, digests = ([getattr(each, key) for each in kind.ARCHIVES] for key in ('url', 'md5'))
    assert all(url.startswith('https://zenodo.org/records/') for url in urls)
    assert all(len(bytes.fromhex(md5)) == 16 for md5 in digests) and len({*digests}) == len(urls)
    names = [name for each in kind.ARCHIVES for name in each.corruptions]
    assert sorted(names) == sorted(CORRUPTIONS)
