"""A damaged checkpoint is refused in one line, or is what it was before: never other weights."""

import io
import json
import random
import shutil
from pathlib import Path

import grounds
import torch
from processes import Ended, call, contents

from mmct.runs.errors import CTError
from mmct.runs.identity import digest
from mmct.runs.weights import load, load_state_dict

COUNT = 200
# Of so many cases one goes through a tool, the others to what the tools read with.
_THROUGH_A_TOOL = 4
_TRAIN = ('train', 'ct.py', '--work-dir', 'stopped')
_NEW = ('train', 'ct.py', '--work-dir', 'new')
# A checkpoint and the start that reads it.
STARTS = (
    ('stopped/epoch_2.pth', (*_TRAIN, '--resume')),
    ('stopped/epoch_2.pth', (*_TRAIN, '--resume', 'stopped/epoch_2.pth')),
    ('stopped/teacher/teacher.pth', (*_TRAIN, '--resume')),
    ('stopped/teacher/teacher.pth', (*_NEW, '--teacher', 'stopped/teacher/teacher.pth')),
    ('weights.pth', (*_NEW, '--cfg-options', 'load_from=weights.pth')),
    ('weights.pth', ('test', 'ct.py', 'weights.pth', '--work-dir', 'new', '--out', 'out.json',
                     '--out-item', 'metrics')),
    ('run/epoch_3.pth', ('test', 'ct.py', 'run/epoch_3.pth', '--work-dir', 'new', *grounds.SCORED,
                         '--out', 'out.json')),
)  # fmt: skip


def prepare(folder: Path, seed: int) -> dict:
    """Make the folder, and what each start makes of sound checkpoints."""
    grounds.make(folder)
    sound = {}
    for _, argv in STARTS:
        place = folder.with_name('sound')
        shutil.copytree(folder, place)
        grounds.must(call(place, *argv))
        sound[argv] = _outcome(place, argv)
        shutil.rmtree(place)
    return dict(folder=folder, sound=sound)


def drill(ground: dict, folder: Path, rng: random.Random, number: int) -> tuple[str, str]:
    """Damage a checkpoint and read it; what was done, and what is wrong."""
    file, argv = rng.choice(STARTS)
    if number % _THROUGH_A_TOOL:
        folder.mkdir(parents=True)
        path = folder / Path(file).name
        shutil.copy(ground['folder'] / file, path)
        how = damage(path, rng)
        return f'{file}: {how}', _read(ground['folder'] / file, path)
    shutil.copytree(ground['folder'], folder)
    how = damage(folder / file, rng)
    before = contents(folder)
    ended = call(folder, *argv)
    done = f'{file}: {how}: {" ".join(argv)}'
    if ended.code == 0:
        same = _outcome(folder, argv) == ground['sound'][argv]
        return done, '' if same else 'another outcome'
    return done, _refused(ended, Path(file).name) or _lost(before, contents(folder))


def damage(path: Path, rng: random.Random) -> str:
    """Flip bytes of a file, or cut it off."""
    content = bytearray(path.read_bytes())
    size = len(content)
    if rng.random() < 0.15:
        left = rng.choice((0, 1, rng.randrange(size), size - rng.randrange(1, 64)))
        path.write_bytes(content[:left])
        return f'cut off after {left} of {size} bytes'
    # The directory is at the end, the pickle at the beginning, headers are between storages.
    first, last = rng.choice(((0, size), (0, 4096), (0, 128), (-4096, size), (-64, size)))
    where = range(size)[first:last]
    places = [rng.choice(where) for _ in range(rng.choice((1, 1, 4, 16)))]
    for place in places:
        content[place] ^= rng.randrange(1, 256)
    path.write_bytes(content)
    return f'{len(places)} bytes flipped, the first at {places[0]} of {size}'


def _read(sound: Path, path: Path) -> str:
    """Read a damaged file as the tools do."""
    try:
        found, weights = load(path), load_state_dict(path)
    except CTError as error:
        text = str(error)
        return '' if '\n' not in text and str(path) in text else f'says: {text}'
    same = _written(found) == _written(load(sound))
    return '' if same and digest(weights) == digest(load_state_dict(sound)) else 'other content'


def _written(checkpoint: object) -> bytes:
    file = io.BytesIO()
    torch.save(checkpoint, file)
    return file.getvalue()


def _refused(ended: Ended, name: str) -> str:
    """Say what is wrong with a refusal; nothing, as it should be."""
    if ended.code != 2 or 'Traceback' in ended.err or len(ended.last) > 1000:
        return f'exit code {ended.code}: {ended.err[-1500:]}'
    if name not in ended.last or ended.seconds > 60:
        return f'after {ended.seconds:.0f} s: {ended.last}'
    return ''


def _lost(before: dict, after: dict) -> str:
    changed = [name for name, mark in before.items() if after.get(name) != mark]
    return f'changed: {changed}' if changed else ''


def _outcome(folder: Path, argv: tuple[str, ...]) -> str:
    """Digest what a start leaves: weights, or what was measured."""
    if argv[0] == 'train':
        run = folder / argv[argv.index('--work-dir') + 1]
        found = grounds.final(run)
        return digest({k: v for k, v in found.items() if isinstance(v, torch.Tensor)})
    return json.dumps(json.loads((folder / 'out.json').read_text()))
