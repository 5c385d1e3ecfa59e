"""A JSON file of another shape, or with hostile content, is refused in a line or does no harm."""

import copy
import json
import random
import shutil
from pathlib import Path
from typing import Any

import grounds
from processes import call, contents

COUNT = 50
_RESUME = ('train', 'ct.py', '--work-dir', 'stopped', '--resume')
_SCORE = ('test', 'ct.py', 'run/epoch_3.pth', '--work-dir', 'tested', '--name', 'two',
          *grounds.SCORED, '--out', 'two.json')  # fmt: skip
_REPORT = ('report', 'one.json', 'two.json', '-o', 'page.html', '--csv', 'cells.csv',
           '--markdown', 'table.md')  # fmt: skip
_STUDY = ('study', 'study.py', '--work-dir', 'out')
# A file and the start that reads it. A star: one of those.
STARTS = (
    ('stopped/teacher/teacher.json', _RESUME),
    ('stopped/seed.json', (*_RESUME, '--cfg-options', 'randomness.seed=None')),
    ('two.json.partial', _SCORE),
    ('two.json', _SCORE),
    ('two.json', _REPORT),
    ('set/manifest.json', ('make_corruptions', 'ct.py', 'set', '--corruptions', 'fog', 'contrast',
                           '--severities', '1', '5', '--jobs', '1')),
    ('set/manifest.json', _SCORE),
    ('out/study.json', (*_STUDY, '--report-only')),
    ('out/study.json', _STUDY),
    ('out/results/*.json', (*_STUDY, '--report-only')),
)  # fmt: skip
WEIRD = (None, True, -1, 0, 1e9, 10**30, float('nan'), float('inf'), '', [], {}, [[]], 'text')
HOSTILE = ('\x1b[31mred\x1b]0;title\x07', '[/bn][bold]', 'a|b', 'two\nlines', '=cmd()', '../../x',
           '/tmp/mmct_drill_x', '\u202etxt', 'a' * 5000, '<script>alert(1)</script>')  # fmt: skip


def prepare(folder: Path, seed: int) -> dict:
    """Make the folder, and what each start makes of sound files."""
    grounds.make(folder)
    (folder / 'stopped' / 'seed.json').write_text('{"seed": 0}')
    # A result that lacks its last cell, as a run that was killed leaves it.
    result = json.loads((folder / 'two.json').read_text())
    cells = [result['clean'], *result['cells']]
    marks = dict(
        weights_sha256=result['model']['weights_sha256'],
        fp16=False,
        recalibrate_bn=0,
        data=result['data'],
        cells=[[cell['corruption'], cell['severity']] for cell in cells],
    )
    started = json.dumps(dict(marks=marks, cells=cells[:-1], examples=result['examples'][:1]))
    sound = {}
    for case in STARTS:
        place = _place(folder, folder.with_name('sound'), case[0], started)
        grounds.must(call(place, *case[1]))
        sound[case] = contents(place)
        shutil.rmtree(place)
    return dict(folder=folder, started=started, sound=sound)


def _place(source: Path, folder: Path, file: str, started: str) -> Path:
    shutil.copytree(source, folder)
    if file.endswith('.partial'):
        (folder / 'two.json').unlink()
        (folder / file).write_text(started)
    return folder


def drill(ground: dict, folder: Path, rng: random.Random, number: int) -> tuple[str, str]:
    """Change a JSON file and start what reads it; how, and what is wrong with the answer."""
    case = STARTS[number % len(STARTS)]
    # In a folder of its own: what is written beside it shows.
    place = _place(ground['folder'], folder / 'in' / 'here', case[0], ground['started'])
    file = rng.choice(sorted(place.glob(case[0])))
    canary = folder / 'canary'
    value, how, alike = changed(json.loads(file.read_text()), rng, canary)
    text = value if isinstance(value, str) and how == 'nested deeply' else json.dumps(value)
    file.write_text(text, 'utf-8')
    before = contents(place)
    ended = call(place, *case[1])
    done = f'{case[0]}: {how}: {" ".join(case[1])}'
    escaped = [str(p) for p in (canary, Path('/tmp/mmct_drill_x')) if p.exists()]
    escaped += [p.name for p in (folder, folder / 'in') for p in p.iterdir()
                if p.name not in ('in', 'here', 'here.out', 'here.err')]  # fmt: skip
    if escaped or '\x1b' in ended.err + ended.out:
        return done, f'outside of the folder: {escaped}; or an ESC is printed'
    if ended.seconds > 20:
        return done, f'it took {ended.seconds:.0f} s'
    after = contents(place)
    if ended.code == 2 and 'Traceback' not in ended.err:
        lost = [name for name, mark in before.items() if after.get(name) != mark]
        named = any(part.split('.')[0] in ended.last for part in file.relative_to(place).parts)
        short = len(ended.last) < 2000 and named
        return done, f'changed: {lost}' if lost else '' if short else f'it says: {ended.last[:500]}'
    if ended.code != 0:
        return done, f'exit code {ended.code}: {ended.err[-1200:]}'
    sound = ground['sound'][case]
    # A value of the same type may be shown; another must not matter.
    names = sorted(n for n in after.keys() ^ sound.keys())
    if not alike:
        skipped = str(file.relative_to(place))
        names += [n for n in after.keys() & sound.keys() if after[n] != sound[n] and n != skipped]
    return done, f'accepted, and {names} differ' if names else ''


def changed(value: Any, rng: random.Random, canary: Path) -> tuple[Any, str, bool]:
    """Change a value somewhere.

    Returns:
        tuple: The value, what was changed, and whether its type is as before.
    """
    if rng.random() < 0.06:
        return '[' * 100_000 + ']' * 100_000, 'nested deeply', False
    value = copy.deepcopy(value)
    path, owner, key = [], None, None
    here = value
    while isinstance(here, (dict, list)) and here and (not path or rng.random() < 0.75):
        owner, key = here, rng.choice(list(here) if isinstance(here, dict) else range(len(here)))
        path.append(str(key))
        here = owner[key]
    if owner is None:
        return rng.choice(WEIRD), 'another value for all', False
    where = '.'.join(path)[:80]
    what = rng.choice(('gone', 'another', 'another', 'hostile', 'hostile', 'name', 'code'))
    if what == 'gone':
        del owner[key]
        return value, f'{where} gone', False
    if what == 'name' and isinstance(owner, dict):
        name = rng.choice(HOSTILE)
        owner[name] = owner.pop(key)
        return value, f'{where} named {name[:30]!r}', True
    new = dict(
        code=dict(type='os.system', command=f'touch {canary}'), hostile=rng.choice(HOSTILE)
    ).get(what, rng.choice(WEIRD))
    owner[key] = new
    return value, f'{where}={str(new)[:60]!r}', type(new) is type(here)
